"""Processes that are killed, or find the run taken."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from signal_diffusion.files import sha256
from signal_diffusion.training.lock import Lock

TOY = Path(__file__).with_name("toy.py")
LIB = Path(__file__).parents[2] / "lib"
ARGUMENTS = ("--steps", "30", "--width", "1200", "--pause", "0.01")


def start(folder):
    environment = {**os.environ, "PYTHONPATH": str(LIB)}
    command = [sys.executable, str(TOY), str(folder), *ARGUMENTS]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for(process, condition, timeout=120):
    end = time.monotonic() + timeout
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.0005)


def finish(process):
    _, said = process.communicate(timeout=120)
    return process.returncode, said


def logged(folder):
    path = folder / "stats.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def hashes(folder):
    return [sha256(folder / f"{kind}.safetensors") for kind in ("model", "ema")]


def kill_inside_a_write(folder):
    """SIGKILL while a checkpoint is staged; the staging folder that stays behind proves it."""
    for _ in range(5):
        process = start(folder)
        wait_for(process, lambda: list(folder.glob("checkpoints/*/step-*.staging/*.safetensors")))
        process.kill()
        finish(process)
        if list(folder.glob("checkpoints/*/step-*.staging")):
            return
    pytest.fail("never inside a checkpoint write")


def test_kill_9_three_times_changes_nothing(toy, tmp_path, monkeypatch):
    process = start(tmp_path)
    wait_for(process, lambda: logged(tmp_path) >= 8)
    process.kill()
    finish(process)
    kill_inside_a_write(tmp_path)
    process = start(tmp_path)
    wait_for(process, lambda: logged(tmp_path) >= 23)
    process.kill()
    finish(process)
    code, said = finish(start(tmp_path))
    assert code == 0, said
    assert "goes on from" in said
    unbroken = tmp_path / "unbroken"
    monkeypatch.setattr(sys, "argv", ["toy", str(unbroken), *ARGUMENTS])
    toy.main()
    assert hashes(tmp_path) == hashes(unbroken)
    assert not list(tmp_path.glob("checkpoints/*/*.staging"))
    assert logged(tmp_path) == 30


def test_a_run_that_is_held_ends_with_one_line_and_75(tmp_path):
    with Lock(tmp_path / "checkpoints"):
        code, said = finish(start(tmp_path))
    assert code == 75
    assert said.count("\n") == 1
    assert f"is being trained by process {os.getpid()} on" in said
