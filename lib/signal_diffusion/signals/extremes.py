"""Extremes of samples as they were recorded: where nothing moved, where the amplifier was at its limit."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

NEAR = 0.01  # of a channel's range: a peak passes there on its way, a clipped one does not


@dataclass(frozen=True)
class Extremes:
    """float32 [channels, seconds]: the highest less the lowest value of a second, and its clipped share."""

    ranges: np.ndarray
    clipped: np.ndarray


def blocks(data: np.ndarray, fs: float) -> np.ndarray:
    """Whole seconds of [channels, samples] at `fs` Hz: [channels, seconds, samples of a second].

    At a fractional rate a second begins with its first whole sample, and the last fraction is left out.
    """
    length, seconds = int(fs), int(data.shape[1] / fs)
    if fs == length or not seconds:
        return data[:, : seconds * length].reshape(len(data), seconds, length)
    starts = np.floor(np.arange(seconds) * fs).astype(np.int64)
    return sliding_window_view(data, length, axis=1)[:, starts]


def extremes(data: np.ndarray, fs: float) -> Extremes:
    """What the samples [channels, samples] at `fs` Hz say; resampled or filtered ones would not.

    Clipped are samples at the highest or lowest value of their channel, if that is met in two seconds or
    more, and in twice as many samples as lie in the hundredth of the range next to it; other extremes are
    peaks.
    """
    seconds = blocks(data, fs)
    clipped = np.zeros(seconds.shape[:2], np.float32)
    if not clipped.size:
        return Extremes(clipped, clipped)
    tops, bottoms = seconds.max(axis=2), seconds.min(axis=2)
    ranges = tops.max(axis=1) - bottoms.min(axis=1)
    for sign, edges in ((1, tops), (-1, -bottoms)):
        limits = edges.max(axis=1)
        met = np.count_nonzero(edges == limits[:, None], axis=1)
        for row in np.flatnonzero((met > 1) & (ranges > 0)):
            distance = limits[row] - sign * seconds[row]
            at = distance == 0
            beside = np.count_nonzero(distance <= NEAR * ranges[row]) - at.sum()
            if at.sum() > 2 * beside:
                clipped[row] += at.mean(axis=1)
    return Extremes(tops - bottoms, clipped)
