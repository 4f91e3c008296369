"""OpenNeuro ds005385 (`longitudinal`): resting EEG of 608 healthy adults, 208 of them again five years later.

Wascher, Schneider, Gajewski and Getzmann, "Resting-state EEG data before and after cognitive activity across
the adult lifespan and a 5-year follow-up", doi:10.18112/openneuro.ds005385.v1.0.3, CC0. Per session four EDF
files of 64 channels at 1000 Hz: eyes open and closed, before (`acq-pre`) and after (`acq-post`) two hours of
tasks. The reference was FCz, which no file holds. The cohort was screened healthy: its README excludes
neurological (Parkinson's disease named), psychiatric and other severe diseases, and psychotropic drugs.

`participants.tsv` has the age at the first session; at a later one it is that plus the years between the two
in the participant's `sessions.tsv`, and unknown when one of them is. Onsets in `events.tsv` count samples
from 1. A `boundary` after the first sample is a gap, and what lies between gaps is a recording of its own; the
counts `late_ses1` and `late_ses2` are not used, for most of them count triggers that interrupt nothing.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets import bids_tables
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.datasets.tables import Row

if TYPE_CHECKING:
    from signal_diffusion.config.datasets import DatasetPaths

REFERENCE = "FCz"
RATE = 1000.0
EYES = {"EyesOpen": "open", "EyesClosed": "closed"}
DEFAULT_TASKS = ("EyesOpen",)  # as the old system had it
FIRST = "ses-1"
COLUMNS = ("sex", "age", "handedness")


def list_recordings(
    root: str | Path, simulation=None, *, options: "DatasetPaths | None", name: str
) -> list[Entry]:
    """The EDF files of the wanted tasks, by participant, session, task and acquisition.

    `options.tasks`: EyesOpen, EyesClosed or both; by default EyesOpen alone. A file without a row in the table
    has unknown labels and a warning, one whose rows contradict themselves is refused. Raises UserError when
    the table or all recordings are absent, or the table cannot be read.
    """
    root, tasks = Path(root), tuple(options.tasks if options else ()) or DEFAULT_TASKS
    if strange := sorted(set(tasks) - set(EYES)):
        raise UserError(f"[datasets.{name}] tasks: {strange[0]} is unknown; use {' or '.join(EYES)}")
    people, tree = bids_tables.read_participants(root, COLUMNS), bids_tables.Tree(root)
    files = tree.recordings((".edf",))
    paths = [path for path in files if bids_tables.entities(path.name).get("task") in tasks]
    if not paths:
        wanted = " or ".join(f"*_task-{task}_*_eeg.edf" for task in tasks)
        raise UserError(f"{root}: no sub-*/ses-*/eeg/{wanted}; download OpenNeuro ds005385 into it")
    entries = [entry for path in paths for entry in _entries(path, tree, name, people)]
    bids_tables.tell_unmatched(root, people, entries, files)
    return entries


def _entries(path: Path, tree: bids_tables.Tree, name: str, people: dict[str, Row]) -> list[Entry]:
    entry = tree.entry(name, path, labels=_labels(path, {}), reference=REFERENCE, rate=RATE)
    row = people.get(entry.subject)
    try:
        if row is None:
            entry = replace(entry, warning="participants.tsv has no such participant")
        else:
            _check(row)
            entry = replace(
                entry, labels=_labels(path, row | {"age": _age(row, tree.root, entry)}, health="H")
            )
        return bids_tables.parts(entry, [(onset - 1) / RATE for onset in tree.gaps(path)])
    except UserError as error:
        return [tree.refused(entry, error)]


def _labels(path: Path, row: Row, health: str = "") -> dict[str, str | int]:
    named = bids_tables.entities(path.name)
    return {
        "gender": row.get("sex", ""),
        "health": health,
        "age": row.get("age", ""),
        "acquisition": named["acq"] if named.get("acq") in ("pre", "post") else "",
        "eyes": EYES[named["task"]],
        "handedness": row.get("handedness", ""),
    }


def _check(row: Row) -> None:
    gender, age, hand = (row[column] for column in COLUMNS)
    if gender not in ("F", "M", "") or hand not in ("left", "right", "") or not re.fullmatch(r"\d*", age):
        raise UserError(
            f"participants.tsv: {row['participant_id']}: found sex {gender!r}, age {age!r}, handedness {hand!r}; "
            "expected F or M, years, left or right; correct it"
        )


def _age(row: Row, root: Path, entry: Entry) -> int | str:
    """Years at the entry's session, "" when the table or the years of the sessions do not say."""
    if not row["age"] or entry.session == FIRST:
        return int(row["age"]) if row["age"] else ""
    sessions = bids_tables.read_sessions(root, entry.subject)
    years = [sessions.get(session, {}).get("recording_year", "") for session in (FIRST, entry.session)]
    if "" in years:
        return ""
    if not all(re.fullmatch(r"\d{4}", year) for year in years) or years[1] < years[0]:
        raise UserError(
            f"{entry.subject}_sessions.tsv: recording_year: found {years[0]} and {years[1]}, expected years in "
            f"order; correct it"
        )
    return int(row["age"]) + int(years[1]) - int(years[0])
