"""The index of a dataset: one row per recording, from file names, subject tables and file headers."""

import csv
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from signal_diffusion.errors import Unreadable, UserError
from signal_diffusion.files import atomic_path
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.bids_sidecars import contradictions
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.formats.checks import refuse
from signal_diffusion.recordings.recording import Header, Span, ended, gaps_within
from signal_diffusion.recordings.simulated_spectra import Simulation

if TYPE_CHECKING:
    from signal_diffusion.config.settings import DatasetPaths

LOG = logging.getLogger(__name__)
COLUMNS = (
    "dataset", "subject", "session", "recording", "file", "format", "start", "stop", "rate", "duration",
    "channels", "events", "status", "reason", "warning", "gender", "health", "age",
)  # fmt: skip


def index_dataset(
    name: str, root: str | Path, simulation: Simulation | None = None, options: "DatasetPaths | None" = None
) -> list[dict]:
    """Rows with the keys of `COLUMNS`, then the dataset's own labels.

    `rate` is in Hz; `duration` of the recording, `start` and `stop` of its part of the file (empty for a
    whole file) are in seconds; `events` is a JSON object of onsets and ends in seconds of the recording. A
    recording whose header cannot be read, or whose part or events the file does not hold, has status
    "refused" and its reason, and the others go on. Of a header nothing is kept but rate, duration and
    channels. `options`: the settings' section of this dataset. Raises UserError when the dataset itself is
    absent.
    """
    entries = datasets.get(name, options).list_recordings(root, simulation)
    rows = [_row(entry, Path(root)) for entry in entries]
    for row in rows:
        if said := row["reason"] or row["warning"]:
            LOG.info("%s: %s", row["recording"], said)
    return rows


def write_index(rows: list[dict], path: str | Path) -> None:
    """CSV with a header line; the same rows give the same bytes."""
    own = dict.fromkeys(key for row in rows for key in row if key not in COLUMNS)
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*COLUMNS, *own], restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def _row(entry: Entry, root: Path) -> dict:
    start, stop = ("", "") if entry.span is None else (f"{seconds:.10g}" for seconds in entry.span)
    named = {
        "dataset": entry.dataset,
        "subject": entry.subject,
        "session": entry.session,
        "recording": entry.recording,
        "file": entry.path.relative_to(root).as_posix(),
        "format": entry.path.suffix.lower().lstrip("."),
        "start": start,
        "stop": stop,
        "events": json.dumps(entry.events, sort_keys=True) if entry.events else "",
    }
    labels = {"gender": "", "health": "", "age": ""} | entry.labels
    return named | _found(entry, root) | labels


def _found(entry: Entry, root: Path) -> dict:
    """What the file's header says of the recording, or why it cannot be used."""
    try:
        if entry.refused:
            raise UserError(entry.refused)
        header = formats.read_header(entry.path, entry.span)
        _check_rate(entry, header)
        start, stop = _span(entry, header)
        _check_events(entry, stop - start)
        warnings = [entry.warning, *header.notes, _interrupted(entry, header)]
        if entry.sidecars:
            warnings += contradictions(entry.path, header)
    except Unreadable:  # no row may stay when the file can be read again
        raise
    except UserError as error:
        reason = str(error).replace(f"{root}/", "")
        refused = {"status": "refused", "reason": reason, "warning": entry.warning}
        return {"rate": "", "duration": "", "channels": ""} | refused
    part = {} if entry.span is None else {"stop": f"{stop:.10g}"}
    found = {"rate": f"{header.fs:g}", "duration": f"{stop - start:.6g}", "channels": len(header.channels)}
    return part | found | {"status": "ok", "reason": "", "warning": "; ".join(filter(None, warnings))}


def _check_rate(entry: Entry, header: Header) -> None:
    """A header may be damaged and still hang together; the dataset's own documentation knows the rate."""
    if entry.rate is not None and header.fs != entry.rate:
        documented = f"the {entry.rate:g} Hz that {entry.dataset} documents"
        raise refuse(entry.path, "sampling rate", f"{header.fs:g} Hz", documented)


def _span(entry: Entry, header: Header) -> Span:
    if entry.span is None:
        return 0.0, header.duration
    start, stop = ended(entry.span, header.duration)
    if not 0 <= start < stop <= header.duration:
        held = f"a part of the {header.duration:g} s that the file holds"
        raise refuse(entry.path, "span", f"{start:g} to {stop:g} s", held)
    return start, stop


def _interrupted(entry: Entry, header: Header) -> str:
    gaps = gaps_within(header, entry.span)
    times = f"{len(gaps)} times, first " if len(gaps) > 1 else ""
    return f"interrupted {times}at {gaps[0]:.10g} s, so no window spans that" if gaps else ""


def _check_events(entry: Entry, duration: float) -> None:
    """Events that the recording does not hold show that it is cut, or that they are another's."""
    for name, spans in entry.events.items():
        for onset, end in spans:
            if not 0 <= onset < end <= duration:
                held = f"a part of the {duration:g} s of the recording"
                raise refuse(entry.path, f"event {name}", f"{onset:g} to {end:g} s", held)
