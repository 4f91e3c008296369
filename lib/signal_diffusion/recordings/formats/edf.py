"""EDF, EDF+ and BDF (Kemp et al., 1992; Kemp and Olivan, 2003; BioSemi's 24-bit variant), decoded with
numpy.

A header of 256 bytes and 256 per signal, then data records in which each signal has its block of samples.
Names of persons in the header are never looked at. The header alone says how long the file must be, so a
truncated file is refused; discontinuous EDF+ is refused because its samples are not equally spaced in time.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from signal_diffusion.recordings.formats.checks import indices_of, refuse, unique_names
from signal_diffusion.recordings.recording import Header, Recording

MICROVOLTS = {"nv": 1e-3, "uv": 1.0, "µv": 1.0, "μv": 1.0, "mv": 1e3, "v": 1e6}
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
FIXED, PER_SIGNAL = 256, 256


@dataclass(frozen=True)
class Layout:
    """Where the samples lie and what a bit is worth; arrays have one entry per signal."""

    format: str
    records: int
    seconds: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    physical: np.ndarray
    digital: np.ndarray
    counts: np.ndarray

    @property
    def bytes(self) -> int:
        return 3 if self.format == "bdf" else 2

    @property
    def offset(self) -> int:
        return FIXED + PER_SIGNAL * len(self.labels)

    @property
    def measured(self) -> list[int]:
        """Signals in volts, and among these only those at the rate that most of them have."""
        volts = [i for i, unit in enumerate(self.units) if unit.lower() in MICROVOLTS]
        volts = [i for i in volts if not self.labels[i].startswith(ANNOTATIONS)]
        rates = Counter(int(self.counts[i]) for i in volts)
        usual = max(rates, key=lambda rate: (rates[rate], rate), default=0)
        return [i for i in volts if self.counts[i] == usual]


def read_header(path: Path) -> Header:
    layout = _layout(path)
    chosen = layout.measured
    if not chosen:
        raise refuse(path, "units", ", ".join(layout.units), "a signal in nV, uV, mV or V")
    channels = tuple(layout.labels[i] for i in chosen)
    return Header(
        layout.counts[chosen[0]] / layout.seconds, layout.records * layout.seconds, channels, layout.format
    )


def read(path: Path, picks: list[str] | None = None) -> Recording:
    layout = _layout(path)
    chosen = layout.measured if picks is None else indices_of(path, picks, layout.labels)
    _check_picks(path, layout, chosen)
    digital = _samples(path, layout, chosen)
    gain, offset = _calibration(layout, chosen)
    data = digital * gain.astype(np.float32)[:, None]
    data += offset.astype(np.float32)[:, None]
    return Recording(data, layout.counts[chosen[0]] / layout.seconds, tuple(layout.labels[i] for i in chosen))


def _layout(path: Path) -> Layout:
    with path.open("rb") as file:
        fixed = file.read(FIXED)
        if len(fixed) < FIXED or fixed[:8] not in (b"0       ", b"\xffBIOSEMI"):
            raise refuse(path, "version (first 8 bytes)", repr(fixed[:8]), "an EDF or BDF header")
        signals = _integer(path, "number of signals", fixed[252:256])
        fields = file.read(PER_SIGNAL * signals)
    if fixed[192:197] in (b"EDF+D", b"BDF+D"):
        raise refuse(path, "reserved field", fixed[192:197].decode(), "a continuous recording (EDF+C)")
    if not signals or len(fields) < PER_SIGNAL * signals:
        raise refuse(
            path, "header", f"{FIXED + len(fields)} bytes", f"{FIXED + PER_SIGNAL * max(signals, 1)}"
        )
    layout = Layout(
        format="bdf" if fixed[0] == 0xFF else "edf",
        records=_integer(path, "number of data records", fixed[236:244]),
        seconds=_number(path, "duration of a data record", fixed[244:252]),
        labels=unique_names(_text(field) for field in _column(fields, signals, 0, 16)),
        units=tuple(_text(field) for field in _column(fields, signals, 96, 8)),
        physical=_range(path, "physical range", fields, signals, 104),
        digital=_range(path, "digital range", fields, signals, 120),
        counts=np.array([_integer(path, "samples per record", f) for f in _column(fields, signals, 216, 8)]),
    )
    return _checked(path, layout)


def _checked(path: Path, layout: Layout) -> Layout:
    if layout.records <= 0:
        raise refuse(path, "number of data records", layout.records, "1 or more")
    if layout.seconds <= 0 or layout.counts.min() <= 0:
        raise refuse(
            path, "data record", f"{layout.seconds} s, {layout.counts.min()} samples", "more than none"
        )
    size = layout.offset + layout.records * layout.bytes * int(layout.counts.sum())
    found = path.stat().st_size
    if found != size:
        raise refuse(path, "size", f"{found} bytes", f"{size} from its header ({layout.records} records)")
    return layout


def _check_picks(path: Path, layout: Layout, chosen: list[int]) -> None:
    if not chosen:
        raise refuse(path, "units", ", ".join(layout.units), "a signal in nV, uV, mV or V")
    for i in chosen:
        name = layout.labels[i]
        if layout.units[i].lower() not in MICROVOLTS:
            raise refuse(path, f"unit of {name}", repr(layout.units[i]), "nV, uV, mV or V")
        if np.ptp(layout.digital[i]) == 0 or np.ptp(layout.physical[i]) == 0:
            raise refuse(
                path, f"range of {name}", f"{layout.physical[i]}, {layout.digital[i]}", "minimum < maximum"
            )
    if len(set(layout.counts[chosen].tolist())) > 1:
        rates = ", ".join(f"{layout.labels[i]} {layout.counts[i] / layout.seconds:g} Hz" for i in chosen)
        raise refuse(path, "rates", rates, "one rate for all picked channels")


def _samples(path: Path, layout: Layout, chosen: list[int]) -> np.ndarray:
    """Digital values of the chosen signals, float32 [channels, samples]."""
    starts = np.concatenate([[0], np.cumsum(layout.counts)])
    kind = np.dtype("<i2") if layout.bytes == 2 else np.dtype("u1")
    width = int(starts[-1]) * layout.bytes // kind.itemsize
    records = np.memmap(path, kind, "r", layout.offset, (layout.records, width))
    count = int(layout.counts[chosen[0]])
    data = np.empty((len(chosen), layout.records, count), np.float32)
    for row, signal in enumerate(chosen):
        start = int(starts[signal])
        if layout.bytes == 2:
            data[row] = records[:, start : start + count]
        else:
            data[row] = _int24(records[:, 3 * start : 3 * (start + count)])
    return data.reshape(len(chosen), -1)


def _int24(block: np.ndarray) -> np.ndarray:
    low, middle, high = (block[:, byte::3].astype(np.int32) for byte in range(3))
    return low | middle << 8 | high.astype(np.int8).astype(np.int32) << 16


def _calibration(layout: Layout, chosen: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Microvolts per bit, and microvolts at digital zero."""
    physical, digital = layout.physical[chosen], layout.digital[chosen]
    scale = np.array([MICROVOLTS[layout.units[i].lower()] for i in chosen])
    gain = (physical[:, 1] - physical[:, 0]) / (digital[:, 1] - digital[:, 0])
    return gain * scale, (physical[:, 0] - gain * digital[:, 0]) * scale


def _column(fields: bytes, signals: int, start: int, width: int) -> list[bytes]:
    return [fields[start * signals + width * i : start * signals + width * (i + 1)] for i in range(signals)]


def _range(path: Path, name: str, fields: bytes, signals: int, start: int) -> np.ndarray:
    ends = [[_number(path, name, f) for f in _column(fields, signals, start + 8 * end, 8)] for end in (0, 1)]
    return np.array(ends).T


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")


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
    if not np.isfinite(number):
        raise refuse(path, name, number, "a finite number")
    return number
