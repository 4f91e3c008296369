"""How far a classifier's probabilities can be taken at their word."""

from typing import Any

import numpy as np

BINS = 10


def calibration_error(
    truth: np.ndarray, probabilities: np.ndarray, subjects: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Expected calibration error under weights [replicates, subjects]: [replicates].

    The most probable class's probability (confidence) against how often that class is right, in 10 bins of equal
    width over 0 to 1, absolute differences weighted by the bins' windows (Guo et al. 2017). Biased upwards with few
    windows.
    """
    sums = _bin_sums(truth, probabilities, subjects, weights.shape[1])
    windows, confident, right = np.einsum("rs,ksb->krb", weights, sums)
    with np.errstate(invalid="ignore"):
        return np.abs(confident - right).sum(axis=1) / windows.sum(axis=1)


def reliability(truth: np.ndarray, probabilities: np.ndarray) -> list[dict[str, Any]]:
    """The same bins, those with windows in them: their ends, windows, mean confidence and share of right ones."""
    sums = _bin_sums(truth, probabilities, np.zeros(len(truth), np.int64), 1)[:, 0]
    return [
        {
            "low": place / BINS,
            "high": (place + 1) / BINS,
            "windows": int(count),
            "confidence": float(confident / count),
            "right": float(right / count),
        }
        for place, (count, confident, right) in enumerate(sums.T)
        if count
    ]


def _bin_sums(truth: np.ndarray, probabilities: np.ndarray, subjects: np.ndarray, count: int) -> np.ndarray:
    """Windows, sum of confidences and right ones per subject and bin: float64 [3, subjects, bins]."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    # (0, 0.1], ..., (0.9, 1]: a confidence of 1/2 counts with those below it, in Guo's half-open intervals.
    bins = np.clip(np.ceil(confidence * BINS - 1e-9).astype(np.int64) - 1, 0, BINS - 1)
    cells = subjects * BINS + bins
    columns = (None, confidence, right)
    return np.stack([np.bincount(cells, c, count * BINS).reshape(count, BINS) for c in columns])
