"""The downloader and the machine it runs on: files that are there, disks, other processes, and its own end."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

from signal_diffusion.recordings.download import dataset, folder

from .fetching import BIG, FILES, LARGE, fetch, found, part, refusal
from .publisher import Fault

ROOT = Path(__file__).resolve().parents[2]


def test_a_file_of_the_users_own_is_neither_replaced_nor_passed_over(home, out):
    out.mkdir(parents=True)
    (out / "subject-info.csv").write_text("Subject,Age\nmine,30\n")
    assert f"{out / 'subject-info.csv'}: found sha256" in (message := refusal(home.tree, out))
    assert "move it away and run it again" in message
    assert list(found(out)) == ["subject-info.csv"] and b"mine" in found(out)["subject-info.csv"]


def test_files_that_are_there_already_are_taken_after_a_comparison(home, out):
    (out / "chb01").mkdir(parents=True)
    (out / BIG).write_bytes(FILES[BIG])
    (out / "own.txt").write_text("mine")
    fetch(home.tree, out)
    assert home.got("chb01_03.edf") == [] and found(out) == FILES | {"own.txt": b"mine"}


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(home, out, monkeypatch):
    monkeypatch.setattr(dataset.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    message = refusal(home.tree, out)
    assert "1.07 MB are still to come and 1 MB are free" in message and "[datasets.mit] root" in message
    assert found(out) == {}
    part(home, out / "next", FILES[BIG][:500_000])
    fetch(home.tree, out / "next")


def test_a_place_that_cannot_be_written_to_is_named(home, out):
    out.parent.mkdir()
    out.touch()
    assert re.search(r"raw/mit/.download: \w.*; choose a folder", refusal(home.tree, out))
    out.unlink()
    fetch(home.tree, out)
    (out / ".download.json").unlink()
    (out / ".download.json").mkdir()
    assert re.search(r"raw/mit/.download.json: \w.*; make the folder writable", refusal(home.tree, out))


def test_two_processes_do_not_download_into_one_folder(home, out):
    with folder.receiving(out):
        assert f"{out}: another process downloads into it" in refusal(home.tree, out)
    assert not folder.unfinished(out)


def test_a_few_connections_work_at_once_and_no_more(home, out):
    home.files = {f"{number:02}.edf": b"x" * 100 for number in range(12)}
    events = {name: threading.Event() for name in home.files}
    home.faults = {name: [Fault(hold=event)] for name, event in events.items()}
    worker = threading.Thread(target=fetch, args=(home.tree, out, 3))
    worker.start()
    deadline = time.monotonic() + 20
    while home.busy < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    for event in events.values():
        event.set()
    worker.join(20)
    assert home.busiest == 3 and len(found(out)) == 12


class Script:
    """`python scripts/download.py` as a process of its own."""

    def __init__(self, address: str, out: Path, **options):
        command = [
            sys.executable,
            str(ROOT / "scripts/download.py"),
            "mit",
            "--from",
            address,
            "--out",
            str(out),
        ]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "lib"), "NO_PROXY": "127.0.0.1"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdout=-1, stderr=-1, **options
        )

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def wait_for_bytes(out: Path, count: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if any(path.stat().st_size >= count for path in (out / ".download").rglob("*.part")):
            return
        time.sleep(0.02)
    raise AssertionError("no part has grown")


def test_after_kill_9_the_same_command_goes_on_where_it_stopped(home, out):
    home.faults["chb01_03.edf"] = [Fault(hold=threading.Event()), Fault()]
    first = Script(home.tree, out)
    wait_for_bytes(out, LARGE // 2)
    first.process.kill()
    assert first.end()[0] == -signal.SIGKILL
    assert folder.unfinished(out) and BIG not in found(out)
    [part] = (out / ".download").rglob("chb01_03.edf*.part")
    stopped, arrived = part.stat().st_size, set(found(out))
    home.asked.clear()
    code, said, progress = Script(home.tree, out).end()
    assert code == 0 and found(out) == FILES
    assert home.got("chb01_03.edf") == [f"bytes={stopped}-"]
    assert not [name for name in arrived if home.got(name.rpartition("/")[2])]
    assert re.search(r"^mit 1\S* MB/1\S* MB \S+ .?B/s ETA 0:00 files (\d)/\1$", progress, re.MULTILINE)
    assert f"mit: complete in {out}; verified 6 by SHA-256" in said


def test_ctrl_c_ends_it_though_the_server_is_silent(home, out):
    home.faults["chb01_03.edf"] = [Fault(hold=threading.Event())]
    # What a shell runs in the background ignores Ctrl-C, and so would its children.
    script = Script(home.tree, out, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    wait_for_bytes(out, LARGE // 2)
    started = time.monotonic()
    script.process.send_signal(signal.SIGINT)
    code, _, errors = script.end()
    assert code == 130 and "Traceback" not in errors and time.monotonic() - started < 5


def test_a_disk_that_fills_up_ends_in_one_line_and_the_next_attempt_goes_on(home, out):
    limit = (LARGE // 2, LARGE // 2)
    script = Script(home.tree, out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    code, _, errors = script.end()
    [line] = [line for line in errors.splitlines() if line.startswith("error:")]
    assert code == 2 and f"{out / BIG}: File too large; make room" in line and "Traceback" not in errors
    home.asked.clear()
    fetch(home.tree, out)
    assert found(out) == FILES and home.got("chb01_03.edf") == [f"bytes={LARGE // 2}-"]


def test_planning_loads_nothing_of_the_network():
    code = "import sys; from signal_diffusion.recordings.download import folder; print(*sys.modules)"
    loaded = subprocess.check_output(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT / "lib")}
    )
    assert not {"requests", "urllib3", "ssl", "xml.etree"} & set(loaded.decode().split())
