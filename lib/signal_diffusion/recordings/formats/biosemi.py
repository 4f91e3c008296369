"""What an ActiveTwo amplifier says in a BDF file's signal `Status`, above the sixteen bits of its triggers.

Bit 16 rises where a new epoch begins, as it does after a pause, and bit 20 falls where the reference loop (CMS) is
open, when no channel measures anything (BioSemi, "Trigger signals").
"""

from pathlib import Path

import numpy as np

from signal_diffusion.recordings.formats.edf_header import Layout

STATUS = "status"
EPOCH, IN_RANGE = 1, 1 << 4  # bits 16 and 20, in the highest of the three bytes


def pauses(path: Path, layout: Layout) -> tuple[tuple[float, ...], float]:
    """Seconds at which recording went on after a pause, and for how many the reference loop was open."""
    high, fs = _highest_bytes(path, layout)
    if not np.any(high & IN_RANGE):  # another device's, or of triggers alone
        return (), 0.0
    begun = np.flatnonzero(np.diff(high & EPOCH).astype(np.int8) == 1) + 1
    return tuple((begun / fs).tolist()), float(np.count_nonzero(~high & IN_RANGE) / fs)


def _highest_bytes(path: Path, layout: Layout) -> tuple[np.ndarray, float]:
    """Of the samples of `Status`, uint8, and their rate; none where there is no such signal."""
    place = next((i for i, label in enumerate(layout.labels) if label.lower() == STATUS), None)
    if layout.format != "bdf" or place is None:
        return np.zeros(0, np.uint8), 1.0
    start, count = layout.width * sum(layout.counts[:place]), layout.counts[place]
    records = np.memmap(path, np.uint8, "r", layout.size, (layout.records, layout.row))
    return records[:, start + 2 : start + layout.width * count : 3].ravel(), count / layout.seconds
