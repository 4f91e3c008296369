"""Who holds a folder."""

import json
import threading
import time

import pytest
from signal_diffusion.errors import RunHeld
from signal_diffusion.lock import NAME, Lock


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
        with pytest.raises(RunHeld, match="is in use by process"), Lock(tmp_path):
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
    record(tmp_path, slurm="77")
    beat = threading.Timer(0.3, record, [tmp_path], {"slurm": "77"})
    beat.start()
    with pytest.raises(RunHeld, match=r"process 1 on elsewhere \(SLURM job 77\)"), Lock(tmp_path):
        pass
    beat.join()


def test_a_holder_on_another_machine_that_beats_no_more_is_dead(tmp_path):
    record(tmp_path)
    begun = time.monotonic()
    with Lock(tmp_path, stale=0.5) as lock:
        lock.check()
    assert time.monotonic() - begun > 0.4


def test_a_holder_on_another_machine_that_let_go_is_not_waited_for(tmp_path):
    with Lock(tmp_path):
        pass
    left = json.loads((tmp_path / NAME).read_text())
    record(tmp_path, time=left["time"])
    begun = time.monotonic()
    with Lock(tmp_path):
        assert time.monotonic() - begun < 1


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
