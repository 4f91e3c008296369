"""Small files in the exact layouts of SEED-V and CHB-MIT, with simulated signals, and the way to a dataset."""

import struct
from collections.abc import Sequence
from pathlib import Path

import edfio
import numpy as np
from scipy.signal import lfilter
from signal_diffusion.config import Recipe, load_recipe
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.recordings import datasets
from signal_diffusion.recordings.batches import jobs_text, parse_jobs
from signal_diffusion.recordings.index import index_dataset, write_index
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.writers import write_cnt
from signal_diffusion.signals.batch import shard_batch

SEED_CHANNELS = (
    "FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7 C5 C3 C1 CZ C2 C4 C6 "
    "T8 M1 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 M2 P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 "
    "OZ O2 CB2 VEO HEO"
).split()
MIT_CHANNELS = (
    "FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 FP2-F8 F8-T8 T8-P8 P8-O2 FZ-CZ "
    "CZ-PZ P7-T7 T7-FT9 FT9-FT10 FT10-T8 T8-P8"
).split()
CNT_HEADER = 900 + 75 * len(SEED_CHANNELS)
CNT_FRAME = 4 * len(SEED_CHANNELS)
CNT_TABLE = 9


def brownish(channels: int, samples: int, seed: int, uv: float = 20.0) -> np.ndarray:
    """Smooth noise of `uv` microvolts SD, float32 [channels, samples]."""
    noise = np.random.default_rng(seed).standard_normal((channels, samples), np.float32)
    return (uv * np.sqrt(1 - 0.95**2) * lfilter([1.0], [1.0, -0.95], noise)).astype(np.float32)


def seed_signals(seconds: float, seed: int, rate: float = 1000.0) -> Recording:
    data = brownish(len(SEED_CHANNELS), round(seconds * rate), seed)
    return Recording(data, rate, tuple(SEED_CHANNELS))


def write_seed(path: Path, seconds: float, seed: int) -> None:
    write_cnt(seed_signals(seconds, seed), path)


def write_long_seed(path: Path, seconds: int, trial: tuple[int, int]) -> np.ndarray:
    """A session of full length at 100 Hz, one minute over and over but for one trial; returns the latter."""
    minute, other = seed_signals(60, 0, 100.0), seed_signals(trial[1] - trial[0], 1, 100.0)
    write_cnt(other, path)
    frames = path.read_bytes()[CNT_HEADER:-CNT_TABLE]
    write_cnt(minute, path)
    content, table = path.read_bytes(), CNT_HEADER + 100 * seconds * CNT_FRAME
    with path.open("r+b") as file:
        file.seek(CNT_HEADER)
        file.write((content[CNT_HEADER:-CNT_TABLE] * (seconds // 60 + 1))[: 100 * seconds * CNT_FRAME])
        file.write(content[-CNT_TABLE:])
        for offset, field in ((864, 100 * seconds), (886, table)):
            file.seek(offset)
            file.write(struct.pack("<i", field))
        file.seek(CNT_HEADER + 100 * trial[0] * CNT_FRAME)
        file.write(frames)
    return other.data


def mit_data(seconds: int, seed: int, labels: Sequence[str] = MIT_CHANNELS) -> np.ndarray:
    """Channels that stand twice have the same samples, and P7-T7 is T7-P7 turned over, as in the real files."""
    rows = dict(zip(dict.fromkeys(labels), brownish(len(labels), 256 * seconds, seed, 60.0), strict=False))
    if "T7-P7" in rows and "P7-T7" in rows:
        rows["P7-T7"] = -rows["T7-P7"]
    return np.stack([rows[label] for label in labels])


def write_mit(path: Path, data: np.ndarray, labels: Sequence[str] = MIT_CHANNELS) -> None:
    """EDF with the ranges of CHB-MIT, +-800 uV over +-2048; samples may go beyond both, as they do there.

    A dummy channel "-" has no range at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    full = 32767 * 800 / 2047.5
    signals = [
        edfio.EdfSignal(
            row.astype(float), 256, label=label, physical_dimension="uV", physical_range=(-full, full)
        )
        for label, row in zip(labels, data, strict=True)
    ]
    edfio.Edf(signals).write(path)
    with path.open("r+b") as file:
        for i, label in enumerate(labels):
            fields = ("0", "0", "0", "0") if label == "-" else ("-800", "800", "-2048", "2047")
            for start, field in zip((104, 112, 120, 128), fields, strict=True):
                file.seek(256 + start * len(labels) + 8 * i)
                file.write(field.ljust(8).encode())


def to_dataset(
    name: str, root: Path, toml: str, folder: Path, options=None, shuffled: bool = False
) -> tuple[list[dict], Recipe, Path]:
    """Index, shards and dataset of one recipe, as the workflow makes them; rows, recipe and the dataset."""
    (folder / "recipe.toml").write_text(toml)
    recipe = load_recipe(folder / "recipe.toml")
    rows = index_dataset(name, root, options=options)
    write_index(rows, folder / "index.csv")
    entries = [each for each in datasets.get(name, options).list_recordings(root) if not each.refused]
    jobs = parse_jobs(jobs_text(reversed(entries) if shuffled else entries), verify=True)
    shard_batch(jobs, recipe, folder / name / "batch-0-of-1.json", [])
    shards = [folder / name / f"{each.recording}.safetensors" for each in entries]
    build_dataset(recipe, "db-only", shards, [folder / "index.csv"], folder / "out")
    return rows, recipe, folder / "out"
