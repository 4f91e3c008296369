"""What the sidecars of a BIDS recording say otherwise than its file; mne-bids finds them.

BIDS leaves open which of the two is right. Here the file is, for what it states itself: the names of its
channels, its rate and its length. MNE-BIDS (Appelhoff et al., 2019, Journal of Open Source Software 4:1896)
reads on in silence where rate or length differ, and would rename channels by position.
"""

from collections.abc import Iterable
from pathlib import Path

from signal_diffusion.recordings.channels import canonical
from signal_diffusion.recordings.datasets.bids_tables import read_json, read_table
from signal_diffusion.recordings.datasets.tables import Row
from signal_diffusion.recordings.formats.checks import refuse
from signal_diffusion.recordings.formats.names import shown
from signal_diffusion.recordings.recording import Header

ROUNDED_S = 1.0  # a length in whole seconds may be cut or rounded; ds005385's are short by up to one
EXACT_S = 0.01
MICROVOLTS = ("", "uv", "µv", "μv", "microv", "microvolt", "microvolts")
OTHER_UNITS = ("nV", "mV", "V")
SHOWN = 8


def contradictions(path: Path, header: Header) -> list[str]:
    """One clause per contradiction between the recording's sidecars and its file's header.

    UserError when it cannot be resolved: an EEGLAB set states no unit and is in microvolts by convention, so
    another unit in `channels.tsv` leaves the amplitude open.
    """
    try:
        description, channels = _sidecars(path)
    except (KeyError, ValueError):
        return ["the name is not one of BIDS, so no sidecar was compared"]
    found = []
    if description is not None:
        found += _description(read_json(description), header)
    if channels is not None:
        rows = read_table(channels, ("name",))
        _check_units(path, rows, header)
        found += _channels(rows, header)
    return found


def _sidecars(path: Path) -> tuple[Path | None, Path | None]:
    """`eeg.json` and `channels.tsv`; KeyError or ValueError for a name that is not of BIDS."""
    from mne_bids import get_bids_path_from_fname

    name = get_bids_path_from_fname(path, verbose="error")
    wanted = (("eeg", ".json"), ("channels", ".tsv"))
    return tuple(name.find_matching_sidecar(*each, on_error="ignore") for each in wanted)


def _description(description: dict, header: Header) -> list[str]:
    rate, duration, count = (
        _number(description.get(key)) for key in ("SamplingFrequency", "RecordingDuration", "EEGChannelCount")
    )
    found = []
    if rate is not None and abs(rate - header.fs) > 1e-6 * header.fs:
        found.append(f"eeg.json says {rate:g} Hz, the file {header.fs:g} Hz")
    tolerance = ROUNDED_S if duration is not None and duration.is_integer() else EXACT_S
    if duration is not None and abs(duration - header.duration) > tolerance:
        found.append(f"eeg.json says {duration:g} s, the file {header.duration:g} s")
    if count is not None and count > len(header.channels):
        found.append(f"eeg.json says {count:g} EEG channels, the file {len(header.channels)} channels")
    return found


def _channels(rows: list[Row], header: Header) -> list[str]:
    names = [shown(row["name"], i) for i, row in enumerate(rows)]
    stated = {canonical(row["name"]): name for row, name in zip(rows, names, strict=True)}
    scalp = [canonical(row["name"]) for row in rows if row.get("type", "").upper() in ("", "EEG")]
    held = {canonical(name): shown(name, i) for i, name in enumerate(header.channels)}
    found = []
    if absent := [stated[name] for name in scalp if name not in held]:
        found.append(f"channels.tsv lists {_some(absent)}, which the file lacks")
    if extra := [held[name] for name in held if name not in stated]:
        found.append(f"the file holds {_some(extra)}, which channels.tsv lacks")
    if not (absent or extra) and list(held) != [name for name in stated if name in held]:
        found.append("channels.tsv lists the channels in another order than the file")
    marks = (row.get("status", "").lower() for row in rows)
    if bad := [name for name, mark in zip(names, marks, strict=True) if mark == "bad"]:
        found.append(f"channels.tsv marks {_some(bad)} as bad")
    return found


def _check_units(path: Path, rows: list[Row], header: Header) -> None:
    scalp = [row for row in rows if row.get("type", "").upper() in ("", "EEG")]
    units = {row.get("units", "") for row in scalp if row.get("units", "").lower() not in MICROVOLTS}
    if header.format == "set" and units:
        found = ", ".join(sorted(units & set(OTHER_UNITS))) or "another unit"
        raise refuse(path, "units in channels.tsv", found, "µV, as an EEGLAB set states none itself")


def _number(value) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
