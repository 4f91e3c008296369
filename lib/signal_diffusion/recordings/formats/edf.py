"""EDF, EDF+ and BDF (Kemp et al., 1992; Kemp and Olivan, 2003; BioSemi's 24-bit variant), decoded by MNE.

A header of 256 bytes and 256 per signal, then data records in which each signal has its block of samples.
The header is parsed here for the index, and for what MNE lets pass: it reads a truncated file as a shorter
one, resamples channels of unequal rates, takes any unknown unit for volts, and closes the gaps of a
discontinuous EDF+. Names of persons in the header are never looked at here.
"""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from signal_diffusion.recordings.formats.checks import indices_of, refuse, unique_names
from signal_diffusion.recordings.formats.mne_raw import open_raw, recording_of
from signal_diffusion.recordings.recording import Header, Recording, Span

VOLTS = ("uV", "µV", "\x83\xcaV", "mV", "V")  # as MNE knows them; the third is a Japanese spelling of µV
NOT_SIGNALS = ("edf annotations", "bdf annotations", "status", "trigger")
FIXED, PER_SIGNAL = 256, 256


@dataclass(frozen=True)
class Layout:
    """What the header says; `labels`, `units` and `counts` (samples per record) have one entry per signal."""

    format: str
    records: int
    seconds: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    counts: tuple[int, ...]

    @cached_property
    def volts(self) -> list[int]:
        signals = [i for i, unit in enumerate(self.units) if unit in VOLTS]
        return [i for i in signals if not self.labels[i].lower().startswith(NOT_SIGNALS)]

    @cached_property
    def measured(self) -> list[int]:
        """Signals in volts, and among these only those at the rate that most of them have."""
        rates = Counter(self.counts[i] for i in self.volts)
        usual = max(rates, key=lambda rate: (rates[rate], rate), default=0)
        return [i for i in self.volts if self.counts[i] == usual]


def read_header(path: Path) -> Header:
    layout = _layout(path)
    chosen = layout.measured
    _check_picks(path, layout, chosen)
    channels = tuple(layout.labels[i] for i in chosen)
    return Header(
        layout.counts[chosen[0]] / layout.seconds, layout.records * layout.seconds, channels, layout.format
    )


def read(path: Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    from mne.io.edf.edf import read_raw_bdf, read_raw_edf

    layout = _layout(path)
    chosen = layout.measured if picks is None else indices_of(path, picks, layout.labels)
    _check_picks(path, layout, chosen)
    names = [layout.labels[i] for i in chosen]
    reader = read_raw_bdf if layout.format == "bdf" else read_raw_edf
    raw = open_raw(
        reader,
        path,
        "a header that MNE can read",
        include=names,
        exclude_after_unique=True,  # so that MNE too knows signals that stand twice by their numbered names
        encoding="latin1",  # annotations are not used, so none may be a reason to refuse the signals
    )
    return recording_of(raw, path, names, span)


def _layout(path: Path) -> Layout:
    with path.open("rb") as file:
        fixed = file.read(FIXED)
        if len(fixed) < FIXED or fixed[:8] not in (b"0       ", b"\xffBIOSEMI"):
            raise refuse(path, "version (first 8 bytes)", repr(fixed[:8]), "an EDF or BDF header")
        signals = _integer(path, "number of signals", fixed[252:256])
        fields = file.read(PER_SIGNAL * signals)
    if fixed[192:197] in (b"EDF+D", b"BDF+D"):
        raise refuse(path, "reserved field", fixed[192:197].decode(), "a continuous recording (EDF+C)")
    stated, found = _integer(path, "header size", fixed[184:192]), FIXED + len(fields)
    if not signals or not stated == found == FIXED + PER_SIGNAL * signals:
        raise refuse(path, "header", f"{found} bytes, {stated} stated", FIXED + PER_SIGNAL * max(signals, 1))
    counts = [_integer(path, "samples per record", f) for f in _column(fields, signals, 216, 8)]
    layout = Layout(
        format="bdf" if fixed[0] == 0xFF else "edf",
        records=_integer(path, "number of data records", fixed[236:244]),
        seconds=_number(path, "duration of a data record", fixed[244:252]),
        labels=unique_names(_text(field) for field in _column(fields, signals, 0, 16)),
        units=tuple(_text(field) for field in _column(fields, signals, 96, 8)),
        counts=tuple(counts),
    )
    _check_size(path, layout, found)
    return layout


def _check_size(path: Path, layout: Layout, header: int) -> None:
    if layout.records <= 0:
        raise refuse(path, "number of data records", layout.records, "1 or more")
    if layout.seconds <= 0 or min(layout.counts) <= 0:
        raise refuse(
            path, "data record", f"{layout.seconds} s, {min(layout.counts)} samples", "more than none"
        )
    width = 3 if layout.format == "bdf" else 2
    size, found = header + layout.records * width * sum(layout.counts), path.stat().st_size
    if found != size:
        raise refuse(path, "size", f"{found} bytes", f"{size} from its header ({layout.records} records)")


def _check_picks(path: Path, layout: Layout, chosen: list[int]) -> None:
    if not chosen:
        raise refuse(path, "units", ", ".join(layout.units), "a signal in uV, mV or V")
    for i in chosen:
        if i not in layout.volts:
            raise refuse(
                path, f"unit of {layout.labels[i]}", repr(layout.units[i]), "a signal in uV, mV or V"
            )
    if len({layout.counts[i] for i in chosen}) > 1:
        rates = ", ".join(f"{layout.labels[i]} {layout.counts[i] / layout.seconds:g} Hz" for i in chosen)
        raise refuse(path, "rates", rates, "one rate for all picked channels")


def _column(fields: bytes, signals: int, start: int, width: int) -> list[bytes]:
    return [fields[start * signals + width * i : start * signals + width * (i + 1)] for i in range(signals)]


def _text(field: bytes) -> str:
    return field.strip().decode("latin-1")


def _integer(path: Path, name: str, field: bytes) -> int:
    number = _number(path, name, field)
    if number != int(number):
        raise refuse(path, name, number, "an integer")
    return int(number)


def _number(path: Path, name: str, field: bytes) -> float:
    # The field itself is not repeated: in a damaged header it may hold a part of a person's name.
    try:
        number = float(_text(field).replace(",", "."))
    except ValueError:
        raise refuse(path, name, "text", "a number") from None
    if not math.isfinite(number):
        raise refuse(path, name, number, "a finite number")
    return number
