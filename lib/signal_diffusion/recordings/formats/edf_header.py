"""Headers of EDF, EDF+ and BDF: what they say of the layout, held against the file and against each other.

A header of 256 bytes and 256 per signal, then data records in which each signal has its block of samples. In
EDF+ every record states its time, so a length or a rate that was changed is known as such. Names of persons in
the header are never looked at, and no text of it is repeated in an error.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from signal_diffusion.recordings.formats.checks import refuse, unique_names
from signal_diffusion.recordings.formats.names import is_electrode, is_known, shown, unprintable

# Units of volts in uV, as MNE knows them; the third is a Japanese spelling of µV.
VOLTS = {"uV": 1.0, "µV": 1.0, "\x83\xcaV": 1.0, "mV": 1e3, "V": 1e6}
ANNOTATIONS = ("edf annotations", "bdf annotations")
NOT_SIGNALS = (*ANNOTATIONS, "status", "trigger")
DUMMY = re.compile(r"[-.]+(-\d+)?")  # as CHB-MIT calls signals that separate others
# Units that signals beside EEG come in, not hurt ones.
OTHER_UNITS = {
    *"uS mS us ms um mm uA mA ug mg uW mW uT mT ul ml uL mL uM mM uN mN nV kV".split(),
    *"S s sec min m cm A g G kg W T L l M N Nm Hz kHz rpm bpm BPM C degC K F deg rad Pa kPa mmHg cmH2O".split(),
    *"% %SpO2 ohm Ohm kOhm L/min l/min m/s m/s^2 m/s2 deg/s dB a.u. au AU n/a none bool Boolean BOOLEAN 1".split(),
    "",
}
FIXED, PER_SIGNAL = 256, 256
SLOWEST = 50.0  # Hz, of an EEG whose rate no record confirms
ROUNDED, DRIFT = (
    2e-3,
    1e-4,
)  # seconds, and seconds per second, that records' times may differ from the header's
NUMBER = re.compile(rb"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")  # ASCII alone, unlike float()
ONSET = re.compile(rb"([+-]\d+(?:\.\d*)?)[\x14\x15]")


@dataclass(frozen=True)
class Layout:
    """What the header says; `labels` to `ranges` have one entry per signal, `counts` are samples per record.

    `ranges`: the text of physical minimum and maximum (in `units`), digital minimum and maximum. `start` is the
    time that the first record states, in seconds, None if records state none.
    """

    format: str
    records: int
    seconds: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    counts: tuple[int, ...]
    ranges: tuple[tuple[bytes, bytes, bytes, bytes], ...]
    start: float | None = None

    @property
    def width(self) -> int:
        return 3 if self.format == "bdf" else 2

    @property
    def size(self) -> int:
        """Bytes of the header."""
        return FIXED + PER_SIGNAL * len(self.labels)

    @property
    def row(self) -> int:
        """Bytes of a data record."""
        return self.width * sum(self.counts)

    @cached_property
    def annotations(self) -> slice | None:
        """Bytes of a data record that hold the first signal of annotations."""
        for i, label in enumerate(self.labels):
            if label.lower().startswith(ANNOTATIONS):
                start = self.width * sum(self.counts[:i])
                return slice(start, start + self.width * self.counts[i])
        return None

    @cached_property
    def volts(self) -> list[int]:
        signals = [i for i, unit in enumerate(self.units) if unit in VOLTS]
        return [i for i in signals if not _is_other(self.labels[i])]

    @cached_property
    def measured(self) -> list[int]:
        """Signals in volts, and among these only those at the rate that most electrodes have, or most where none is."""
        electrodes = [i for i in self.volts if is_electrode(self.labels[i])]
        rates = Counter(self.counts[i] for i in electrodes or self.volts)
        usual = max(rates, key=lambda rate: (rates[rate], rate), default=0)
        return [i for i in self.volts if self.counts[i] == usual]

    def name(self, i: int) -> str:
        """A signal's label, as an error may repeat it."""
        return shown(self.labels[i], i)


def read_layout(path: Path) -> Layout:
    """The layout, checked; raises UserError in one line with the field."""
    with path.open("rb") as file:
        fixed = file.read(FIXED)
        if len(fixed) < FIXED or fixed[:8] not in (b"0       ", b"\xffBIOSEMI"):
            raise refuse(path, "version (first 8 bytes)", "something else", "an EDF or BDF header")
        signals = _integer(path, "number of signals", fixed[252:256])
        fields = file.read(PER_SIGNAL * max(signals, 0))
    if fixed[192:197] in (b"EDF+D", b"BDF+D"):
        raise refuse(path, "reserved field", fixed[192:197].decode(), "a continuous recording (EDF+C)")
    stated, found = _integer(path, "header size", fixed[184:192]), FIXED + len(fields)
    if signals <= 0 or not stated == found == FIXED + PER_SIGNAL * signals:
        raise refuse(path, "header", f"{found} bytes, {stated} stated", FIXED + PER_SIGNAL * max(signals, 1))
    layout = _parsed(path, fixed, fields, signals)
    _check_size(path, layout)
    _check_labels(path, layout)
    if layout.annotations is None and fixed[192:197] in (b"EDF+C", b"BDF+C"):
        raise refuse(
            path, "labels", f"{fixed[192:197].decode()} without annotations", "a signal of annotations"
        )
    return _timed(path, layout)


def check_times(path: Path, layout: Layout, first: int, records: list[bytes]) -> None:
    """Refuse records, from number `first` on, that do not state the times which the header gives them.

    records: of each, the bytes of `layout.annotations`.
    """
    for number, content in enumerate(records, first):
        stated = ONSET.match(content)
        expected = layout.start + number * layout.seconds
        slack = layout.seconds / max(layout.counts) + ROUNDED + DRIFT * number * layout.seconds
        if stated is None or abs(float(stated[1]) - expected) > slack:
            found = "no time" if stated is None else f"{float(stated[1]):g} s"
            raise refuse(path, f"time of data record {number + 1}", found, f"{expected:g} s by the header")


def _parsed(path: Path, fixed: bytes, fields: bytes, signals: int) -> Layout:
    columns = [_column(fields, signals, start, 8) for start in (104, 112, 120, 128)]
    return Layout(
        format="bdf" if fixed[0] == 0xFF else "edf",
        records=_integer(path, "number of data records", fixed[236:244]),
        seconds=number(path, "duration of a data record", fixed[244:252]),
        labels=unique_names(_text(field) for field in _column(fields, signals, 0, 16)),
        units=tuple(_text(field) for field in _column(fields, signals, 96, 8)),
        counts=tuple(_integer(path, "samples per record", f) for f in _column(fields, signals, 216, 8)),
        ranges=tuple(zip(*columns, strict=True)),
    )


def _check_size(path: Path, layout: Layout) -> None:
    if layout.records <= 0:
        raise refuse(path, "number of data records", layout.records, "1 or more")
    if layout.seconds <= 0 or min(layout.counts) <= 0:
        raise refuse(
            path, "data record", f"{layout.seconds} s, {min(layout.counts)} samples", "more than none"
        )
    size, found = layout.size + layout.records * layout.row, path.stat().st_size
    if found != size:
        raise refuse(path, "size", f"{found} bytes", f"{size} from its header ({layout.records} records)")


def _is_other(label: str) -> bool:
    return label.lower().startswith(NOT_SIGNALS) or bool(DUMMY.fullmatch(label))


def _check_labels(path: Path, layout: Layout) -> None:
    strange = unprintable(layout.labels)
    if strange is not None:
        raise refuse(path, f"label of signal {strange + 1}", "none in printable ASCII", "a name")
    for label, unit in zip(layout.labels, layout.units, strict=True):
        if unit not in VOLTS and (is_electrode(label) or _is_hurt(unit, label)):
            name = layout.name(layout.labels.index(label))
            raise refuse(path, f"unit of {name}", "another one", "uV, mV or V")


def _is_hurt(unit: str, label: str) -> bool:
    """Whether this is nobody's unit, of a signal of no known kind or one character away from uV or mV."""
    near = (sum(a != b for a, b in zip(f"{unit:8}", f"{volts:8}", strict=True)) for volts in ("uV", "mV"))
    return unit not in OTHER_UNITS and (1 in near or not is_known(label))


def _timed(path: Path, layout: Layout) -> Layout:
    """With the time of the first record, which the last must follow by the whole length."""
    if layout.annotations is None:
        return layout
    first, last = (_annotations(path, layout, number) for number in (0, layout.records - 1))
    if not any(first) and not any(last):  # a writer that left them empty
        return layout
    stated = ONSET.match(first)
    if stated is None:
        raise refuse(path, "time of data record 1", "no time", "its time, as EDF+ has it")
    layout = replace(layout, start=float(stated[1]))
    check_times(path, layout, layout.records - 1, [last])
    return layout


def _annotations(path: Path, layout: Layout, record: int) -> bytes:
    place = layout.annotations
    with path.open("rb") as file:
        file.seek(layout.size + record * layout.row + place.start)
        return file.read(place.stop - place.start)


def check_picks(path: Path, layout: Layout, chosen: list[int]) -> None:
    """Refuse signals that cannot be read together, or whose rate nothing makes believable."""
    if not chosen:
        raise refuse(path, "units", "no signal in volts", "a signal in uV, mV or V")
    for i in chosen:
        if i not in layout.volts:
            raise refuse(path, f"unit of {layout.name(i)}", "another one", "a signal in uV, mV or V")
    if len({layout.counts[i] for i in chosen}) > 1:
        rates = ", ".join(f"{layout.name(i)} {layout.counts[i] / layout.seconds:g} Hz" for i in chosen)
        raise refuse(path, "rates", rates, "one rate for all picked channels")
    fs = layout.counts[chosen[0]] / layout.seconds
    unconfirmed = layout.start is None and any(is_electrode(layout.labels[i]) for i in chosen)
    if unconfirmed and (fs < SLOWEST or abs(fs - round(fs)) > 1e-6 * fs):
        expected = f"a whole number from {SLOWEST:g} on, or the records' times (EDF+) to confirm it"
        raise refuse(path, "rate", f"{fs:g} Hz ({layout.seconds:g} s per record)", expected)


def _column(fields: bytes, signals: int, start: int, width: int) -> list[bytes]:
    return [fields[start * signals + width * i : start * signals + width * (i + 1)] for i in range(signals)]


def _text(field: bytes) -> str:
    return field.strip().decode("latin-1")


def _integer(path: Path, name: str, field: bytes) -> int:
    value = number(path, name, field)
    if value != int(value):
        raise refuse(path, name, value, "an integer")
    return int(value)


def number(path: Path, name: str, field: bytes) -> float:
    """A finite number; the field itself is not repeated in the error, for it may hold a part of a name."""
    if not NUMBER.fullmatch(field):
        raise refuse(path, name, "text", "a number")
    value = float(field.replace(b",", b"."))
    if not math.isfinite(value):
        raise refuse(path, name, value, "a finite number")
    return value
