"""A published classifier on raw files: the very same preparation, and one line for a file that does not fit."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from edfio import Edf, EdfSignal
from signal_diffusion import Classifier
from signal_diffusion.config import load_recipe, load_settings
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.pool import Part, Pool
from signal_diffusion.errors import UserError
from signal_diffusion.families.classification.classifier import described_recipe, read_recipe
from signal_diffusion.families.classification.prediction import predict_windows
from signal_diffusion.families.classification.publish import publish_model
from signal_diffusion.families.classification.train import train_fold
from signal_diffusion.recordings import formats
from signal_diffusion.recordings.index import index_dataset, write_index
from signal_diffusion.recordings.simulate import simulate_subjects
from signal_diffusion.recordings.simulated_files import file_name
from signal_diffusion.signals.shards import shard_recording

from ..recordings.bids_layouts import write_set

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = 6
RECIPE = f"""
[recipe]
datasets = ["demo"]
[channels]
set = "1020-8"
[signal]
nsamps = 512
[filter]
highpass = 0.5
[spectrogram]
resolution = 32
window = 128
[splits]
train = 0.5
val = 0.25
test = 0.25
[simulation]
subjects = {SUBJECTS}
seconds = 12.0
"""
BACKBONES = {"db-only": "cnn_light", "db-polar": "cnn_light", "timeseries": "cnn_1d"}
KINDS = ["db-only", "timeseries", pytest.param("db-polar", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """Simulated recordings, in a project's folder with their recipe."""
    folder = tmp_path_factory.mktemp("raw")
    (folder / "config" / "dataset").mkdir(parents=True)
    shutil.copy(ROOT / "config" / "default.toml", folder / "config")
    recipe = folder / "config" / "dataset" / "tiny.toml"
    recipe.write_text(RECIPE)
    simulate_subjects(load_recipe(recipe).simulation, range(SUBJECTS), folder)
    return folder


@pytest.fixture
def published(raw, make_run, monkeypatch, tmp_path):
    """A classifier trained for two steps on those recordings: its dataset, and its published folder."""
    monkeypatch.delenv("SIGNAL_DIFFUSION_CONFIG", raising=False)
    monkeypatch.chdir(raw)

    def make(representation: str = "db-only") -> tuple[Path, Path]:
        recipe = load_recipe("tiny", load_settings())
        index, dataset = tmp_path / "demo.csv", tmp_path / "dataset"
        write_index(index_dataset("demo", raw, recipe.simulation), index)
        paths = [raw / file_name(k, activity) for k in range(SUBJECTS) for activity in ("rest", "arithmetic")]
        shards = [tmp_path / "shards" / "demo" / f"{path.stem}.safetensors" for path in paths]
        for path, shard in zip(paths, shards, strict=True):
            shard_recording(path, shard, recipe, representation)
        build_dataset(recipe, representation, shards, [index], dataset)
        run = make_run(BACKBONES[representation], representation, steps=2)
        run = run.model_copy(update={"dataset": run.dataset.model_copy(update={"name": "tiny"})})
        train_fold(run, dataset, tmp_path / "model.safetensors")
        publish_model(run, dataset, tmp_path / "model.safetensors", tmp_path / "run" / "model")
        return dataset, tmp_path / "run"

    return make


@pytest.mark.parametrize("representation", KINDS)
def test_a_raw_file_gives_the_answers_of_its_windows_in_the_dataset(published, raw, representation, tmp_path):
    dataset, folder = published(representation)
    classifier, pool = Classifier.load(folder), Pool(dataset)
    for name in ("sub-000_rest.edf", "sub-001_arithmetic.cnt"):
        found = classifier.predict(raw / name)
        rows = np.flatnonzero(pool.metadata["recording"] == Path(name).stem)
        assert found.starts.tolist() == pool.metadata["start_s"].iloc[rows].tolist() and len(rows) > 3
        expected = predict_windows(classifier.net, Part(pool, rows))
        for task, values in expected.items():
            np.testing.assert_array_equal(found.windows[task], values)
            np.testing.assert_allclose(found.subject[task], values.mean(axis=0))
    as_set = tmp_path / "sub-000_rest.set"
    recording = formats.read(raw / "sub-000_rest.edf")
    write_set(as_set, recording.data, recording.fs, list(recording.channels))
    np.testing.assert_allclose(
        classifier.predict(as_set).windows["age"],
        classifier.predict(raw / "sub-000_rest.edf").windows["age"],
        atol=0.05,
    )


def write_edf(path: Path, channels: list[str], rate: float) -> Path:
    traces = 20 * np.random.default_rng(0).standard_normal((len(channels), int(12 * rate)))
    signals = [
        EdfSignal(trace, rate, label=name, physical_dimension="uV", physical_range=(-500, 500))
        for name, trace in zip(channels, traces, strict=True)
    ]
    Edf(signals).write(path)
    return path


def predict(folder: Path, recording: Path, *more: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "scripts" / "predict.py"), str(folder), str(recording), *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)


def shown(line: str) -> tuple[str, ...]:
    """A line of a prediction but for its file, its digits and the order of its classes."""
    task, _, said = line.rpartition(": ")
    parts = sorted(re.sub(r"\d", "0", re.sub(r"\d+(?=\.| )", "0", part)) for part in said.split(", "))
    return "" if parts == ["0 windows"] else task, *parts


def pasted(page: str) -> list[str]:
    """What scripts/predict.py says in the document."""
    blocks = re.findall(r"^```text\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    [block] = (block for block in blocks if " windows\n" in block)
    return [line for line in block.splitlines() if not line.startswith("$ ")]


def test_the_command_line(published, raw, tmp_path):
    _, folder = published()
    done = predict(folder, raw / "sub-000_rest.edf", "--windows", str(tmp_path / "windows.csv"))
    assert done.returncode == 0, done.stderr
    head, gender, activity, age = done.stdout.splitlines()
    assert head.endswith(" windows") and gender.startswith("gender: ") and age.endswith(" years")
    assert activity.startswith("activity: ") and "rest 0." in activity and "arithmetic 0." in activity
    columns = (tmp_path / "windows.csv").read_text().splitlines()[0].split(",")
    assert columns == [
        "start_s",
        "gender:p:M",
        "gender:p:F",
        "activity:p:rest",
        "activity:p:arithmetic",
        "age:predicted",
    ]
    wrong = predict(folder, write_edf(tmp_path / "two.edf", ["EEG C3", "EEG C4"], 250))
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1
    assert "two.edf" in wrong.stderr and "F3" in wrong.stderr

    said = {shown(line) for line in done.stdout.splitlines()}
    printed = [line for page in ("README.md", "docs/classification.md") for line in pasted(page)]
    [error] = (line for line in printed if line.startswith("error: "))
    left_out = (error, "health: ", "handedness: ")  # tasks that this model has not
    assert {shown(line) for line in printed if not line.startswith(left_out)} == said
    missing, remedy = error.split(": ", 2)[2].split(": ")[0], error.rpartition("; ")[2]
    assert missing in wrong.stderr and remedy in wrong.stderr


def test_files_that_do_not_fit_end_in_one_line(published, tmp_path):
    classifier = Classifier.load(published()[1])
    eight = [f"EEG {name}" for name in "F3 F4 C3 C4 P3 P4 O1 O2".split()]
    for path, message in (
        (
            write_edf(tmp_path / "slow.edf", eight, 100),
            "sampling rate: found 100 Hz, expected signal.fs = 125 Hz or more",
        ),
        (tmp_path / "absent.edf", "no such file"),
        (tmp_path / "notes.txt", "suffix: found '.txt', expected one of .edf"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            classifier.predict(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config" / "dataset").glob("*.toml")), ids=lambda path: path.stem
)
def test_every_shipped_recipe_travels_inside_the_weights(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    recipe = load_recipe(path)
    again = read_recipe(json.loads(json.dumps(described_recipe(recipe))))
    for section in ("channels", "signal", "filter", "quality", "spectrogram"):
        assert getattr(again, section) == getattr(recipe, section)


def test_a_folder_that_is_no_published_run(tmp_path):
    with pytest.raises(UserError, match="no model.safetensors there; give the folder of a published"):
        Classifier.load(tmp_path)
