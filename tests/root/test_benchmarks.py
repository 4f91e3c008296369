"""Every benchmark still runs: at sizes that prove nothing, for what they print is looked at by people alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SMALL = {
    "attention.py": ("--grid", "8", "--kernel", "3", "--batch", "1", "--runs", "1"),
    "balance.py": (),
    "classification.py": ("--windows", "128", "--steps", "1", "--workers", "1"),
    "dataset.py": ("--sizes", "64:200"),
    "dropout.py": ("--repeats", "1"),
    "intervals.py": ("--subjects", "6", "--studies", "5"),
    "preprocessing.py": ("--repeats", "1"),
    "presets.py": ("dit-tiny-db-only", "--batch", "1", "--steps", "1"),
    "quality.py": ("--subjects", "2"),
    "scaling.py": ("--recordings", "20", "--simulated", "8"),
    "scan.py": ("--length", "32", "--channels", "8", "--states", "4", "--batch", "1", "--runs", "1"),
    "training.py": ("--steps", "1"),
}
# With tests of their own, and workflow.py needs real recordings.
ELSEWHERE = {"corruption.py", "damage.py", "survival.py", "workflow.py"}


def ran(name: str, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(BENCHMARKS.parent / "lib")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    command = [sys.executable, BENCHMARKS / name, *arguments]
    done = subprocess.run(
        command, cwd=BENCHMARKS.parent, env=environment, stdout=-1, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_none_is_left_out():
    assert {path.name for path in BENCHMARKS.glob("*.py")} == SMALL.keys() | ELSEWHERE


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_runs(name):
    assert ran(name, *SMALL[name]).strip()


@pytest.mark.slow
def test_workflow_on_real_recordings(shared):
    said = ran("workflow.py", "--eegmat", str(shared / "data" / "eegmat"))
    assert "batched" in said and "one process each" in said
