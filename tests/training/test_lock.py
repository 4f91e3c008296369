import json
import time

import pytest
from signal_diffusion.errors import RunHeld
from signal_diffusion.training.checkpoints import discard
from signal_diffusion.training.lock import NAME, Lock


def record(folder, **changes):
    folder.mkdir(exist_ok=True)
    values = {
        "host": "elsewhere",
        "machine": "another",
        "pid": 1,
        "token": "x",
        "time": time.time(),
        **changes,
    }
    (folder / NAME).write_text(json.dumps(values))


def test_one_holder_at_a_time(tmp_path):
    with Lock(tmp_path):
        with pytest.raises(RunHeld, match="is being trained by process"), Lock(tmp_path):
            pass
    with Lock(tmp_path):
        pass


def test_a_record_of_this_machine_without_the_kernels_lock_is_dead(tmp_path):
    with Lock(tmp_path):
        mine = json.loads((tmp_path / NAME).read_text())
    record(tmp_path, machine=mine["machine"])
    with Lock(tmp_path):
        pass


def test_a_beating_holder_on_another_machine_holds(tmp_path):
    record(tmp_path)
    with pytest.raises(RunHeld, match="process 1 on elsewhere"), Lock(tmp_path):
        pass


def test_a_silent_holder_on_another_machine_is_cleared(tmp_path):
    record(tmp_path, time=time.time() - 61)
    with Lock(tmp_path) as lock:
        lock.check()


def test_the_heart_beats(tmp_path):
    with Lock(tmp_path, beat=0.05) as lock:
        first = json.loads((tmp_path / NAME).read_text())["time"]
        time.sleep(0.4)
        assert json.loads((tmp_path / NAME).read_text())["time"] > first
        lock.check()


def test_a_holder_that_was_replaced_stops(tmp_path):
    with Lock(tmp_path, beat=0.05) as lock:
        record(tmp_path)
        time.sleep(0.4)
        with pytest.raises(RunHeld, match="process 1 on elsewhere"):
            lock.check()
    assert json.loads((tmp_path / NAME).read_text())["host"] == "elsewhere"


def test_discard_removes_the_folder_unless_it_is_held(tmp_path):
    folder = tmp_path / "checkpoints"
    (folder / "abc" / "step-1").mkdir(parents=True)
    with Lock(folder), pytest.raises(RunHeld):
        discard(folder)
    discard(folder)
    assert not folder.exists()
    discard(folder)
