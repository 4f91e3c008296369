"""Tiny datasets of every representation, and runs on them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config import load_run
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.files import write_json

SIZE, SAMPLES, CHANNELS, FRAMES, FS = 16, 448, ["C3", "C4"], 8, 125.0
PLANES = {"db-only": ["dB"], "db-iq": ["dB", "I", "Q"], "db-polar": ["dB", "magnitude", "phase"]}
SUBJECTS = {"train": 4, "val": 4, "test": 4}
WINDOWS = 2  # of a subject, one of each activity
RUN = """
[settings]
trainer = "classification"
[data]
output_type = "{output_type}"
data_type = "{data_type}"
[dataset]
name = "demo"
tasks = {tasks}
batch_size = 8
{dataset}
[model]
backbone = "{backbone}"
dropout = {dropout}
{model}
[optimizer]
learning_rate = {rate}
weight_decay = 0.0
[scheduler]
name = "cosine"
[training]
threads = 1
max_steps = {steps}
epochs = 10000
log_every_batches = 50
compile_model = false
{training}
{more}
"""


def write_dataset(folder: Path, representation: str, subjects: dict[str, int] = SUBJECTS) -> Path:
    """Windows whose level tells the activity and whose slope tells age and gender, in the layout of `datasets`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, tables = np.random.default_rng(0), []
    for split, count in subjects.items():
        rows = [
            row(f"{split}-{subject}", subject, window)
            for subject in range(count)
            for window in range(WINDOWS)
        ]
        table = pd.DataFrame(rows).assign(split=split, weight=1.0)
        table["hash"] = [f"{split}-{index}" for index in range(len(table))]
        np.save(folder / f"{split}.npy", windows(table, representation, rng))
        table.to_csv(folder / f"{split}-metadata.csv", index=False)
        tables.append(table)
    pd.concat(tables).to_csv(folder / "metadata.csv", index=False)
    write_json(folder / "dataset.json", spec(representation))
    return folder


def row(subject: str, number: int, window: int) -> dict:
    activity = ("rest", "arithmetic")[window % 2]
    return {
        "dataset": "demo", "subject": subject, "session": "", "recording": f"{subject}_{activity}",
        "window": window, "start_s": 1.0 * window, "gender": "FM"[number % 2],
        "health": ("H", "PD", "")[number % 3], "age": 30 + 11 * number, "activity": activity, "text": "",
    }  # fmt: skip


def windows(table: pd.DataFrame, representation: str, rng: np.random.Generator) -> np.ndarray:
    rest = (table["activity"] == "rest").to_numpy()[:, None, None, None]
    male, age = (
        (table[name] == value).to_numpy() if value else table[name].to_numpy()
        for name, value in (("gender", "M"), ("age", None))
    )
    if representation == "timeseries":
        time = np.arange(SAMPLES) / FS
        rhythm = np.sin(2 * np.pi * (6 + 8 * male[:, None, None]) * time) * np.where(rest[..., 0], 0.5, 2.0)
        slow = np.sin(2 * np.pi * time * 1.5) * age[:, None, None] / 30
        return (rhythm + slow + rng.normal(0, 0.3, (len(table), len(CHANNELS), SAMPLES))).astype(np.float32)
    frequency = np.linspace(-1, 1, SIZE)[:, None]
    level = np.where(rest, 90, 150) + (age[:, None, None, None] - 45) * frequency
    level = level + 30 * male[:, None, None, None] * np.cos(np.pi * frequency)
    shape = (len(table), len(PLANES[representation]), SIZE, SIZE)
    return np.clip(level + rng.normal(0, 10, shape), 0, 255).round().astype(np.uint8)


def spec(representation: str) -> dict:
    shared = {
        "recipe": "demo", "representation": representation, "channels": CHANNELS, "fs": FS, "nsamps": SAMPLES,
        "counts": {}, "sha256": {},
    }  # fmt: skip
    if representation == "timeseries":
        return shared | {"scales": {"mean": [0.0, 0.0], "sd": [1.0, 1.0]}}
    return shared | {
        "planes": PLANES[representation], "resolution": SIZE, "frames": FRAMES, "bins": "log", "window": 128,
        "fmin": 0.5, "frequencies": np.geomspace(2, 50, SIZE).tolist(), "min_db": -20.0, "max_db": 20.0,
    }  # fmt: skip


@pytest.fixture(scope="session")
def datasets(tmp_path_factory) -> Callable[[str], Path]:
    """The tiny dataset of a representation."""
    made: dict[str, Path] = {}

    def get(representation: str) -> Path:
        if representation not in made:
            made[representation] = write_dataset(tmp_path_factory.mktemp("dataset") / "d", representation)
        return made[representation]

    return get


@pytest.fixture
def make_run(tmp_path) -> Callable[..., ClassificationRun]:
    """A run of the tiny dataset with the given values; `extra` lines by section."""

    def make(backbone: str = "cnn_light", representation: str = "db-only", **values) -> ClassificationRun:
        timeseries = representation == "timeseries"
        default = {
            "tasks": '["gender", "activity", "age"]', "steps": 4, "dropout": 0.0, "dataset": "",
            "rate": RATES.get(backbone, 3e-3), "model": SMALL.get(backbone, ""), "more": "",
            "training": 'keep = "last"\neval_strategy = "none"',
            "output_type": "db-only" if timeseries else representation,
            "data_type": "timeseries" if timeseries else "spectrogram",
        }  # fmt: skip
        path = tmp_path / "config" / "classification" / "tiny.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = default | values
        if "checkpoint_strategy" not in values["training"]:
            values["training"] += "\ncheckpoint_strategy = 'none'"  # an epoch is one batch
        path.write_text(RUN.format(backbone=backbone, **values))
        return load_run(path)

    return make


# Batch norm and weights of bounded norm take larger steps.
RATES = {"eegnet": 2e-2, "cnn_1d_light": 1e-2, "spectrum": 3e-2, "covariance": 3e-2}
PLAIN = "embedding_dim = 32\ndepth = 2\nlayer_repeats = 1"
SMALL = {
    **dict.fromkeys(("cnn_light", "cnn", "cnn_1d", "cnn_1d_light"), PLAIN),
    "transformer": f"{PLAIN}\n[model.extras]\nnum_heads = 2\npatch_size = 8",
}
