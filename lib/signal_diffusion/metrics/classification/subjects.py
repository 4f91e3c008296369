"""One subject at a time: how often its windows are told right, or how far off they are."""

from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.datasets.splits import SUBJECT
from signal_diffusion.metrics.classification.levels import Level
from signal_diffusion.metrics.resampling import expanded_estimate, group_weights

BLOCKS = 10


def per_subject(rows: pd.DataFrame, windows: Level, replicates: int, seed: int) -> list[dict[str, Any]]:
    """A record for each subject, worst first: who, truth, windows, and `score` with its interval.

    The score is the share of windows that the model tells right, or the mean of its numbers beside the `truth`.
    Neighbouring windows overlap and resemble each other, so that the interval resamples up to 10 runs of
    consecutive windows (block bootstrap, Künsch 1989). `rows` are those of `windows`.
    """
    recordings = np.unique(rows["recording"].astype(str), return_inverse=True)[1]
    order = np.lexsort((rows["window"].to_numpy(), recordings, windows.subjects))
    names = rows[SUBJECT].astype(str).to_numpy()
    people = np.split(order, np.flatnonzero(np.diff(windows.subjects[order])) + 1)
    records = [
        dict(zip(SUBJECT, names[chosen[0]], strict=True)) | _record(windows, chosen, replicates, seed)
        for chosen in people
    ]
    return sorted(records, key=_goodness)


def _record(windows: Level, chosen: np.ndarray, replicates: int, seed: int) -> dict[str, Any]:
    """Of one subject's windows `chosen`, in the order of time."""
    blocks = np.arange(len(chosen)) * min(BLOCKS, len(chosen)) // len(chosen)
    truth, predicted = windows.truth[chosen], windows.predicted["model"][chosen]
    values = (predicted.argmax(axis=1) == truth).astype(float) if windows.classes else predicted
    weights = group_weights(blocks, replicates, np.random.default_rng(seed))
    score = expanded_estimate(weights @ values / weights.sum(axis=1), int(blocks.max()) + 1)
    if "unknown" in score:
        score["unknown"] = "one window gives no interval"
    return {"truth": _truth(windows, truth), "windows": len(truth), "score": score}


def _truth(windows: Level, truth: np.ndarray) -> str | float:
    """The subject's class, or its classes in order, or the mean of its numbers."""
    if not windows.classes:
        return float(truth.mean())
    return ", ".join(windows.classes[int(code)] for code in np.unique(truth))


def _goodness(record: dict[str, Any]) -> tuple[float, str, str]:
    score, truth = record["score"]["value"], record["truth"]
    found = score if isinstance(truth, str) else -abs(score - truth)
    return found, record["dataset"], record["subject"]
