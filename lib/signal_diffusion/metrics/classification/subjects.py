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
    rows = rows.reset_index(drop=True)
    records = [
        _record(rows.loc[chosen], windows, chosen, replicates, seed)
        for chosen in (np.flatnonzero(windows.subjects == k) for k in range(windows.subjects.max() + 1))
    ]
    return sorted(records, key=_goodness)


def _record(
    rows: pd.DataFrame, windows: Level, chosen: np.ndarray, replicates: int, seed: int
) -> dict[str, Any]:
    order = np.lexsort((rows["window"], rows["recording"]))
    blocks = np.arange(len(order)) * min(BLOCKS, len(order)) // len(order)
    truth, predicted = windows.truth[chosen][order], windows.predicted["model"][chosen][order]
    values = (predicted.argmax(axis=1) == truth).astype(float) if windows.classes else predicted
    weights = group_weights(blocks, replicates, np.random.default_rng(seed))
    score = expanded_estimate(weights @ values / weights.sum(axis=1), int(blocks.max()) + 1)
    if "unknown" in score:
        score["unknown"] = "one window gives no interval"
    return {
        **{name: str(rows.iloc[0][name]) for name in SUBJECT},
        "truth": _truth(windows, truth),
        "windows": len(truth),
        "score": score,
    }


def _truth(windows: Level, truth: np.ndarray) -> str | float:
    """The subject's class, or its classes in order, or the mean of its numbers."""
    if not windows.classes:
        return float(truth.mean())
    return ", ".join(windows.classes[int(code)] for code in np.unique(truth))


def _goodness(record: dict[str, Any]) -> tuple[float, str, str]:
    score, truth = record["score"]["value"], record["truth"]
    found = score if isinstance(truth, str) else -abs(score - truth)
    return found, record["dataset"], record["subject"]
