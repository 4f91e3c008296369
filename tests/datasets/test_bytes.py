"""Splits, shards and datasets have the same bytes on 1 and 2 cores and whatever the order of the files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from signal_diffusion.config import load_recipe
from signal_diffusion.recordings.simulate import simulate_subject
from signal_diffusion.signals.representations import REPRESENTATIONS

RECIPE = """
[recipe]
datasets = ["demo"]
[channels]
set = "1020-8"
[signal]
nsamps = 512
[spectrogram]
resolution = 128
window = 256
[splits]
train = 0.4
val = 0.3
test = 0.3
[simulation]
subjects = 6
seconds = 10.0
"""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    (folder / "tiny.toml").write_text(RECIPE)
    simulation = load_recipe(folder / "tiny.toml").simulation
    for number in range(simulation.subjects):
        simulate_subject(simulation, number, folder / "recordings")
    return folder


@pytest.fixture(scope="module")
def made(raw, tmp_path_factory):
    """The folders that 1 and 2 cores make, each from files in another order."""
    return [run(cores, raw, tmp_path_factory.mktemp(f"cores{cores}")) for cores in (1, 2)]


def run(cores, raw, out):
    program = Path(__file__).with_name("made_on_cores.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | dict.fromkeys(THREADS, str(cores))
    command = [sys.executable, program, str(cores), str(cores), raw, out]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return out


def files_below(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("kind", REPRESENTATIONS)
def test_shards(made, kind):
    one, two = (files_below(folder / "shards" / kind) for folder in made)
    assert len(one) == 12 and one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


@pytest.mark.parametrize("kind", REPRESENTATIONS)
def test_datasets_and_splits(made, kind):
    one, two = (files_below(folder / "datasets" / kind) for folder in made)
    assert {"train.npy", "splits.csv", "metadata.csv", "README.md"} <= one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    numbers = [(folder / "datasets" / kind / "dataset.json").read_bytes() for folder in made]
    assert numbers[0] == numbers[1]


def test_the_orders_differed(made):
    first, second = ((folder / "demo.csv").read_text() for folder in made)
    assert first != second and sorted(first.splitlines()) == sorted(second.splitlines())
