"""Neuroscan continuous files (SETUP, ELECTLOC and TEEG of https://paulbourke.net/dataformats/eeg/).

The header does not say how wide a sample is, and its sample count or event-table position is wrong in many
real files (SEED-V's `7_1_20180411.cnt` has a count of -732; mne-tools/mne-python#13547). So both are
decided by evidence: the width by which reading of the first samples has an EEG's size and smoothness, the
count by what the header's count and a real event table agree on. MNE then decodes with both given. A file
whose evidence is missing or contradictory, or whose events MNE cannot parse, is refused.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from signal_diffusion.recordings.formats.checks import refuse, unique_names
from signal_diffusion.recordings.formats.mne_raw import open_raw, recording_of
from signal_diffusion.recordings.recording import Header, Recording, Span

SETUP, ELECTRODE, TABLE = 900, 75, 9
PEEK_SAMPLES = 2000
PLAUSIBLE_SD_UV = (0.05, 5000.0)  # int16 samples read as int32 are 65536 times larger
ROUGHEST = 1.2  # SD of steps over SD: white noise has 1.41, int32 samples read as int16 about as much


@dataclass(frozen=True)
class Layout:
    """What MNE is to be told: the width and, unless the header's own count holds, to use the event table."""

    fs: float
    samples: int
    width: int
    channels: tuple[str, ...]
    recount: bool


def read_header(path: Path) -> Header:
    layout = _layout(path)
    return Header(layout.fs, layout.samples / layout.fs, layout.channels, "cnt")


def read(path: Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    from mne.io.cnt.cnt import read_raw_cnt

    layout = _layout(path)
    raw = open_raw(
        read_raw_cnt,
        path,
        "a Neuroscan file that MNE can read",
        data_format=f"int{8 * layout.width}",
        recompute_n_samples=layout.recount,
    )
    if raw.n_times != layout.samples:
        raise refuse(path, "number of samples", f"{raw.n_times} by MNE", layout.samples)
    return recording_of(raw, path, picks, span)


def _layout(path: Path) -> Layout:
    with path.open("rb") as file:
        setup = file.read(SETUP)
        if len(setup) < SETUP or not setup.startswith(b"Version 3"):
            raise refuse(
                path, "revision (first 12 bytes)", repr(setup[:12]), "a Neuroscan 'Version 3' header"
            )
        count, fs = struct.unpack_from("<H4xH", setup, 370)
        electrodes = file.read(ELECTRODE * count)
        start = file.read(4 * PEEK_SAMPLES * count)
    if not count or not fs or len(electrodes) < ELECTRODE * count:
        raise refuse(
            path, "header", f"{count} channels at {fs} Hz in {SETUP + len(electrodes)} bytes", "a whole one"
        )
    entries = [electrodes[ELECTRODE * i : ELECTRODE * (i + 1)] for i in range(count)]
    width = _width(path, start, np.array([_gain(entry) for entry in entries]))
    _check_interleaved(path, setup, width)
    samples, recount = _sample_count(path, setup, count, width)
    names = unique_names(e[:10].split(b"\0")[0].decode("latin-1").strip() for e in entries)
    return Layout(float(fs), samples, width, names, recount)


def _gain(electrode: bytes) -> float:
    """Microvolts per bit."""
    (sensitivity,), (calibration,) = (struct.unpack_from("<f", electrode, at) for at in (59, 71))
    return sensitivity * calibration / 204.8


def _width(path: Path, start: bytes, gain: np.ndarray) -> int:
    """The bytes per sample under which the first samples have an EEG's standard deviation and smoothness."""
    found = []
    for width in (4, 2):
        rows = len(start) // (width * gain.size)
        microvolts = gain * np.frombuffer(start, f"<i{width}", rows * gain.size).reshape(rows, gain.size)
        size, roughness = _size_and_roughness(microvolts)
        if PLAUSIBLE_SD_UV[0] <= size <= PLAUSIBLE_SD_UV[1] and roughness <= ROUGHEST:
            return width
        found.append(f"{size:.3g} uV and roughness {roughness:.2g} as {8 * width} bits")
    wanted = f"{PLAUSIBLE_SD_UV[0]} to {PLAUSIBLE_SD_UV[1]} uV and at most {ROUGHEST}"
    raise refuse(path, "standard deviation of the first samples", ", ".join(found), wanted)


def _size_and_roughness(microvolts: np.ndarray) -> tuple[float, float]:
    """Medians over channels of the SD, and of the steps' SD relative to it; zeros if there are no samples."""
    if len(microvolts) < 2:
        return 0.0, 0.0
    size = microvolts.std(axis=0)
    steps = np.diff(microvolts, axis=0).std(axis=0)
    return float(np.median(size)), float(np.median(steps / np.maximum(size, np.finfo(float).tiny)))


def _check_interleaved(path: Path, setup: bytes, width: int) -> None:
    (block,) = struct.unpack_from("<i", setup, 894)
    if block > 1 and block != width:
        raise refuse(path, "channel offset", f"{block} bytes per channel block", "interleaved samples")


def _sample_count(path: Path, setup: bytes, channels: int, width: int) -> tuple[int, bool]:
    """Samples per channel by the header's count and by the event table, which must not disagree, and
    whether only the table gives them."""
    size, offset, row = path.stat().st_size, SETUP + ELECTRODE * channels, channels * width
    (stated,) = struct.unpack_from("<i", setup, 864)
    (table,) = struct.unpack_from("<i", setup, 886)
    by_count = stated if stated > 0 and offset + stated * row <= size else None
    by_table = (table - offset) // row if _is_table(path, table, offset, row, size) else None
    if by_count and by_table and by_count != by_table:
        raise refuse(
            path, "number of samples", f"{by_count} in the header", f"{by_table} from the event table"
        )
    if not (by_count or by_table):
        holds = (size - offset) // row
        raise refuse(
            path, "number of samples", f"{stated} in the header", f"at most the {holds} that the file holds"
        )
    return by_count or by_table, not by_count


def _is_table(path: Path, table: int, offset: int, row: int, size: int) -> bool:
    if not offset < table <= size - TABLE or (table - offset) % row:
        return False
    with path.open("rb") as file:
        file.seek(table)
        kind, length, _ = struct.unpack("<Bii", file.read(TABLE))
    return kind in (1, 2, 3) and 0 <= length <= size - table - TABLE
