"""A diffusion run by two processes, as `accelerate launch` starts them, ends in the weights of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from signal_diffusion.files import sha256

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = (
    "accelerate.commands.launch --multi_gpu --num_machines 1 --mixed_precision no --dynamo_backend no"
    " --main_process_port 0 --num_processes 2"
)


@pytest.mark.slow
def test_two_processes_end_in_the_weights_of_one(make_run, dataset, captions, tmp_path):
    run = make_run(steps=8, interval=3)
    accumulating = run.path.read_text().replace("[training]", "[training]\ngradient_accumulation_steps = 2")
    run.path.write_text(accumulating.replace("initial_eval = false", 'initial_eval = false\nkeep = "best"'))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib")}
    for name, launcher in (("one", []), ("two", ["-m", *LAUNCH.split()])):
        places = {"--run": run.path, "--dataset": dataset, "--captions": captions}
        places |= {"--out": tmp_path / name / "model.safetensors"}
        named = [str(part) for pair in places.items() for part in pair]
        command = [sys.executable, *launcher, str(ROOT / "scripts" / "train_diffusion.py"), *named]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("kept the weights of step") == 1
    assert "2 processes" in done.stderr
    assert sha256(tmp_path / "one" / "model.safetensors") == sha256(tmp_path / "two" / "model.safetensors")
