"""The first reading of all shards: which windows are used, what they are, and the training split's statistics."""

from collections.abc import Sequence

import numpy as np

from signal_diffusion.datasets.ranges import Statistics
from signal_diffusion.datasets.sources import Source, refusal
from signal_diffusion.datasets.storage import window_hashes
from signal_diffusion.progress import Progress
from signal_diffusion.signals.images import POWER_FLOOR

_EXPONENTS = {2: np.uint16(0x7C00), 8: np.uint64(0x7FF0 << 48)}  # by bytes; all ones in infinities and NaN


def scan(
    sources: Sequence[Source], statistics: Statistics, fs: float, drop: Sequence[str] = ()
) -> list[dict[str, str]]:
    """Count the training windows in `statistics`; refusals of windows that hold nothing or no numbers.

    Fills `kept` and `hashes` of the sources, and leaves them the `starts` of these. fs: of the windows, Hz. drop:
    faults for which a window that its shard calls bad is left out, too. One block of windows is in memory at a time.
    """
    dropped = []
    with Progress(len(sources), "reading shards", unit="recordings") as progress:
        for source in sources:
            dropped += _scan_one(source, statistics if source.split == "train" else None, fs, drop)
            progress.update()
    return dropped


def _scan_one(
    source: Source, statistics: Statistics | None, fs: float, drop: Sequence[str]
) -> list[dict[str, str]]:
    faults = {reason: _numbered(source, source.meta["quality"]["windows"].get(reason, [])) for reason in drop}
    left = ~np.logical_or.reduce([_numbered(source, []), *faults.values()])
    broken, flat = (_numbered(source, []) for _ in range(2))
    for first, windows in source.blocks():
        block = slice(first, first + len(windows))
        finite, signal = usable(windows, fs)
        broken[block], flat[block] = left[block] & ~finite, left[block] & finite & ~signal
        used = windows[left[block] & finite & signal]
        source.hashes += window_hashes(used)
        if statistics is not None:
            statistics.add(used)
    source.kept = np.flatnonzero(left & ~(broken | flat))
    source.starts = source.starts[source.kept]
    return [
        *_dropped(source, broken, "not all values are finite"),
        *_dropped(source, flat, "all channels are flat"),
        *(row for reason, mask in faults.items() for row in _dropped(source, mask, f"mostly {reason}")),
    ]


def _numbered(source: Source, windows: Sequence[int]) -> np.ndarray:
    """Those of the source's windows: bool [windows]."""
    mask = np.zeros(source.shape[0], bool)
    mask[list(windows)] = True
    return mask


def usable(windows: np.ndarray, fs: float) -> tuple[np.ndarray, np.ndarray]:
    """Which windows have finite values only, and which of those hold a signal; bool [windows] each.

    windows: images [n, (3,) channels, rows, frames] or series [n, channels, nsamps] at `fs` Hz. A series holds none
    if every channel is quieter than white noise at the floor of the dB scale; decibels then are one value.
    """
    if windows.ndim == 3:
        finite = np.isfinite(windows).all(axis=(1, 2))
        spread = np.where(finite[:, None, None], windows, 0).std(axis=2)
        return finite, (spread > np.sqrt(POWER_FLOOR * fs / 2)).any(axis=1)
    # On the bits, for numpy's float16 arithmetic is emulated and ten times slower.
    bits, exponent = windows.view(f"u{windows.itemsize}"), _EXPONENTS[windows.itemsize]
    finite = ((bits & exponent) != exponent).reshape(len(bits), -1).all(axis=1)
    db = bits[:, 0] if bits.ndim == 5 else bits
    return finite, (db != db[:, :1, :1, :1]).any(axis=(1, 2, 3))


def _dropped(source: Source, mask: np.ndarray, reason: str) -> list[dict[str, str]]:
    numbers = " ".join(map(str, np.flatnonzero(mask)))
    return [refusal(source.row, reason, "all" if mask.all() else numbers)] if mask.any() else []
