"""What a window of a recording becomes: an image of one plane, of three planes, or a time series."""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from signal_diffusion.signals.frames import Frames

PLANES = {
    "db-only": ("dB",),
    "db-iq": ("dB", "I", "Q"),
    "db-polar": ("dB", "magnitude", "phase"),
}
SERIES = "timeseries"
REPRESENTATIONS = (*PLANES, SERIES)

BLOCK = 32  # frames of all channels per matrix product: they stay in the processor's cache
LARGEST = 65504  # of a float16


class ValueRanges:
    """Smallest and largest value of each row of each plane, found block by block."""

    def __init__(self, names: tuple[str, ...]):
        self._ends: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._names = names

    def add(self, planes: list[np.ndarray]) -> None:
        """One array [n, channels, rows] for each plane."""
        for name, plane in zip(self._names, planes, strict=True):
            low, high = plane.min(axis=0), plane.max(axis=0)
            before = self._ends.get(name, (low, high))
            self._ends[name] = np.minimum(before[0], low), np.maximum(before[1], high)

    def table(self) -> dict[str, dict[str, list[float]]]:
        """Plane -> "low" and "high", a number per row, to five digits; empty when nothing was added."""
        return {
            name: {"low": _short(low.min(axis=0)), "high": _short(high.max(axis=0))}
            for name, (low, high) in self._ends.items()
        }


def spectrogram_windows(
    transform: Frames, data: np.ndarray, starts: np.ndarray, representation: str = "db-only"
) -> tuple[np.ndarray, dict]:
    """Windows before any range is applied, and the value ranges of their rows (`ValueRanges.table`).

    data: [channels, samples] uV at the transform's rate. Windows are [n, channels, rows, frames], or [n, 3,
    channels, rows, frames] with the planes of `PLANES`: dB; I and Q, or magnitude, in uV per root Hz; phase in
    radians. float16, but float64 for bins = "log-legacy".
    """
    names, planes_of = PLANES[representation], _ENCODERS[representation]
    positions, index = transform.locate(starts)
    shape = (len(names), len(data), transform.resolution)
    values = np.empty((len(positions), *shape), transform.kept_as)
    ranges = ValueRanges(names)
    for first in range(0, len(positions), BLOCK):
        block = slice(first, first + BLOCK)
        planes = planes_of(transform, *transform.parts(data, positions[block]))
        ranges.add(planes)
        for number, plane in enumerate(planes):
            values[block, number] = transform.stored(plane)
    windows = transform.gather(values if len(names) > 1 else values[:, 0], index)
    return windows, ranges.table()


def series_windows(data: np.ndarray, starts: np.ndarray, nsamps: int) -> tuple[np.ndarray, dict]:
    """Windows as they are, float32 [n, channels, nsamps] uV, and the value range of each channel."""
    if not len(starts):
        return np.zeros((0, len(data), nsamps), np.float32), {}
    cut = sliding_window_view(np.asarray(data, np.float32), nsamps, axis=1)[:, starts]
    ranges = ValueRanges((SERIES,))
    ranges.add([cut.transpose(1, 2, 0)])
    return np.ascontiguousarray(cut.swapaxes(0, 1)), ranges.table()


def _db_only(transform: Frames, real: np.ndarray, imaginary: np.ndarray) -> list[np.ndarray]:
    power = np.square(real, out=real)
    power += np.square(imaginary, out=imaginary)
    return [transform.decibels(power)]


def _db_iq(transform: Frames, real: np.ndarray, imaginary: np.ndarray) -> list[np.ndarray]:
    db = transform.decibels(np.square(real) + np.square(imaginary))
    return [db, np.clip(real, -LARGEST, LARGEST), np.clip(imaginary, -LARGEST, LARGEST)]


def _db_polar(transform: Frames, real: np.ndarray, imaginary: np.ndarray) -> list[np.ndarray]:
    db = transform.decibels(np.square(real) + np.square(imaginary))
    return [db, np.minimum(np.hypot(real, imaginary), LARGEST), np.arctan2(imaginary, real)]


_Encoder = Callable[[Frames, np.ndarray, np.ndarray], list[np.ndarray]]
_ENCODERS: dict[str, _Encoder] = {"db-only": _db_only, "db-iq": _db_iq, "db-polar": _db_polar}


def _short(values: np.ndarray) -> list[float]:
    """To five digits: what tells where values lie need not fill a shard's header."""
    values = values.astype(np.float64)
    unit = 10.0 ** (4 - np.floor(np.log10(np.maximum(np.abs(values), 1e-30))))
    return (np.rint(values * unit) / unit).tolist()
