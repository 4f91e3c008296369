"""A dataset folder of a few people whose rhythm, gender and hand are known, and predictions for it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from signal_diffusion.datasets.pool import Pool
from signal_diffusion.metrics.classification.tables import Answers, Predictions
from signal_diffusion.signals.encoding import Encoder
from signal_diffusion.signals.stft import Stft

SUBJECTS, WINDOWS, FS, NSAMPS = 24, 6, 125, 512
CHANNELS = ["C3", "C4"]
SETTINGS = {"resolution": 32, "window": 256, "bins": "log", "fmin": 0.5}
TASKS = {"gender": ("M", "F"), "activity": ("rest", "arithmetic"), "handedness": ("right", "left")}


def metadata(datasets: int = 1, seed: int = 0) -> pd.DataFrame:
    """Gender follows age nearly, health and handedness are drawn; both activities of every subject."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(SUBJECTS):
        age = float(rng.integers(20, 81))
        who = {"dataset": f"set{number % datasets}", "subject": f"s{number:03d}", "session": "", "age": age}
        who |= {"gender": "F" if age + rng.normal(0, 4) > 50 else "M", "health": rng.choice(["H", "PD"])}
        who["handedness"] = rng.choice(["right", "left"])
        split = ("train", "val", "test")[max(0, number - 6) // 6]
        for activity in TASKS["activity"]:
            name = {"recording": f"s{number:03d}_{activity}", "activity": activity, "split": split}
            rows += [who | name | {"window": w, "start_s": 4.0 * w, "weight": 1.0} for w in range(WINDOWS)]
    return pd.DataFrame(rows)


def signals(rows: pd.DataFrame, seed: int = 0) -> np.ndarray:
    """Noise and a 10 Hz rhythm that halves during arithmetic, float32 [windows, channels, samples] uV."""
    rng = np.random.default_rng(seed)
    time = np.arange(NSAMPS) / FS
    size = np.where(rows["activity"] == "arithmetic", 4.0, 8.0)[:, None, None]
    phase = rng.uniform(0, 2 * np.pi, (len(rows), len(CHANNELS), 1))
    level = rows["subject"].map({name: rng.normal(1, 0.2) for name in rows["subject"].unique()}).to_numpy()
    noise = rng.normal(0, 8, (len(rows), len(CHANNELS), NSAMPS))
    return np.float32((noise + size * np.sin(2 * np.pi * 10 * time + phase)) * level[:, None, None])


def write_dataset(folder: Path, representation: str = "timeseries", datasets: int = 1, **labels) -> Pool:
    """The pool of a dataset folder of that representation; `labels` are further columns [windows]."""
    rows = metadata(datasets)
    spec, stored = encoded(signals(rows), representation)
    rows = rows.assign(**labels)
    (folder / "dataset.json").write_text(json.dumps(spec))
    for split in ("train", "val", "test"):
        chosen = (rows["split"] == split).to_numpy()
        rows[chosen].to_csv(folder / f"{split}-metadata.csv", index=False)
        np.save(folder / f"{split}.npy", stored[chosen])
    return Pool(folder)


def encoded(data: np.ndarray, representation: str) -> tuple[dict, np.ndarray]:
    spec = {"recipe": "r", "representation": representation, "channels": CHANNELS, "fs": FS, "nsamps": NSAMPS}
    if representation == "timeseries":
        spec["scales"] = {"mean": [0.0, 0.0], "sd": [8.0, 8.0]}
        return spec, Encoder(spec)(data)
    stft = Stft(n_channels=2, nsamps=NSAMPS, fs=FS, **SETTINGS)
    coefficients = stft.transform_windows(data)
    db = stft.decibels(np.abs(coefficients).astype(np.float32) ** 2)
    spec |= SETTINGS | {"frequencies": stft.frequencies.tolist(), "frames": stft.frames}
    spec |= {"min_db": -30.0, "max_db": 40.0, "scales": {"iq": [20.0] * 32, "magnitude": [20.0] * 32}}
    planes = {
        "db-only": lambda: db,
        "db-iq": lambda: np.stack([db, coefficients.real, coefficients.imag], axis=1),
        "db-polar": lambda: np.stack([db, np.abs(coefficients), np.angle(coefficients)], axis=1),
    }[representation]()
    return spec, Encoder(spec)(planes.astype(np.float16))


def held_out(pool: Pool, tasks: list[str], folds: int = 2) -> Predictions:
    """Every window in one of the folds of subjects, with a model that always says the same."""
    rows = pool.metadata.copy()
    rows["fold"] = [f"fold-{int(name[1:]) * folds // SUBJECTS:02d}" for name in rows["subject"]]
    answers = {}
    for task in tasks:
        classes = TASKS.get(task, ())
        truth = rows["age"].to_numpy() if task == "age" else codes(rows[task], classes)
        flat = np.full((len(rows), len(classes)), 0.5) if classes else np.full(len(rows), 50.0)
        answers[task] = Answers(classes, truth, flat)
    return Predictions(rows, answers)


def codes(words: pd.Series, classes: tuple[str, ...]) -> np.ndarray:
    return words.map({word: float(code) for code, word in enumerate(classes)}).to_numpy(np.float64)
