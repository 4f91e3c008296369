"""The training script, killed without warning, ends with the weights of an unbroken run, whatever the network."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from signal_diffusion.config.diffusion import EXTRAS
from signal_diffusion.families.diffusion.train import train_run
from signal_diffusion.files import sha256

from .world import World

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(make_run):
    """Wide enough for a checkpoint to take a while."""
    return make_run(steps=15, interval=3, width=256)


@pytest.fixture
def command(run, dataset, captions):
    """scripts/train_diffusion.py on the tiny dataset."""

    def make(folder: Path) -> list[str]:
        places = {"--dataset": dataset, "--captions": captions, "--checkpoints": folder / "checkpoints"}
        named = [str(part) for pair in places.items() for part in pair]
        script = [sys.executable, str(ROOT / "scripts" / "train_diffusion.py"), "--run", str(run.path)]
        return [*script, *named, "--out", str(folder / "model.safetensors")]

    return make


def start(command: list[str]) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib")}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def wait_for(process: subprocess.Popen, condition) -> None:
    end = time.monotonic() + 180
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.0005)


def kill(process: subprocess.Popen, condition) -> None:
    wait_for(process, condition)
    process.kill()
    process.communicate()


def steps(folder: Path) -> int:
    path = folder / "stats.jsonl"
    return sum('"train/loss"' in line for line in path.read_text().splitlines()) if path.exists() else 0


def kill_inside_a_write(command: list[str], folder: Path) -> None:
    for _ in range(5):
        process = start(command)
        kill(process, lambda: list(folder.glob("checkpoints/*/step-*.staging/*.safetensors")))
        if list(folder.glob("checkpoints/*/step-*.staging")):
            return
    pytest.fail("never inside a checkpoint write")


def test_kill_9_three_times_changes_nothing(run, command, dataset, captions, tmp_path):
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    kill(start(command(broken)), lambda: steps(broken) >= 4)
    kill_inside_a_write(command(broken), broken)
    kill(start(command(broken)), lambda: steps(broken) >= 11)
    process = start(command(broken))
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0 and "goes on from" in said, said
    train_run(run, dataset, captions, whole / "model.safetensors", whole / "checkpoints")
    assert sha256(broken / "model.safetensors") == sha256(whole / "model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("model", EXTRAS)
def test_kill_9_changes_nothing_for_any_network(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path)
    run = world.run("killed", model=model, conditioning="gend_hlth_age", steps=30)
    run.path.write_text(run.path.read_text().replace("[training]", "[training]\ncheckpoint_interval = 2"))
    script = [sys.executable, str(ROOT / "scripts" / "train_diffusion.py"), "--run", str(run.path)]
    data = [*script, "--dataset", str(world.dataset("db-only"))]
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    commands = {folder: [*data, "--out", str(folder / "model.safetensors")] for folder in (broken, whole)}
    kill(start(commands[broken]), lambda: steps(broken) >= 5)
    for folder, command in commands.items():
        process = start(command)
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert ("goes on from" in said) == (folder is broken)
    assert sha256(broken / "model.safetensors") == sha256(whole / "model.safetensors")
