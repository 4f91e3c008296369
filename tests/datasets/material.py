"""Small indexes and shards, written by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
from signal_diffusion.config.messages import section_of
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.files import save_tensors

SECTIONS = {name: section_of(field) for name, field in Recipe.model_fields.items() if name != "origins"}

RESOLUTION, CHANNELS, FRAMES, WINDOWS = 16, 3, 5, 4
FREQUENCIES = [float(k + 1) for k in range(RESOLUTION)]


def make_recipe(**changes) -> Recipe:
    """A small recipe; `changes` are section=dict of keys.

    It is not validated, so that tests may mix what a file may not.
    """
    given = {
        "recipe": dict(datasets=["demo"], missing="refuse", description="A test."),
        "spectrogram": dict(resolution=RESOLUTION),
        "splits": dict(train=0.6, val=0.2, test=0.2, seed=3),
        "weights": dict(tasks=["dataset", "gender"]),
    }
    tables = {
        name: table.model_construct(**given.get(name, {}) | changes.get(name, {}))
        for name, table in SECTIONS.items()
        if table
    }
    others = {name: value for name, value in changes.items() if name not in tables}
    return Recipe.model_construct(name="tiny", path=Path("tiny.toml"), **tables, **others)


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
            rows.append(
                ids | file | dict(status="ok", reason="", warning="") | labels | dict(activity=activity)
            )
    return pd.DataFrame(rows)


def write_shard(path: Path, windows: np.ndarray, **meta) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    described = dict(
        status="ok", reason="", warning="", file="x.edf", channels=["Fz", "Cz", "Pz"], frequencies=FREQUENCIES,
        frames=FRAMES, representation="db-only", quality=dict(bad_channels={}, bad_seconds={}, windows={}),
    )  # fmt: skip
    starts = np.arange(len(windows), dtype=np.int64) * 1024
    told = {key: value for key, value in (described | meta).items() if value is not None}
    save_tensors(path, {"windows": windows, "starts": starts}, told)
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
