"""Two processes (gloo) that train one run, started as launchers start them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.files import sha256
from signal_diffusion.training.feed import Share
from signal_diffusion.training.lock import Lock
from signal_diffusion.training.weights import load_weights

HERE = Path(__file__).parent


def start(script, *arguments, count=2):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        "PYTHONPATH": str(HERE.parents[1] / "lib"),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    return [
        subprocess.Popen(
            command,
            env={**os.environ, **common, "RANK": str(r), "LOCAL_RANK": str(r), "WORLD_SIZE": str(count)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for r in range(count)
    ]


def finish(processes, timeout=500):
    said = [process.communicate(timeout=timeout)[1] for process in processes]
    return [process.returncode for process in processes], said


def resumed(folder, steps, every):
    codes, said = finish(start("ranks.py", "resume", folder, steps, every))
    assert codes == [0, 0], said
    return json.loads((folder / "found.json").read_text())


def test_two_processes_resume_exactly(tmp_path):
    found = resumed(tmp_path, 8, 3)
    assert found == {"whole": [[3, True], [6, True]], "rows": [[3, True], [6, True], [9, True]]}
    lines = (tmp_path / "whole" / "whole" / "stats.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines if "train/loss" in line]
    assert steps == [2, 4, 6, 8]


@pytest.mark.slow
def test_two_processes_resume_exactly_at_each_of_40_steps(tmp_path):
    found = resumed(tmp_path, 40, 1)
    assert found["whole"] == [[step, True] for step in range(1, 40)]
    assert found["rows"] == [[step, True] for step in range(1, 44)]


def test_two_processes_are_as_one(tmp_path):
    codes, said = finish(start("ranks.py", "share", tmp_path / "two"))
    assert codes == [0, 0], said
    codes, said = finish(start("ranks.py", "share", tmp_path / "one", count=1))
    assert codes == [0], said
    for name in ("whole", "rows", "rows-of-3"):
        two, one = (load_weights(tmp_path / count / f"{name}.safetensors")[0] for count in ("two", "one"))
        trained = [key for key in one if not key.startswith("1.")] if name == "whole" else list(one)
        assert trained
        for key in trained:
            torch.testing.assert_close(two[key], one[key], rtol=1e-5, atol=1e-6)
            assert name != "whole" or torch.equal(two[key], one[key])


@pytest.mark.parametrize(("accumulation", "count", "rows"), [(4, 2, 5), (1, 3, 7), (3, 2, 4), (2, 4, 9)])
def test_shares_are_the_batch(accumulation, count, rows):
    shares = [Share(accumulation, rank, count) for rank in range(count)]
    batch = {"x": np.arange(rows * 2).reshape(rows, 2), "scale": np.float32(2) * np.ones(())}
    for number in range(accumulation):
        parts = [share.take(number, batch) for share in shares if number in share.numbers]
        assert sum(part.part for part in parts) == pytest.approx(1)
        assert np.array_equal(np.concatenate([np.asarray(part.batch["x"]) for part in parts]), batch["x"])
        assert {float(part.batch["scale"]) for part in parts} == {2.0}
    micros = [shares[0].take(number, batch) for number in shares[0].numbers]
    assert shares[0].samples(micros) == rows * accumulation


def test_what_cannot_be_shared_is_refused():
    share = Share(1, 0, 4)
    with pytest.raises(
        UserError, match="4 processes cannot share batches of 3 rows; raise dataset.batch_size"
    ):
        share.take(0, [np.zeros((3, 2))])
    with pytest.raises(ValueError, match="holds a tensor of 2"):
        share.take(0, [np.zeros((8, 2)), np.zeros(2)])


def begun(folder):
    """Two processes a few steps into a training of 40."""
    processes = start("toy.py", folder, "--pause", "0.2", "--steps", "40")
    end, stats = time.monotonic() + 300, folder / "stats.jsonl"
    while not stats.exists() or len(stats.read_text().splitlines()) < 6:
        assert all(p.poll() is None for p in processes) and time.monotonic() < end, finish(processes, 5)
        time.sleep(0.05)
    return processes


@pytest.mark.slow
def test_one_that_is_killed_ends_the_other_and_the_next_start_goes_on(toy, tmp_path, monkeypatch):
    processes = begun(tmp_path)
    processes[1].kill()
    codes, said = finish(processes, 120)
    assert codes[0] != 0 and codes[1] == -signal.SIGKILL
    codes, said = finish(start("toy.py", tmp_path, "--steps", "40"))
    assert codes == [0, 0] and "goes on from" in said[0], said
    codes, said = finish(start("toy.py", tmp_path / "unbroken", "--steps", "40"))
    assert codes == [0, 0], said
    for kind in ("model", "ema"):
        assert sha256(tmp_path / f"{kind}.safetensors") == sha256(
            tmp_path / "unbroken" / f"{kind}.safetensors"
        )


@pytest.mark.slow
def test_a_run_that_is_held_turns_all_away_with_one_line(tmp_path):
    with Lock(tmp_path / "checkpoints"):
        codes, said = finish(start("toy.py", tmp_path))
    assert codes == [75, 75]
    assert said[0].count("error: ") == 1 and "is being trained by process" in said[0] and not said[1]


def test_a_signal_to_one_of_them_stops_all_at_the_same_step(toy, tmp_path):
    processes = begun(tmp_path)
    processes[1].send_signal(signal.SIGTERM)
    codes, said = finish(processes)
    assert codes == [143, 143], said
    assert "stopped by signal 15 at step" in said[0] and "stopped" not in said[1]
    step = int(said[0].split(" at step ")[1].split(",")[0])
    assert sorted(tmp_path.glob("checkpoints/*/step-*"))[-1].name == f"step-{step:08d}"


@pytest.mark.slow
def test_one_that_runs_out_of_memory_ends_all_with_one_line(tmp_path):
    codes, said = finish(start("ranks.py", "fail", tmp_path))
    assert codes == [2, 2], said
    assert said[1] == ""
    [line] = [line for line in said[0].splitlines() if line.startswith("error: ")]
    assert "out of memory at step 3 (no room for 3 GiB); set training.gradient_checkpointing" in line
    assert line.endswith("(process 1 of 2)")
    assert sorted(tmp_path.glob("checkpoints/*/step-*"))[-1].name == "step-00000003"
