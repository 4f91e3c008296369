"""What turns windows into 8 bits or z-scores: one set of numbers for all datasets of a recipe.

They come from the training windows alone, which are counted block by block.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.signals.representations import SERIES

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Spectrogram

SCALE_PERCENTILE = 99.95  # of a row's magnitudes; docs/representations.md measures others
_VALUES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
_COARSER = 3  # bits of a float16 that the rows' histograms leave off: a bin is at most 1/128 wide


class DecibelHistogram:
    """Exact counts of float16 values, filled block by block; percentiles equal numpy's over all of them."""

    def __init__(self) -> None:
        self.counts = np.zeros(1 << 16, dtype=np.int64)

    def add(self, windows: np.ndarray) -> None:
        """Count finite values of any shape, as float16."""
        bits = np.ascontiguousarray(windows, dtype=np.float16).reshape(-1).view(np.uint16)
        self.counts += np.bincount(bits, minlength=1 << 16)

    def distribution(self) -> tuple[np.ndarray, np.ndarray]:
        """The values that occur, rising, float64 (dB), and the share of each."""
        used = self._used()
        return _VALUES[used].astype(np.float64), self.counts[used] / self.counts.sum()

    def percentile(self, q: float) -> float:
        """The value below which `q` percent lie, interpolated linearly between the two nearest (dB)."""
        used = self._used()
        reached = np.cumsum(self.counts[used])
        rank = (reached[-1] - 1) * q / 100
        below, above = (
            _VALUES[used[np.searchsorted(reached, np.floor(rank) + k, "right")]] for k in (0, _more(rank))
        )
        return float(below) + (float(above) - float(below)) * (rank - np.floor(rank))

    def _used(self) -> np.ndarray:
        """Bits of the values that occur, in rising order of the values."""
        used = np.flatnonzero(self.counts)
        return used[np.argsort(_VALUES[used], kind="stable")]


class RowHistogram:
    """Counts of magnitudes in each row, in bins of at most 1/128 of the value, filled block by block."""

    def __init__(self, rows: int):
        self.counts = np.zeros((rows, 1 << (15 - _COARSER)), dtype=np.int64)

    def add(self, windows: np.ndarray) -> None:
        """Count finite values of either sign, [n, channels, rows, frames], as float16."""
        bits = np.ascontiguousarray(windows, dtype=np.float16).view(np.uint16)
        rows, bins = self.counts.shape
        places = (bits & np.uint16(0x7FFF)) >> np.uint16(_COARSER)
        places = places + (np.arange(rows, dtype=np.int32) * bins)[:, None]
        self.counts += np.bincount(places.reshape(-1), minlength=rows * bins).reshape(rows, bins)

    def percentile(self, q: float) -> list[float]:
        """For each row, the end of the bin that `q` percent of its magnitudes reach; more than 0."""
        reached = np.cumsum(self.counts, axis=1)
        bins = (reached >= reached[:, -1:] * (q / 100)).argmax(axis=1)
        return _VALUES[((bins + 1) << _COARSER) - 1].astype(float).tolist()


class ImageStatistics:
    """Of the training windows of images: the range of the decibels, and a scale for each row of other planes."""

    def __init__(self, representation: str, config: "Spectrogram"):
        self._representation, self._config = representation, config
        self._decibels = DecibelHistogram()
        self._rows: RowHistogram | None = None

    def add(self, windows: np.ndarray) -> None:
        """[n, channels, rows, frames], or [n, 3, channels, rows, frames] with their planes."""
        if self._representation == "db-only":
            self._decibels.add(windows)
            return
        self._decibels.add(windows[:, 0])
        self._rows = self._rows or RowHistogram(windows.shape[3])
        for plane in (1, 2) if self._representation == "db-iq" else (1,):
            self._rows.add(windows[:, plane])

    def numbers(self) -> dict[str, Any]:
        """`min_db`, `max_db` and `scales` of `dataset.json` (`signals.encoding`)."""
        low, high = decibel_range(self._config, self._decibels)
        found = {"min_db": low, "max_db": high}
        if self._rows is None:
            return found
        name = "iq" if self._representation == "db-iq" else "magnitude"
        return found | {"scales": {name: self._rows.percentile(SCALE_PERCENTILE)}}


class SeriesStatistics:
    """Mean and standard deviation of each channel of the training windows of time series."""

    def __init__(self) -> None:
        self._samples = 0
        self._sums = np.zeros((2, 1))

    def add(self, windows: np.ndarray) -> None:
        """[n, channels, nsamps] uV."""
        self._samples += windows.shape[0] * windows.shape[2]
        for window in windows.astype(np.float64):
            self._sums = self._sums + np.stack([window.sum(axis=1), np.square(window).sum(axis=1)])

    def numbers(self) -> dict[str, Any]:
        """`scales` of `dataset.json`, in uV; a channel that is flat throughout has SD 1, so it stays what it is."""
        mean, square = self._sums / self._samples
        sd = np.sqrt(np.maximum(square - mean**2, 0))
        return {"scales": {"mean": mean.tolist(), "sd": np.where(sd > 0, sd, 1).tolist()}}


Statistics = ImageStatistics | SeriesStatistics


def statistics_of(representation: str, config: "Spectrogram") -> Statistics:
    """Empty statistics, to be filled with training windows."""
    return SeriesStatistics() if representation == SERIES else ImageStatistics(representation, config)


def decibel_range(config: "Spectrogram", training: DecibelHistogram) -> tuple[float, float]:
    """(min_db, max_db) in dB: as configured, or else the percentiles of the training windows.

    UserError when the range is empty, as it is when every training window holds one value.
    """
    low, high = config.min_db, config.max_db
    low = round(training.percentile(config.lower_percentile), 2) if low is None else float(low)
    high = round(training.percentile(config.upper_percentile), 2) if high is None else float(high)
    if low >= high:
        raise UserError(f"[spectrogram] min_db {low} is not below max_db {high}; correct the recipe's range")
    return low, high


def _more(rank: float) -> int:
    return int(rank > np.floor(rank))
