"""Neuroscan continuous files (SETUP, ELECTLOC and TEEG of https://paulbourke.net/dataformats/eeg/).

Their headers are often wrong, so what is read is what the evidence of `cnt_layout` leaves.
"""

from pathlib import Path

import numpy as np

from signal_diffusion.recordings.formats.checks import indices_of, samples_of
from signal_diffusion.recordings.formats.cnt_layout import Layout, read_layout
from signal_diffusion.recordings.recording import Header, Recording, Span

BLOCK = 2**21  # bytes at a time: they stay in the processor's cache


def read_header(path: Path, span: Span | None = None) -> Header:
    layout = read_layout(path, span)
    samples_of(path, span, layout.fs, layout.samples)
    return Header(layout.fs, layout.samples / layout.fs, layout.channels, "cnt")


def read(path: Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    layout = read_layout(path, span)
    names = layout.channels if picks is None else tuple(picks)
    chosen = indices_of(path, list(names), layout.channels)
    first, stop = samples_of(path, span, layout.fs, layout.samples)
    data = np.empty((len(chosen), stop - first), np.float32)
    step = max(1, BLOCK // layout.row)
    with path.open("rb") as file:
        file.seek(layout.offset + first * layout.row)
        for at in range(0, stop - first, step):
            rows = min(step, stop - first - at)
            data[:, at : at + rows] = _microvolts(file, layout, rows, chosen).T
    return Recording(data, layout.fs, names)


def _microvolts(file, layout: Layout, rows: int, chosen: list[int]) -> np.ndarray:
    """The next samples of the chosen channels, float64 [samples, channels]."""
    count = len(layout.channels)
    digital = np.fromfile(file, f"<i{layout.width}", rows * count).reshape(rows, count)
    return (digital[:, chosen] - layout.baselines[chosen]) * layout.gains[chosen]
