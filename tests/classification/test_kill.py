"""The training script, killed without warning, ends with the weights of an unbroken run."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from signal_diffusion.files import sha256

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds, on a machine that does much else


def start(run, dataset: Path, folder: Path) -> subprocess.Popen:
    script = [sys.executable, str(ROOT / "scripts" / "train_classifier.py"), "--run", str(run.path)]
    places = ["--dataset", str(dataset), "--out", str(folder / "model.safetensors")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib")}
    return subprocess.Popen([*script, *places], env=environment, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def kill_after(process: subprocess.Popen, folder: Path, checkpoints: int) -> None:
    end = time.monotonic() + PATIENCE
    while len(list(folder.glob("checkpoints/*/step-????????"))) < checkpoints:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.001)
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_kill_9_twice_changes_nothing(make_run, datasets, tmp_path):
    text = "keep = 'last'\neval_strategy = 'none'\ncheckpoint_strategy = 'steps'\ncheckpoint_steps = 5"
    run, dataset = make_run(steps=300, dropout=0.2, training=text), datasets("db-only")
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for checkpoints in (2, 12):
        kill_after(start(run, dataset, broken), broken, checkpoints)
    for folder in (broken, whole):
        process = start(run, dataset, folder)
        _, said = process.communicate(timeout=2 * PATIENCE)
        assert process.returncode == 0, said
        assert ("goes on from" in said) == (folder is broken)
    assert sha256(broken / "model.safetensors") == sha256(whole / "model.safetensors")
