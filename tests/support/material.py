"""What the tests are made of: runs, and images in which health shows and gender does not."""

from pathlib import Path

import numpy as np
import pandas as pd
from signal_diffusion.config.support import SupportRun
from signal_diffusion.files import write_json

HELD_OUT_AGES = {21, 34, 38, 45, 57, 62, 70, 79, 83}
RESOLUTION = 32
SUBJECTS = {"train": 64, "val": 8, "test": 24}
WINDOWS = 8


def support_run(kind: str, **training) -> SupportRun:
    tables = {"text": {}} if kind == "text-encoders" else {"features": {"width": 8, "dim": 12}}
    return SupportRun(
        name="test",
        path=Path("test.toml"),
        kind=kind,
        dataset={"name": "demo"},
        training={"threads": 1, **training},
        **tables,
    )


def write_dataset(folder: Path) -> Path:
    """Windows of 96 subjects: PD brightens rows 8-11, age moves a line, gender does nothing; gains differ."""
    rng = np.random.default_rng(3)
    tables = []
    for split, count in SUBJECTS.items():
        images, rows = zip(*(_subject(rng, f"{split}-{number}") for number in range(count)), strict=True)
        np.save(folder / f"{split}.npy", np.concatenate(images))
        tables.append(pd.DataFrame([row for each in rows for row in each]).assign(split=split))
        tables[-1].to_csv(folder / f"{split}-metadata.csv", index=False)
    pd.concat(tables).to_csv(folder / "metadata.csv", index=False)
    write_json(folder / "dataset.json", {"resolution": RESOLUTION, "representation": "db-only"})
    return folder


def _subject(rng: np.random.Generator, name: str) -> tuple[np.ndarray, list[dict]]:
    row = {
        "dataset": "demo",
        "subject": name,
        "recording": name,
        "health": rng.choice(["H", "PD"]),
        "gender": rng.choice(["F", "M", ""], p=[0.45, 0.45, 0.1]),
        "age": int(rng.integers(20, 80)),
    }
    mean = np.full((RESOLUTION, RESOLUTION), 110.0) + rng.normal(0, 10, (RESOLUTION, 1))
    mean[8:12] += 40 * (row["health"] == "PD")
    mean[16 + (row["age"] - 20) // 5] += 80
    images = mean + rng.normal(0, 25, (WINDOWS, 1, RESOLUTION, RESOLUTION))
    rows = [{**row, "window": window, "text": f"window of {row['age']}"} for window in range(WINDOWS)]
    return images.clip(0, 255).round().astype(np.uint8), rows
