"""What a Neuroscan file holds, decided by evidence.

The header does not say how wide a sample is, and its sample count or event-table position is wrong in many
real files (SEED-V's `7_1_20180411.cnt` has a count of -732; mne-tools/mne-python#13547). So both widths are
tried with both counts, the header's and the event table's, and the one combination is kept whose samples end
where an event table begins (or the file ends), last as long as the caller needs, and have an EEG's size and
smoothness. A file for which none or two remain is refused. The rate, which nothing in the samples shows, must be
one that amplifiers have or agree with the header's epoch (points, start, end).
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from signal_diffusion.equipment import RATES
from signal_diffusion.recordings.formats.checks import refuse, size_and_roughness, unique_names
from signal_diffusion.recordings.formats.names import unprintable
from signal_diffusion.recordings.recording import Span

SETUP, ELECTRODE, TABLE = 900, 75, 9
EVENT_BYTES = {1: 8, 2: 19, 3: 19}  # by the table's type
PEEKS, PEEK_SAMPLES = 5, 400
SMALLEST_UV, LARGEST_UV = 0.05, 5e3  # int16 samples read as int32 are 65536 times larger
ROUGHEST = 1.2  # SD of steps over SD: white noise has 1.41, int32 samples read as int16 about as much,
ROUGHER = 2.0  # and small ones less, but then many times as much as when read right
EXACT = 5e-4  # of a rate, as far as the epoch's float32 numbers give it
GAINS_UV = (1e-6, 1e3)


@dataclass(frozen=True, eq=False)
class Layout:
    """Samples are integers of `width` bytes [samples, channels] from byte `offset` on.

    Less `baselines`, times `gains`, they are microvolts. `fs` is in Hz.
    """

    fs: float
    channels: tuple[str, ...]
    baselines: np.ndarray
    gains: np.ndarray
    width: int = 0
    samples: int = 0

    @property
    def offset(self) -> int:
        return SETUP + ELECTRODE * len(self.channels)

    @property
    def row(self) -> int:
        """Bytes of all channels' samples at one time."""
        return self.width * len(self.channels)

    @property
    def end(self) -> int:
        return self.offset + self.samples * self.row


def read_layout(path: Path, span: Span | None = None) -> Layout:
    """The one layout that the evidence leaves; raises UserError in one line.

    span: seconds that the file must hold, as far as they are known.
    """
    with path.open("rb") as file:
        setup = file.read(SETUP)
        _check_revision(path, setup)
        found = _candidates(setup, _header(path, setup, file))
        reasons = _objections(file, found, span, path.stat().st_size)
    left = [layout for layout, reason in zip(found, reasons, strict=True) if not reason]
    if len(left) != 1:
        tried = [
            f"{layout.samples} of {8 * layout.width} bits ({reason or 'possible'})"
            for layout, reason in zip(found, reasons, strict=True)
        ]
        found = ", ".join(tried) or "no count above 0 in header or event table"
        raise refuse(path, "number and width of samples", found, "one that fits the file")
    return left[0]


def _check_revision(path: Path, setup: bytes) -> None:
    if setup[:4] in (b"RIFF", b"RF64") and b"CNT " in setup[8:16]:
        expected = (
            "a Neuroscan file; export it as EDF or BrainVision from ANT's software (asalab, eego) first"
        )
        raise refuse(path, "format", "an ANT Neuro EEProbe file (RIFF container)", expected)
    if len(setup) < SETUP or not setup.startswith(b"Version 3"):
        raise refuse(path, "revision (first 12 bytes)", "something else", "a Neuroscan 'Version 3' header")


def _header(path: Path, setup: bytes, file: BinaryIO) -> Layout:
    """Rate and electrodes, without what needs evidence; the file is read up to the samples."""
    count, fs = struct.unpack_from("<H4xH", setup, 370)
    (block,) = struct.unpack_from("<i", setup, 894)
    electrodes = file.read(ELECTRODE * count)
    if not count or len(electrodes) < ELECTRODE * count:
        whole = f"{SETUP + ELECTRODE * max(count, 1)} for {count} channels"
        raise refuse(path, "header", f"{SETUP + len(electrodes)} bytes", whole)
    if block not in (0, 1, 2, 4):
        raise refuse(
            path, "channel offset", f"{block} bytes per channel block", "interleaved samples (0 to 4)"
        )
    _check_rate(path, setup, fs)
    entries = [electrodes[ELECTRODE * i : ELECTRODE * (i + 1)] for i in range(count)]
    _check_electrodes(path, entries, file.read(ELECTRODE))
    baselines = np.array([struct.unpack_from("<h", entry, 47)[0] for entry in entries])
    gains = np.array([_gain(entry) for entry in entries])
    return Layout(float(fs), unique_names(_name(entry) for entry in entries), baselines, gains)


def _check_rate(path: Path, setup: bytes, fs: int) -> None:
    epoch = _epoch_rates(setup)
    confirmed = any(abs(rate - fs) <= EXACT * fs for rate in epoch)
    other = [rate for rate in RATES if any(abs(rate - found) <= EXACT * rate for found in epoch)]
    if other and not confirmed:
        raise refuse(path, "rate", f"{fs} Hz", f"{other[0]} Hz by the header's epoch")
    if fs not in RATES and not (fs and confirmed):
        raise refuse(
            path, "rate", f"{fs} Hz", "one that amplifiers have, or that the header's epoch confirms"
        )


def _epoch_rates(setup: bytes) -> list[float]:
    """Rates (Hz) by the points of an epoch and its start and end in seconds, whether or not the end is a point."""
    (points,) = struct.unpack_from("<H", setup, 368)
    start, end = struct.unpack_from("<2f", setup, 505)
    seconds = end - start
    possible = points > 1 and math.isfinite(seconds) and 1e-3 < seconds < 1e3
    return [points / seconds, (points - 1) / seconds] if possible else []


def _check_electrodes(path: Path, entries: list[bytes], after: bytes) -> None:
    names = [_name(entry) for entry in entries]
    strange = unprintable(names)
    for i, entry in enumerate(entries):
        if i == strange:
            raise refuse(path, f"name of electrode {i + 1}", "none in printable ASCII", "a name")
        if not GAINS_UV[0] <= _gain(entry) <= GAINS_UV[1]:
            limits = f"{GAINS_UV[0]:g} to {GAINS_UV[1]:g} uV per bit"
            raise refuse(path, f"sensitivity of electrode {i + 1}", f"{_gain(entry):g}", limits)
    if len(after) == ELECTRODE and _is_electrode(after):
        raise refuse(
            path, "number of channels", len(entries), "more, for one more electrode follows the last"
        )


def _is_electrode(entry: bytes) -> bool:
    """Whether an entry has a name and the gain of an amplifier, with nothing between the name and its padding."""
    text, _, padding = entry[:10].partition(b"\0")
    named = text.isascii() and text.decode("latin-1").isprintable() and text and not any(padding)
    return bool(named) and GAINS_UV[0] <= _gain(entry) <= GAINS_UV[1]


def _name(electrode: bytes) -> str:
    return electrode[:10].split(b"\0")[0].decode("latin-1").strip()


def _gain(electrode: bytes) -> float:
    """Microvolts per bit."""
    (sensitivity,), (calibration,) = (struct.unpack_from("<f", electrode, at) for at in (59, 71))
    return sensitivity * calibration / 204.8


def _candidates(setup: bytes, header: Layout) -> list[Layout]:
    """Both widths with the header's count and with the event table's, where these are possible at all."""
    (stated,), (table,) = (struct.unpack_from("<i", setup, at) for at in (864, 886))
    found = []
    for width in (4, 2):
        row = width * len(header.channels)
        by_table, rest = divmod(table - header.offset, row)
        counts = {stated} | ({by_table} if not rest else set())
        sizes = {"fs": header.fs, "baselines": header.baselines, "gains": header.gains, "width": width}
        found += [Layout(channels=header.channels, samples=n, **sizes) for n in sorted(counts) if n > 0]
    return found


def _objections(file: BinaryIO, layouts: list[Layout], span: Span | None, size: int) -> list[str]:
    """What speaks against each layout, or nothing."""
    reasons = [_misfit(file, layout, span, size) for layout in layouts]
    fitting = [layout for layout, reason in zip(layouts, reasons, strict=True) if not reason]
    shapes = {layout: _size_and_roughness(file, layout) for layout in fitting}
    smoothest = min((roughness for _, roughness in shapes.values()), default=0.0)
    for i, layout in enumerate(layouts):
        microvolts, roughness = shapes.get(layout, (0.0, 0.0))
        if layout in shapes and not SMALLEST_UV <= microvolts <= LARGEST_UV:
            reasons[i] = f"SD of {microvolts:.3g} uV"
        elif roughness > min(ROUGHEST, ROUGHER * smoothest):
            reasons[i] = f"roughness of {roughness:.2g}"
    return _without_halves(layouts, reasons)


def _without_halves(layouts: list[Layout], reasons: list[str]) -> list[str]:
    """Where 32 bits give an EEG's size, so may their halves; but no halves of 16-bit samples ever give 32 bits it."""
    whole = any(layout.width == 4 and not reason for layout, reason in zip(layouts, reasons, strict=True))
    halves = "halves of samples of 32 bits" if whole else ""
    return [
        reason or (halves if layout.width == 2 else "")
        for layout, reason in zip(layouts, reasons, strict=True)
    ]


def _misfit(file: BinaryIO, layout: Layout, span: Span | None, size: int) -> str:
    if layout.end > size:
        return "more than the file holds"
    if layout.end < size and not _is_table(file, layout.end, size):
        return "no event table after them"
    needed = max((seconds for seconds in span or () if math.isfinite(seconds)), default=0.0)
    return f"fewer than the {needed:g} s needed" if layout.samples < round(needed * layout.fs) else ""


def _is_table(file: BinaryIO, position: int, size: int) -> bool:
    """Whether an event table starts here; of one that the file's end cuts, its head says so."""
    file.seek(position)
    head = file.read(TABLE)
    if len(head) < TABLE:
        return head[:1] in (b"\1", b"\2", b"\3")
    kind, length, _ = struct.unpack("<Bii", head)
    return kind in EVENT_BYTES and length >= 0 and length % EVENT_BYTES[kind] == 0


def _size_and_roughness(file: BinaryIO, layout: Layout) -> tuple[float, float]:
    """The largest size and the median roughness of the samples at a few places."""
    found = []
    for place in range(PEEKS):
        first = place * max(layout.samples - PEEK_SAMPLES, 0) // (PEEKS - 1)
        rows = min(PEEK_SAMPLES, layout.samples - first)
        file.seek(layout.offset + first * layout.row)
        digital = np.fromfile(file, f"<i{layout.width}", rows * len(layout.channels)).reshape(rows, -1)
        found.append(size_and_roughness((digital - layout.baselines) * layout.gains))
    sizes, roughness = zip(*found, strict=True)
    return max(sizes), float(np.median(roughness))
