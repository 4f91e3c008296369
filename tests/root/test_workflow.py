"""One workflow at a time, seen by its processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from signal_diffusion import workflow
from signal_diffusion.errors import RunHeld, UserError
from signal_diffusion.workflow import VARIABLE

LIB = Path(__file__).resolve().parents[2] / "lib"
HOLD = (
    "import time; from signal_diffusion.workflow import begin\n"
    "begin('work'); print('mine', flush=True); time.sleep(60)"
)
WORK = (
    "import sys, time; from signal_diffusion import cli\n"
    "def main(): print('begun', flush=True); time.sleep(60)\n"
    "cli.run(main)"
)


@pytest.fixture
def start(tmp_path):
    """Starts Python in the folder, and waits for its first line."""
    begun = []

    def run(code: str, token: str | None = None) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": str(LIB)}
        environment |= {VARIABLE: f"{token} {tmp_path}/.snakemake/workflow.lock"} if token else {}
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        begun.append(process)
        assert process.stdout.readline(), process.stderr.read()
        return process

    yield run
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder as this process's own, its signals and variables put back afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "")
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    workflow._held.close()
    signal.signal(signal.SIGTERM, before)


def token(folder: Path) -> str:
    return json.loads((folder / ".snakemake/workflow.lock").read_text())["token"]


def test_a_folder_is_held_until_its_workflow_dies(start, here):
    first = start(HOLD)
    with pytest.raises(
        RunHeld, match=f"{here} is being worked on by another snakemake, process {first.pid} on"
    ):
        workflow.begin("work")
    first.kill()
    first.wait()
    workflow.begin("work")


def test_a_job_gives_way_to_the_next_workflow(start, here, capsys):
    first = start(HOLD)
    job = start(WORK, token(here))
    first.kill()
    first.wait()
    time.sleep(1.5)
    assert job.poll() is None
    workflow.begin("work")
    assert (
        f"waiting for jobs that an earlier workflow left to stop: -c, process {job.pid} on"
        in capsys.readouterr().err
    )
    assert job.wait(5) == 143
    assert job.stderr.read() == "another workflow has taken over; this job stops\n"
    assert not list((here / ".snakemake/running").iterdir())


def test_a_job_that_is_killed_is_not_waited_for(start, here):
    job = start(WORK, "x")
    job.kill()
    job.wait()
    begun = time.monotonic()
    workflow.begin("work")
    assert time.monotonic() - begun < 2 and not list((here / ".snakemake/running").iterdir())


def test_a_job_that_does_not_stop_is_named(start, here, monkeypatch):
    monkeypatch.setattr(workflow, "PATIENCE", 0.5)
    job = start(
        f"import signal\n{WORK}".replace("def main():", "def main(): signal.signal(15, signal.SIG_IGN);"), "x"
    )
    with pytest.raises(RunHeld, match=f"left jobs that do not stop: -c, process {job.pid} on .*; stop them"):
        workflow.begin("work")


def test_an_answer_to_a_signal_may_take_what_the_main_thread_holds():
    held, answered = threading.Lock(), threading.Event()

    def answer(*_: object) -> None:
        with held:
            answered.set()

    before = signal.signal(signal.SIGTERM, answer)
    try:
        workflow.let_signals_wait()
        with held:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
            assert not answered.is_set()
        assert answered.wait(5)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    workflow.check_places(tmp_path, tmp_path / "not/yet/there")
    monkeypatch.setattr(workflow, "ROOM", 2**80)
    with pytest.raises(UserError, match=f"^{tmp_path}: its disk is full; make room"):
        workflow.check_places(tmp_path / "not/yet/there")
