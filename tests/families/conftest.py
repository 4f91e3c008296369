"""A tiny dataset, its caption embeddings and runs on it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config import load_run
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.files import save_tensors, write_json

RESOLUTION, WINDOWS, WIDTH = 16, 6, 5
SUBJECTS = {"train": 8, "val": 2, "test": 3}
RUN = """
[settings]
trainer = "diffusion"
[dataset]
name = "demo"
batch_size = 8
resolution = 16
val_split = "val"
[model]
name = "hourglass"
conditioning = "{conditioning}"
[model.extras]
patch_size = [4, 4]
depths = [1, 1]
widths = [{width}, 32]
self_attns = [{{ type = "neighborhood", d_head = 16, kernel_size = 3 }}, {{ type = "global", d_head = 16 }}]
mapping_width = 16
cfg_dropout = {dropout}
{extra}
dropout_rate = 0.1
[objective]
prediction_type = "{prediction}"
[optimizer]
learning_rate = 1e-3
[training]
threads = 1
max_train_steps = {steps}
mixed_precision = "{precision}"
checkpoint_interval = {interval}
checkpoint_total_limit = 2
log_every_steps = 1
ema_decay = 0.9
ema_update_after_step = 0
eval_strategy = "steps"
eval_num_steps = 3
eval_mmd_samples = 4
eval_num_examples = 2
initial_eval = false
[inference]
denoising_steps = 2
cfg_scale = {scale}
[generation]
num_samples = 20
batch_size = 8
"""


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    """Windows whose level follows the activity, in the layout of `signal_diffusion.datasets`."""
    folder, rng, tables = tmp_path_factory.mktemp("dataset"), np.random.default_rng(0), []
    for split, subjects in SUBJECTS.items():
        table = pd.DataFrame(
            [row(f"{split}-{subject}", window) for subject in range(subjects) for window in range(WINDOWS)]
        ).assign(split=split, weight=1.0)
        levels = np.where(table["activity"] == "rest", 90.0, 160.0)[:, None, None, None]
        images = levels + rng.normal(0, 20, (len(table), 1, RESOLUTION, RESOLUTION))
        np.save(folder / f"{split}.npy", images.round().astype(np.uint8))
        table["hash"] = [f"{split}-{index}" for index in range(len(table))]
        table.to_csv(folder / f"{split}-metadata.csv", index=False)
        tables.append(table)
    pd.concat(tables).to_csv(folder / "metadata.csv", index=False)
    write_json(folder / "dataset.json", spec())
    return folder


def row(subject: str, window: int) -> dict:
    activity = ("rest", "arithmetic")[window % 2]
    return {
        "dataset": "demo", "subject": subject, "session": "", "recording": f"{subject}_{activity}",
        "window": window, "start_s": 1.0 * window, "gender": "F", "health": "H", "age": 40,
        "activity": activity, "text": f"a subject at {activity}",
    }  # fmt: skip


def spec() -> dict:
    return {
        "recipe": "demo", "representation": "db-only", "resolution": RESOLUTION, "channels": ["C3", "C4"],
        "frequencies": np.geomspace(2, 50, RESOLUTION).tolist(), "frames": 8, "min_db": -20.0, "max_db": 20.0,
        "planes": ["dB"], "bins": "log", "window": 16, "fmin": 2.0, "fs": 100.0, "nsamps": 64,
        "counts": {}, "sha256": {},
    }  # fmt: skip


@pytest.fixture(scope="session")
def captions(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("captions") / "captions.safetensors"
    vectors = np.random.default_rng(1).normal(size=(2, WIDTH)).astype(np.float32)
    save_tensors(
        path, {"embeddings": vectors}, {"captions": ["a subject at arithmetic", "a subject at rest"]}
    )
    return path


@pytest.fixture
def make_run(tmp_path):
    """A run of the tiny dataset with the given values."""

    def make(**values) -> DiffusionRun:
        default = {
            "conditioning": "caption", "dropout": 0.2, "prediction": "vector_field", "steps": 6,
            "precision": "no", "interval": 2, "scale": 1.5, "width": 32, "extra": "",
        }  # fmt: skip
        path = tmp_path / "config" / "diffusion" / "tiny.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RUN.format(**default | values))
        return load_run(path)

    return make
