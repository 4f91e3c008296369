"""Names, tables and sidecars of BIDS folders, read while jobs are planned.

BIDS 1.10 (bids-specification.readthedocs.io): file names are entities joined by `_`, tables are tab-separated
with `n/a` for what is not known, and a sidecar further up holds for all files below whose entities it shares.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets import tables
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.datasets.tables import Row

PARTICIPANT = "participant_id"
ELECTRODE = re.compile(r"[A-Za-z]{1,3}(z|\d{1,2})h?")


def entities(path: Path) -> dict[str, str]:
    """`sub-01_task-rest_eeg.set` is {"sub": "01", "task": "rest"}; parts without a hyphen are left out."""
    parts = (part.partition("-") for part in path.name.split(".")[0].split("_"))
    return {key: value for key, hyphen, value in parts if hyphen}


def recordings(root: Path, suffixes: Iterable[str]) -> list[Path]:
    """EEG files in `sub-*/eeg` and `sub-*/ses-*/eeg`, of one of the suffixes, in the order of their names."""
    found = [*root.glob("sub-*/eeg/sub-*_eeg.*"), *root.glob("sub-*/ses-*/eeg/sub-*_eeg.*")]
    return sorted(path for path in found if path.suffix.lower() in suffixes)


def read_table(path: Path, required: Iterable[str] = ()) -> list[Row]:
    """Rows of a table; UserError if it cannot be read or lacks a required column."""
    rows = tables.read_table(path)
    if absent := sorted(set(required) - set(rows[0] if rows else required)):
        raise UserError(f"{path}: columns: {', '.join(absent)} missing; take the dataset's own table")
    return rows


def read_participants(root: Path, required: Iterable[str] = ()) -> dict[str, Row]:
    """Rows of `participants.tsv` by participant, whose `sub-` may be left out; UserError if one stands twice."""
    path = root / "participants.tsv"
    rows = read_table(path, (PARTICIPANT, *required))
    named = ({**row, PARTICIPANT: "sub-" + row[PARTICIPANT].removeprefix("sub-")} for row in rows)
    return tables.by_id(named, PARTICIPANT, path)


def read_sessions(root: Path, subject: str) -> dict[str, Row]:
    """Rows of `sub-*_sessions.tsv` by session; nothing when there is no such table."""
    table = root / subject / f"{subject}_sessions.tsv"
    return {row["session_id"]: row for row in read_table(table, ("session_id",))} if table.is_file() else {}


def sidecars(path: Path, root: Path, suffix: str, extension: str) -> Iterator[Path]:
    """The sidecars that hold for a recording, the nearest first, at most one of each folder up to the root.

    One holds when it has no entity that the recording lacks or has otherwise.
    """
    own = entities(path).items()
    for folder in [folder for folder in path.parents if folder.is_relative_to(root)]:
        named = [file for file in folder.glob(f"*{suffix}{extension}") if file.stem.split("_")[-1] == suffix]
        fitting = [file for file in named if entities(file).items() <= own]
        if fitting:
            yield max(fitting, key=lambda file: (len(entities(file)), file.name))


def read_description(path: Path, root: Path) -> dict:
    """The keys of a recording's `eeg.json` sidecars, those of the nearer ones before those further up."""
    found = [read_json(file) for file in sidecars(path, root, "eeg", ".json")]
    return {key: value for description in reversed(found) for key, value in description.items()}


def read_gaps(path: Path, root: Path) -> list[float]:
    """Onsets of the `boundary` events of a recording, where it was interrupted, in the unit of their table.

    None when there is no `events.tsv`; UserError for an onset that is not a number.
    """
    table = next(sidecars(path, root, "events", ".tsv"), None)
    rows = read_table(table, ("onset",)) if table else []
    onsets = [row["onset"] for row in rows if "boundary" in (value.lower() for value in row.values())]
    try:
        return [float(onset) for onset in onsets]
    except ValueError:
        raise UserError(f"{table}: onset of a boundary: found {onsets}, expected numbers; mend it") from None


def read_json(path: Path) -> dict:
    """A JSON object; UserError if the file holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a JSON object ({type(error).__name__}); mend it") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: found a JSON {type(value).__name__}, expected an object; mend it")
    return value


def reference(description: dict) -> str | None:
    """`EEGReference` when it is one electrode; None when it is words, or several, or not known."""
    named = str(description.get("EEGReference", "")).strip()
    return named if ELECTRODE.fullmatch(named) else None


def entry_of(dataset: str, path: Path, **known: Any) -> Entry:
    """A recording by its name: `sub-01/ses-1/eeg/sub-01_ses-1_task-rest_eeg.edf` is `sub-01_ses-1_task-rest`."""
    own = entities(path)
    subject, session = f"sub-{own['sub']}", f"ses-{own['ses']}" if "ses" in own else ""
    name, folders = path.name.split(".")[0].removesuffix("_eeg"), path.parts[:-2]
    if not {subject, session or subject} <= set(folders):
        known["refused"] = (
            f"found {name} in folder {'/'.join(folders[-2:])}, expected its subject's and session's"
        )
    return Entry(dataset, subject, session, name, path, sidecars=True, **known)


def parts(entry: Entry, gaps: Iterable[float]) -> list[Entry]:
    """The recording, or a recording for each stretch between its gaps (seconds), so that no window spans one."""
    inside = sorted({gap for gap in gaps if gap > 0})
    if not inside:
        return [entry]
    spans = zip([0.0, *inside], [*inside, math.inf], strict=True)
    said = f"interrupted at {', '.join(f'{gap:.10g}' for gap in inside)} s, so it is {len(inside) + 1} recordings"
    warning = "; ".join(filter(None, (entry.warning, said)))
    return [
        replace(entry, recording=f"{entry.recording}_part-{number}", span=span, warning=warning)
        for number, span in enumerate(spans, 1)
    ]
