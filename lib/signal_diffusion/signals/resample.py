"""Sampling rate and reference of a recording."""

from collections.abc import Sequence

import numpy as np
import soxr


def average_reference(data: np.ndarray) -> np.ndarray:
    """Subtract the mean over channels from every sample. data: [channels, samples], any unit."""
    return data - data.mean(axis=0, dtype=np.float32)


def mean_subtracted(data: np.ndarray, over: Sequence[int], but: Sequence[int] = ()) -> np.ndarray:
    """Subtract the mean over the channels `over` from every channel but those of `but`, by rows of `data`."""
    if len(over) == len(data) and not len(but):
        return average_reference(data)
    left = data - data[over].mean(axis=0, dtype=np.float32)
    left[but] = data[but]
    return left


def resample(data: np.ndarray, fs_in: float, fs_out: float) -> np.ndarray:
    """Change the sampling rate with libsoxr's HQ polyphase filter (linear phase, no delay).

    data: [channels, samples] at `fs_in` Hz. Returns float32 [channels, floor(samples * fs_out / fs_in + 1/2)]
    in the unit of `data`; output sample k stands at time k / fs_out. The pass band ends at 91 % of the lower
    Nyquist frequency.
    """
    data = np.ascontiguousarray(data, dtype=np.float32)
    if fs_in == fs_out:
        return data
    return np.ascontiguousarray(soxr.resample(data.T, fs_in, fs_out, quality="HQ").T)
