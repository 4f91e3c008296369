"""A small world of spectrogram images whose labels change the spectra by known amounts."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.metrics.sets import ImageSet
from signal_diffusion.signals.images import quantise, tile

FREQUENCIES = np.geomspace(1, 60, 64)
SPEC = {
    "channels": [f"C{index}" for index in range(8)],
    "frequencies": FREQUENCIES.tolist(),
    "frames": 8,
    "min_db": -40.0,
    "max_db": 50.0,
}
SIZES = {"alpha": -3.0, "theta": 3.0, "beta": 2.0, "peak": -0.04}


def bump(centre: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((FREQUENCIES - np.asarray(centre)[..., None]) / width) ** 2)


def spectrum(labels: pd.DataFrame, strength: float = 1.0) -> np.ndarray:
    """Mean spectra dB [n, rows] of the rows of `labels`; `strength` scales what the labels do."""
    age = labels["age"].to_numpy(float)
    peak = 10 + strength * SIZES["peak"] * (age - 50)
    alpha = 9 + strength * SIZES["alpha"] * (labels["activity"] == "arithmetic").to_numpy()
    theta = strength * SIZES["theta"] * (labels["health"] == "PD").to_numpy()
    beta = strength * SIZES["beta"] * (labels["gender"] == "M").to_numpy()
    base = 20 - 15 * np.log10(FREQUENCIES)
    return (
        base + alpha[:, None] * bump(peak, 1.2) + theta[:, None] * bump(5.5, 1) + beta[:, None] * bump(20, 4)
    )


def labels_of(subjects: int, windows: int, seed: int, prefix: str) -> pd.DataFrame:
    """Both activities of each subject; gender and health balanced and independent, ages 20 to 80."""
    rng = np.random.default_rng(seed)
    rows = []
    for subject in range(subjects):
        row = {"dataset": "demo", "subject": f"{prefix}{subject}", "age": int(rng.integers(20, 81))}
        row |= {"gender": "FM"[subject % 2], "health": ("H", "PD")[subject // 2 % 2]}
        row["handedness"] = "LR"[subject // 4 % 2]
        rows += [row | {"activity": one} for one in ("rest", "arithmetic") for _ in range(windows)]
    return pd.DataFrame(rows)


def render(labels: pd.DataFrame, seed: int, strength: float = 1.0, spread: float = 2.0) -> np.ndarray:
    """Images of the labels: a subject's level varies by `spread` dB, a pixel by 4 dB."""
    rng = np.random.default_rng(seed)
    level = labels["subject"].map({name: rng.normal(0, spread) for name in labels["subject"].unique()})
    mean = spectrum(labels, strength) + level.to_numpy()[:, None]
    channels = rng.normal(0, 1, (len(labels), 8, 1, 1))
    windows = mean[:, None, :, None] + channels + rng.normal(0, 4, (len(labels), 8, 64, 8))
    return quantise(tile(windows, 64), SPEC["min_db"], SPEC["max_db"])[:, None]


@pytest.fixture(scope="session")
def spec() -> dict:
    return SPEC


@pytest.fixture(scope="session")
def recorded() -> Callable[..., ImageSet]:
    """A function (subjects, windows per activity, seed) that records that many new people."""

    def record(subjects: int, windows: int, seed: int) -> ImageSet:
        labels = labels_of(subjects, windows, seed, f"s{seed}-")
        return ImageSet.real(render(labels, seed), labels)

    return record


@pytest.fixture(scope="session")
def imagined() -> Callable[..., ImageSet]:
    """A function (count, seed, strength of the labels) that stands for a generator."""

    def imagine(count: int, seed: int, strength: float = 1.0, spread: float = 2.0) -> ImageSet:
        labels = labels_of(count // 2, 1, seed, f"g{seed}-")
        labels["subject"] = [f"g{index}" for index in range(len(labels))]
        return ImageSet.generated(render(labels, seed, strength, spread), labels)

    return imagine
