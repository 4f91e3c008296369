"""Prediction tables of people whose labels a model knows more or less well."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.metrics.classification.tables import Answers, Predictions

CLASSES = {"gender": ("M", "F"), "activity": ("rest", "arithmetic"), "emotion": ("sad", "neutral", "happy")}


def people(subjects: int, windows: int, seed: int = 0, datasets: int = 1) -> pd.DataFrame:
    """Rows of a prediction table: two recordings of each subject, of `windows` windows each."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(subjects):
        who = {
            "dataset": f"set{number % datasets}",
            "subject": f"s{number:03d}",
            "session": "",
            "gender": rng.choice(["F", "M"]),
            "health": "H",
            "age": float(rng.integers(20, 81)),
        }
        for activity in CLASSES["activity"]:
            recording = {"recording": f"s{number:03d}_{activity}", "activity": activity}
            rows += [who | recording | {"window": window} for window in range(windows)]
    return pd.DataFrame(rows).assign(fold="split")


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture(scope="session")
def guessed() -> Callable[..., Predictions]:
    """A function (rows, task, strength, seed): a model whose logits lean `strength` towards the truth."""

    def guess(
        rows: pd.DataFrame, task: str, strength: float, seed: int = 0, spread: float = 1.0
    ) -> Predictions:
        rng = np.random.default_rng(seed)
        classes = CLASSES[task]
        truth = rows[task].map(dict(zip(classes, range(len(classes)), strict=True))).to_numpy(np.float64)
        person = rows["subject"].map({name: rng.normal(0, spread) for name in rows["subject"].unique()})
        logits = rng.normal(0, 1, (len(rows), len(classes)))
        logits[:, 0] += person.to_numpy()
        logits[np.arange(len(rows)), truth.astype(int)] += strength
        return Predictions(rows, {task: Answers(classes, truth, softmax(logits))})

    return guess
