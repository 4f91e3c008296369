"""Which channels and frequencies a classifier looks at: what its loss gains when they are hidden.

Occlusion (Zeiler and Fergus 2014): a part of each window is replaced by its mean over the training windows, and the
rise of the loss, log loss or absolute error, says how much the model had from it. Parts that stand for each other
both look unimportant.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from signal_diffusion.metrics.resampling import expanded_estimate, group_weights
from signal_diffusion.metrics.spectra import band_rows
from signal_diffusion.signals.images import content_columns
from signal_diffusion.signals.representations import SERIES

# Stored windows [n, ...] to {task: probabilities [n, classes] or numbers [n]}.
Predict = Callable[[np.ndarray], Mapping[str, np.ndarray]]
ALL = "all"
SMALLEST = 1e-6  # of a probability, so that one certain mistake does not outweigh all else


def parts(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(channel, band) of every part that is hidden: each channel, each band, and each band of each channel."""
    bands = list(_bands(spec))
    channels = list(spec["channels"])
    whole = [(channel, ALL) for channel in channels] + [(ALL, band) for band in bands]
    return whole + [(channel, band) for channel in channels for band in bands]


def hide(
    windows: np.ndarray, mean: np.ndarray, channel: str, band: str, spec: Mapping[str, Any]
) -> np.ndarray:
    """Stored windows [n, ...] with one part replaced by that of `mean`; of the same type.

    Of images the rows of the band and the columns of the channel, in all planes; of time series the frequencies of
    the band, by Fourier transform. `mean` is that of `pool.moments`, of each pixel or each channel.
    """
    if spec["representation"] == SERIES:
        return _hide_series(windows, mean, channel, band, spec)
    rows, columns = _image_rows(spec, band), _image_columns(spec, channel, windows.shape[-1])
    hidden = windows.copy()
    filling = np.rint(mean).astype(windows.dtype)
    hidden[..., rows[:, None], columns] = filling[..., rows[:, None], columns]
    return hidden


def _hide_series(
    windows: np.ndarray, mean: np.ndarray, channel: str, band: str, spec: Mapping[str, Any]
) -> np.ndarray:
    chosen = _channels(spec, channel)
    hidden = windows.copy()
    if band == ALL:
        hidden[:, chosen] = mean[chosen]
        return hidden
    # The mean of a channel is a constant, which has nothing in any band.
    spectrum = np.fft.rfft(windows[:, chosen], axis=-1)
    spectrum[..., _bands(spec)[band]] = 0
    hidden[:, chosen] = np.fft.irfft(spectrum, n=windows.shape[-1], axis=-1)
    return hidden


def occlude(
    predict: Predict,
    windows: np.ndarray,
    truth: Mapping[str, np.ndarray],
    mean: np.ndarray,
    spec: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """Rise of each task's loss in each window as each of `parts` is hidden: {task: float64 [parts, n]}.

    truth: codes or numbers [n], NaN where unknown, which stays NaN.
    """
    before = _losses(predict(windows), truth)
    rises: dict[str, list[np.ndarray]] = {task: [] for task in truth}
    for hidden in _hidden(windows, mean, spec):
        for task, loss in _losses(predict(hidden), truth).items():
            rises[task].append(loss - before[task])
    return {task: np.stack(each) for task, each in rises.items()}


def _hidden(windows: np.ndarray, mean: np.ndarray, spec: Mapping[str, Any]) -> Iterator[np.ndarray]:
    for channel, band in parts(spec):
        yield hide(windows, mean, channel, band, spec)


def summarise_occlusion(
    rises: Mapping[str, np.ndarray], subjects: np.ndarray, spec: Mapping[str, Any], replicates: int, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Mean rise of each part with its interval over subjects: {task: records}; rises [parts, n], subjects [n]."""
    found = {}
    for task, each in rises.items():
        known = np.isfinite(each).all(axis=0)
        found[task] = _records(each[:, known], subjects[known], spec, replicates, seed) if known.any() else []
    return found


def _records(
    rises: np.ndarray, subjects: np.ndarray, spec: Mapping[str, Any], replicates: int, seed: int
) -> list[dict[str, Any]]:
    weights = group_weights(subjects, replicates, np.random.default_rng(seed))
    means = (weights @ rises.T) / weights.sum(axis=1, keepdims=True)
    units = len(np.unique(subjects))
    return [
        {"channel": channel, "band": band, **expanded_estimate(values, units)}
        for (channel, band), values in zip(parts(spec), means.T, strict=True)
    ]


def _losses(predicted: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {task: _loss(np.asarray(predicted[task], np.float64), known) for task, known in truth.items()}


def _loss(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Log loss or absolute error of each window, NaN where the truth is unknown: float64 [n]."""
    if predicted.ndim == 1:
        return np.abs(predicted - truth)
    known = np.isfinite(truth)
    codes = np.where(known, truth, 0).astype(np.int64)
    loss = -np.log(np.maximum(predicted[np.arange(len(codes)), codes], SMALLEST))
    return np.where(known, loss, np.nan)


def _bands(spec: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The rows of the spectrogram, or of a window's Fourier transform, that lie in each band."""
    if spec["representation"] == SERIES:
        return band_rows(np.fft.rfftfreq(spec["nsamps"], 1 / spec["fs"]))
    return band_rows(np.asarray(spec["frequencies"], np.float64))


def _image_rows(spec: Mapping[str, Any], band: str) -> np.ndarray:
    """Image rows, of which the first shows the highest frequency."""
    count = len(spec["frequencies"])
    return count - 1 - (np.arange(count) if band == ALL else _bands(spec)[band])


def _image_columns(spec: Mapping[str, Any], channel: str, width: int) -> np.ndarray:
    content = content_columns(width, len(spec["channels"]), spec["frames"])
    columns = np.arange(content.start, content.stop).reshape(len(spec["channels"]), spec["frames"])
    return columns[_channels(spec, channel)].reshape(-1)


def _channels(spec: Mapping[str, Any], channel: str) -> list[int]:
    names = list(spec["channels"])
    return list(range(len(names))) if channel == ALL else [names.index(channel)]
