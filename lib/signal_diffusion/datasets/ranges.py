"""The decibel range that becomes 0..255: one for all datasets of a recipe, from its training windows."""

from typing import TYPE_CHECKING

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.signals.images import quantise

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Spectrogram

_VALUES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


class DecibelHistogram:
    """Exact counts of float16 values, filled block by block; percentiles equal numpy's over all of them."""

    def __init__(self) -> None:
        self.counts = np.zeros(1 << 16, dtype=np.int64)

    def add(self, windows: np.ndarray) -> None:
        """Count finite float16 values of any shape."""
        bits = np.ascontiguousarray(windows, dtype=np.float16).reshape(-1).view(np.uint16)
        self.counts += np.bincount(bits, minlength=1 << 16)

    def percentile(self, q: float) -> float:
        """The value below which `q` percent lie, interpolated linearly between the two nearest (dB)."""
        used = np.flatnonzero(self.counts)
        used = used[np.argsort(_VALUES[used], kind="stable")]
        reached = np.cumsum(self.counts[used])
        rank = (reached[-1] - 1) * q / 100
        below, above = (
            _VALUES[used[np.searchsorted(reached, np.floor(rank) + k, "right")]] for k in (0, _more(rank))
        )
        return float(below) + (float(above) - float(below)) * (rank - np.floor(rank))


class Quantiser:
    """`signals.images.quantise` for one range, as a table of all float16 values: faster and equal."""

    def __init__(self, low: float, high: float):
        self.levels = quantise(np.nan_to_num(_VALUES), low, high)

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Finite float16 decibels of any shape -> uint8."""
        return self.levels[np.ascontiguousarray(windows, dtype=np.float16).view(np.uint16)]


def decibel_range(config: "Spectrogram", training: DecibelHistogram) -> tuple[float, float]:
    """(min_db, max_db) in dB re 1 uV^2/Hz: as configured, or else the percentiles of the training windows.

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
