"""Frequency scales: where the rows of a spectrogram stand, and how wide each of them is.

Each row has an analysis window of the length at which its bandwidth is the spacing of the rows, so that no
power falls between rows. The logarithmic scale is the constant-Q transform of Brown (1991), but linear below
the frequency where equal ratios would be finer than half a bin of the longest window.
"""

import math

import numpy as np

from signal_diffusion.errors import UserError

BINS_PER_SPACING = 1.36  # -3 dB width of a Hann window is 1.44 bins: neighbouring rows cross at about -3 dB


def linear_scale(rows: int, fmin: float, fmax: float) -> tuple[np.ndarray, np.ndarray]:
    """Equally spaced rows. Returns frequencies and spacings in Hz, float64 [rows] each."""
    frequencies = np.linspace(fmin, fmax, rows)
    return frequencies, np.full(rows, (fmax - fmin) / (rows - 1))


def log_scale(rows: int, fmin: float, fmax: float, finest: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows at a spacing of max(finest, f / q) Hz, with q such that the rows end at `fmax` exactly.

    Returns frequencies and spacings in Hz, float64 [rows] each. Raises UserError if so many rows would need a
    finer spacing.
    """
    if rows - 1 >= (fmax - fmin) / finest:
        raise UserError(
            f"spectrogram.resolution = {rows}: spectrogram.window is too short for that many log rows; "
            'double it, or set spectrogram.bins = "linear"'
        )
    q = _solve_q(rows - 1, fmin, fmax, finest)
    knee = max(fmin, q * finest)
    rows_below = (knee - fmin) / finest
    row = np.arange(rows)
    above = np.maximum(row - rows_below, 0) / q
    frequencies = np.where(row < rows_below, fmin + row * finest, knee * np.exp(above))
    frequencies[-1] = fmax
    return frequencies, np.maximum(finest, frequencies / q)


def _solve_q(steps: int, fmin: float, fmax: float, finest: float) -> float:
    """Bisection: the number of steps from fmin to fmax grows with q."""
    low, high = 0.0, fmax / finest
    for _ in range(100):
        q = (low + high) / 2
        knee = max(fmin, q * finest)
        count = (knee - fmin) / finest + q * math.log(fmax / knee)
        low, high = (q, high) if count < steps else (low, q)
    return q


def window_lengths(spacings: np.ndarray, fs: float, longest: int) -> np.ndarray:
    """Even lengths in samples, int64 [rows], of the Hann windows that are as wide as the rows are apart."""
    matched = 2 * np.floor(BINS_PER_SPACING * fs / spacings / 2).astype(np.int64)
    return np.clip(matched, 4, longest)
