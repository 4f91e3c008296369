"""The downloader against a server that cuts connections, corrupts bytes and lies about lengths."""

import hashlib
import json
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

import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets import math
from signal_diffusion.recordings.download import dataset, folder
from signal_diffusion.recordings.download.client import Patience
from signal_diffusion.recordings.download.dataset import download
from signal_diffusion.recordings.index import index_dataset

from .publisher import Fault, Publisher

ROOT = Path(__file__).resolve().parents[2]
NOISE = np.random.default_rng(0)
BIG, LARGE = "chb01/chb01_03.edf", 1_000_000
FILES = {
    "subject-info.csv": b"Subject,Age\n",
    BIG: NOISE.bytes(LARGE),
    "chb02/chb02_16+.edf": NOISE.bytes(70_000),
    "notes/what is it, \xe9 %41&.txt": b"odd names",
    "empty.tsv": b"",
}
SWIFT = Patience(attempts=3, pause=0.01, longest=0.05, silence=5)


@pytest.fixture
def home(monkeypatch) -> Publisher:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    publisher = Publisher(FILES)
    yield publisher
    publisher.shutdown()
    publisher.server_close()


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "raw/mit"


def fetch(address: str, out: Path, connections: int = 4) -> None:
    download("mit", address, out, connections, SWIFT)


def refusal(address: str, out: Path) -> str:
    with pytest.raises(UserError) as caught:
        fetch(address, out)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def found(out: Path) -> dict[str, bytes]:
    """The files that a dataset's module sees."""
    paths = (path for path in out.rglob("*") if path.is_file())
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in paths
        if not str(path.relative_to(out)).startswith(".download") and path.name != "SHA256SUMS.txt"
    }


def test_a_tree_arrives_whole_with_its_list_and_a_second_time_nobody_is_asked(home, out, capsys):
    fetch(home.tree, out)
    assert found(out) == FILES
    assert (out / "SHA256SUMS.txt").read_bytes() == home.checksums()
    assert "verified 6 by SHA-256" in capsys.readouterr().out
    asked = len(home.asked)
    fetch(home.tree, out)
    assert len(home.asked) == asked and "is complete" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == [".download.json"]


def test_a_bucket_arrives_over_all_pages_of_its_list(home, out, capsys):
    home.files |= {"folder/": b"", "many-parts.fdt": b"x" * 1000}
    home.tags["many-parts.fdt"] = "0123456789abcdef0123456789abcdef-3"
    fetch(home.bucket, out)
    assert found(out) == FILES | {"many-parts.fdt": b"x" * 1000}
    assert sum(path == "/bucket" for _, path, _ in home.asked) == 3
    assert "verified 5 by MD5, 1 by size alone" in capsys.readouterr().out


def test_what_the_record_says_can_be_checked_by_anyone(home, out):
    fetch(home.bucket, out)
    record = json.loads((out / ".download.json").read_text())
    assert record["address"] == home.bucket
    md5 = {name: [len(body), f"md5:{hashlib.md5(body).hexdigest()}"] for name, body in FILES.items()}
    assert record["files"] == md5 and list(md5) != sorted(md5) == list(record["files"])


@pytest.mark.parametrize("address", ["tree", "bucket"])
def test_a_cut_connection_goes_on_from_its_last_byte(home, out, address):
    home.faults["chb01_03.edf"] = [Fault(cut=300_000), Fault(cut=1), Fault(cut=500_000), Fault()]
    fetch(getattr(home, address), out)
    assert found(out) == FILES
    assert home.got("chb01_03.edf") == ["", "bytes=300000-", "bytes=300001-", "bytes=800001-"]


def test_a_server_without_ranges_sends_the_whole_file_again(home, out):
    home.ranges = False
    home.faults["chb01_03.edf"] = [Fault(cut=300_000), Fault()]
    fetch(home.tree, out)
    assert found(out) == FILES and home.got("chb01_03.edf") == ["", "bytes=300000-"]


def test_a_server_that_tells_no_sizes_is_believed_by_its_checksums(home, out):
    home.tells_sizes = False
    home.faults["chb01_03.edf"] = [Fault(cut=300_000), Fault()]
    fetch(home.tree, out)
    assert found(out) == FILES


def test_bytes_that_were_corrupted_once_are_fetched_again(home, out, capsys):
    home.faults["chb01_03.edf"] = [Fault(flip=True), Fault()]
    fetch(home.tree, out)
    assert found(out) == FILES and home.got("chb01_03.edf") == ["", ""]
    assert re.search(
        rf"{BIG}: found sha256 \w{{12}}, expected \w{{12}}; fetched once more", capsys.readouterr().out
    )


@pytest.mark.parametrize("address", ["tree", "bucket"])
def test_bytes_that_stay_corrupt_are_refused_by_name_and_the_others_come(home, out, address):
    home.faults["chb01_03.edf"] = [Fault(flip=True)]
    address = getattr(home, address)
    message = refusal(address, out)
    assert re.search(rf"/{BIG}: found \w+ \w{{12}}, expected \w{{12}}, twice", message)
    assert home.got("chb01_03.edf") == ["", ""]
    assert found(out) == {name: body for name, body in FILES.items() if name != BIG}
    assert folder.unfinished(out) and not folder.complete(out, address)


def test_only_what_is_missing_is_fetched_when_the_home_is_well_again(home, out):
    home.faults["chb01_03.edf"] = [Fault(flip=True)]
    refusal(home.tree, out)
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.csv")}
    home.asked.clear()
    home.faults.clear()
    fetch(home.tree, out)
    gets = [path for method, path, _ in home.asked if method == "GET"]
    assert gets == ["/tree/SHA256SUMS.txt", f"/tree/{BIG}"]
    assert found(out) == FILES and folder.complete(out, home.tree) and not folder.unfinished(out)
    assert kept == {path: path.stat().st_mtime_ns for path in out.rglob("*.csv")}


def test_a_deleted_file_comes_back(home, out):
    fetch(home.tree, out)
    (out / "subject-info.csv").unlink()
    fetch(home.tree, out)
    assert found(out) == FILES and len(home.got("subject-info.csv")) == 2


def test_a_body_longer_than_the_file_is_refused(home, out):
    home.faults["chb01_03.edf"] = [Fault(extra=b"more")]
    assert f"found {LARGE + 4} bytes, expected {LARGE}, twice" in refusal(home.tree, out)


def test_a_body_that_ends_early_without_saying_so_is_gone_on_with(home, out):
    home.faults["chb01_03.edf"] = [Fault(cut=400_000, claim=400_000), Fault()]
    fetch(home.tree, out)
    assert found(out) == FILES and home.got("chb01_03.edf") == ["", "bytes=400000-"]


def test_a_length_that_no_body_reaches_ends_in_one_line(home, out):
    home.files[BIG] += b"0123456789"  # HEAD and the list of checksums speak of these, no body has them
    home.faults["chb01_03.edf"] = [Fault(cut=LARGE, claim=LARGE + 10), Fault(cut=0)]
    assert re.search(rf"{BIG}: .*3 attempts in a row brought nothing", refusal(home.tree, out))


def test_a_busy_server_is_asked_again_after_as_long_as_it_says(home, out, capsys):
    home.faults["subject-info.csv"] = [Fault(status=503, retry_after="1"), Fault(status=429), Fault()]
    started = time.monotonic()
    fetch(home.tree, out)
    assert found(out) == FILES and len(home.got("subject-info.csv")) == 3
    assert time.monotonic() - started > min(1, 10 * SWIFT.longest)
    assert "503 Service Unavailable; goes on in 0.5 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "times", "says"),
    [
        (503, 3, "503 Service Unavailable; 3 attempts in a row brought nothing"),
        (404, 1, "404 Not Found"),
        (403, 1, "403 Forbidden; it may want a name and password, in ~/.netrc"),
    ],
)
def test_a_file_that_is_not_given_is_refused_by_name(home, out, status, times, says):
    home.faults["chb01_03.edf"] = [Fault(status=status)]
    assert f"mit: {home.tree}{BIG}: {says}; run it again" in refusal(home.tree, out)
    assert len(home.got("chb01_03.edf")) == times
    assert len(found(out)) == len(FILES) - 1


def test_where_all_are_refused_not_all_are_asked_for(home, out):
    home.files = {f"{number:03}.edf": b"x" for number in range(200)}
    home.faults = {name: [Fault(status=404)] for name in home.files}
    assert re.search(r"mit: \S+/tree/\d{3}\.edf: 404 Not Found \(and 9 more", refusal(home.tree, out))
    assert 10 <= sum(method == "GET" for method, _, _ in home.asked) <= 20


def test_where_nobody_listens_it_ends_in_one_line(home, out):
    address = home.tree
    home.shutdown()
    home.server_close()
    assert re.search(r"/tree/SHA256SUMS.txt: .*Connection refused; 3 attempts", refusal(address, out))
    assert not out.exists()


OUTSIDE = (
    "../outside",
    "a/../../outside",
    "/outside",
    "a//outside",
    "a\\..\\outside",
    "./../outside",
    "a/./b",
    "\x00",
)
OURS = (".download/lock", ".download.json", "x" * 300)


@pytest.mark.parametrize("name", [*OUTSIDE, *OURS])
def test_a_path_that_leaves_the_folder_is_refused_before_anything_is_fetched(home, out, name):
    home.files |= {name: b"x"}
    for address in (home.tree, home.bucket):
        assert "has no place in a dataset's folder" in refusal(address, out)
    assert not out.exists() and not [path for _, path, _ in home.asked if path.endswith(".edf")]


@pytest.mark.parametrize("sums", ["{0} a\n{1} a\n", "{0} a\n{0} a/b\n"])
def test_a_path_that_stands_twice_is_refused(home, out, sums):
    home.sums = sums.format("0" * 64, "1" * 64).encode()
    assert "twice" in refusal(home.tree, out)


@pytest.mark.parametrize(
    ("sums", "says"),
    [
        (b"<html>\nlog in</html>\n", "SHA256SUMS.txt: line 1: found '<html>', expected a SHA-256 and a path"),
        (b"0123 a.edf\n", "line 1: found '0123 a.edf'"),
        (b"\xff\xfe\x00\n", "line 1"),
    ],
)
def test_a_list_that_is_none_is_refused(home, out, sums, says):
    home.sums = sums
    assert says in refusal(home.tree, out)


def test_lists_as_sha256sum_writes_them_are_read(home, out):
    one, two = (hashlib.sha256(FILES[name]).hexdigest() for name in ("subject-info.csv", BIG))
    home.sums = f"{one}  ./subject-info.csv\n\n{two.upper()} *{BIG}\n".encode()
    fetch(home.tree, out)
    assert found(out) == {name: FILES[name] for name in ("subject-info.csv", BIG)}


def test_a_bucket_that_is_none_empty_or_endless_is_refused(home, out):
    assert "holds no files" in refusal(home.bucket.replace("/set/", "/other/"), out)
    home.endless = True
    assert "says that it goes on, but not where" in refusal(home.bucket, out)
    home.page = lambda query: b"<html>log in</html>"
    assert "found b'<html>log in</html>', expected the list of a bucket" in refusal(home.bucket, out)


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
    script = Script(home.tree, out)
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


def test_eegmat_is_read_from_the_folder_as_it_is_downloaded(home, out, shared):
    real = shared / "data/eegmat"
    home.files = {path.name: path.read_bytes() for path in real.iterdir() if path.name != "SHA256SUMS.txt"}
    fetch(home.tree, out)
    entries, expected = math.list_recordings(out), math.list_recordings(real)
    assert len(entries) == 24 and out not in expected[0].path.parents
    assert [(entry.recording, entry.labels) for entry in entries] == [
        (entry.recording, entry.labels) for entry in expected
    ]
    assert [row for row in index_dataset("math", out) if row["status"] != "ok"] == []


def test_planning_loads_nothing_of_the_network():
    code = "import sys; from signal_diffusion.recordings.download import folder; print(*sys.modules)"
    loaded = subprocess.check_output(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT / "lib")}
    )
    assert not {"requests", "urllib3", "ssl", "xml.etree"} & set(loaded.decode().split())
