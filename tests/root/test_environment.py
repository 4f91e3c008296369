"""What jobs inherit."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from signal_diffusion.environment import keep_freed_memory, set_up_jobs

LIB = Path(__file__).resolve().parents[2] / "lib"


@pytest.fixture
def inherited(monkeypatch):
    for name in ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "SIGNAL_DIFFUSION_CONFIG"):
        monkeypatch.setenv(name, "elsewhere")
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "to be restored")
        monkeypatch.delenv(name)


def test_jobs_run_this_checkout_by_this_interpreter(inherited):
    set_up_jobs("settings.toml")
    assert os.environ["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "elsewhere"]
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [str(LIB), "elsewhere"]
    assert os.environ["SIGNAL_DIFFUSION_CONFIG"] == os.path.abspath("settings.toml")
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


COLLECTION = """
import gc
usual = gc.get_threshold()
from signal_diffusion import cli
print(gc.get_threshold()[0] // usual[0])
cli.run(lambda: print(gc.get_threshold() == usual, gc.get_freeze_count() > 1000))
"""


def test_a_script_hardly_looks_for_garbage_until_it_runs():
    environment = os.environ | {"PYTHONPATH": str(LIB)}
    command = [sys.executable, "-c", COLLECTION]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["100", "True", "True"]


FAULTS = """
import resource, numpy
from signal_diffusion.environment import keep_freed_memory
if {kept}:
    keep_freed_memory()
def work():
    return [numpy.ones(2**18) for _ in range(40)]
work(), work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc's allocator is told")
def test_freed_memory_is_used_again_without_page_faults():
    keep_freed_memory()  # may be called in any process
    run = partial(subprocess.check_output, text=True, env=os.environ | {"PYTHONPATH": str(LIB)})
    faults = [int(run([sys.executable, "-c", FAULTS.format(kept=kept)])) for kept in (False, True)]
    assert faults[1] < 50 < faults[0]
