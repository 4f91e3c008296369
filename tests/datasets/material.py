"""Small indexes and shards, written by hand."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from signal_diffusion.files import save_tensors

RESOLUTION, CHANNELS, FRAMES, WINDOWS = 16, 3, 5, 4
FREQUENCIES = [float(k + 1) for k in range(RESOLUTION)]


def make_recipe(**changes) -> SimpleNamespace:
    """A recipe by its documented sections; `changes` are section=dict of keys."""
    sections = {
        "recipe": dict(datasets=["demo"], missing="refuse", description="A test."),
        "signal": dict(fs=125.0, nsamps=2048, ovr_perc=0.5, reference="average"),
        "spectrogram": dict(resolution=RESOLUTION, bins="log", window=512, fmin=0.5)
        | dict(min_db=None, max_db=None, lower_percentile=0.5, upper_percentile=99.5),
        "splits": dict(train=0.6, val=0.2, test=0.2, seed=3, stratify=["gender", "health"], splits_file=None),
        "captions": dict(modality="spectrogram image", subject="subject", fields=["age", "health", "gender"]),
        "weights": dict(tasks=["gender"], max_sampling_weight=None),
        "export": dict(imagefolder=False),
    }
    tables = {name: SimpleNamespace(**(keys | changes.get(name, {}))) for name, keys in sections.items()}
    return SimpleNamespace(name="tiny", **tables)


def index_rows(n: int = 10, dataset: str = "demo") -> pd.DataFrame:
    """Two recordings (rest, arithmetic) of each of `n` subjects."""
    rows = []
    for k in range(n):
        labels = dict(gender="FM"[k % 2], health=["H", "PD"][k // 2 % 2], age=str(20 + k))
        for activity in ("rest", "arithmetic"):
            subject = f"sub-{k:02d}"
            recording = f"{subject}_{activity}"
            ids = dict(dataset=dataset, subject=subject, session="", recording=recording)
            file = dict(file=f"{recording}.edf", format="edf", rate="250.0", duration="60.0", channels="20")
            file |= dict(start="", stop="", events="")
            rows.append(ids | file | dict(status="ok", reason="", warning="") | labels | dict(activity=activity))
    return pd.DataFrame(rows)


def write_shard(path: Path, windows: np.ndarray, **meta) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    described = dict(
        status="ok", reason="", warning="", file="x.edf", channels=["Fz", "Cz", "Pz"], frequencies=FREQUENCIES
    )
    starts = np.arange(len(windows), dtype=np.int64) * 1024
    save_tensors(path, {"windows": windows.astype(np.float16), "starts": starts}, described | meta)
    return path


def random_windows(seed: int, n: int = WINDOWS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(-5, 10, (n, CHANNELS, RESOLUTION, FRAMES))).astype(np.float16)


class Material:
    """Index and shards of one simulated collection below a folder."""

    def __init__(self, folder: Path, rows: pd.DataFrame, seed: int = 0):
        folder.mkdir(exist_ok=True)
        self.folder, self.rows = folder, rows
        self.index = folder / "index.csv"
        self.rows.to_csv(self.index, index=False)
        self.shards = [self.write(k, random_windows(seed + k)) for k in range(len(rows))]

    def path(self, k: int) -> Path:
        row = self.rows.iloc[k]
        return self.folder / "shards" / row["dataset"] / f"{row['recording']}.safetensors"

    def write(self, k: int, windows: np.ndarray, **meta) -> Path:
        return write_shard(self.path(k), windows, **meta)
