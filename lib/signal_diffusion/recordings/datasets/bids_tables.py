"""Names, tables and sidecars of BIDS folders, read while jobs are planned.

BIDS 1.10 (bids-specification.readthedocs.io): file names are entities joined by `_`, tables are tab-separated
with `n/a` for what is not known, and a sidecar further up holds for all files below whose entities it shares.
"""

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets import tables
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.datasets.tables import Row
from signal_diffusion.recordings.formats.names import is_electrode

LOG = logging.getLogger(__name__)
PARTICIPANT, SESSION = "participant_id", "session_id"
BOUNDARIES = {"boundary", "bad boundary", "edge boundary"}  # the latter where MNE has joined recordings


@lru_cache(4096)
def entities(name: str) -> dict[str, str]:
    """`sub-01_task-rest_eeg.set` is {"sub": "01", "task": "rest"}; parts without a hyphen are left out."""
    parts = (part.partition("-") for part in name.split(".")[0].split("_"))
    return {key: value for key, hyphen, value in parts if hyphen}


class Tree:
    """A BIDS folder whose directories are each listed once, for there may be thousands of recordings."""

    def __init__(self, root: Path):
        self.root = root
        self._listed: dict[str, dict[str, list[str]]] = {}

    def recordings(self, suffixes: Iterable[str]) -> list[Path]:
        """EEG files in `sub-*/eeg` and `sub-*/ses-*/eeg` with one of the suffixes, in the order of their names.

        A link to content that was not fetched (git-annex) is none.
        """
        found = [*self.root.glob("sub-*/eeg/sub-*_eeg.*"), *self.root.glob("sub-*/ses-*/eeg/sub-*_eeg.*")]
        return sorted(path for path in found if path.suffix.lower() in suffixes and path.is_file())

    def sidecars(self, path: Path, ending: str) -> list[Path]:
        """The sidecars `*_{ending}` that hold for a recording, the nearest first, at most one of each folder.

        One holds when it has no entity that the recording lacks or has otherwise.
        """
        own, found = entities(path.name).items(), []
        above = path.parts[len(self.root.parts) : -1]
        for depth in range(len(above), -1, -1):
            folder = os.path.join(self.root, *above[:depth])
            fitting = [name for name in self._names(folder, ending) if entities(name).items() <= own]
            if fitting:
                nearest = max(fitting, key=lambda name: (len(entities(name)), name))
                found.append(Path(folder, nearest))
        return found

    def description(self, path: Path) -> dict:
        """The keys of a recording's `eeg.json` sidecars, those of the nearer ones before those further up."""
        found = [read_json(file) for file in self.sidecars(path, "eeg.json")]
        return {key: value for description in reversed(found) for key, value in description.items()}

    def gaps(self, path: Path) -> list[float]:
        """Onsets of a recording's `boundary` events, where it was interrupted, in the unit of their table.

        None when there is no `events.tsv`; UserError for an onset that is not a number.
        """
        for table in self.sidecars(path, "events.tsv")[:1]:
            rows = read_table(table, ("onset",))
            onsets = [row["onset"] for row in rows if BOUNDARIES & {cell.lower() for cell in row.values()}]
            try:
                return [float(onset) for onset in onsets]
            except ValueError:
                raise UserError(
                    f"{table}: onset of a boundary: found {onsets}, expected numbers; mend it"
                ) from None
        return []

    def entry(self, dataset: str, path: Path, **known: Any) -> Entry:
        """A recording by its name: `sub-01_ses-1_task-rest_eeg.edf` is `sub-01_ses-1_task-rest`."""
        own, folders = entities(path.name), path.parts[:-2]
        subject, session = f"sub-{own['sub']}", f"ses-{own['ses']}" if "ses" in own else ""
        name = path.name.split(".")[0].removesuffix("_eeg")
        if not {subject, session or subject} <= set(folders):
            where = path.relative_to(self.root).as_posix()
            known["refused"] = (
                f"{where}: found another subject or session in the name than in the folder; move it"
            )
        return Entry(dataset, subject, session, name, path, sidecars=self._digest(path), **known)

    def refused(self, entry: Entry, error: UserError) -> Entry:
        """The recording with the reason why it cannot be used, in which paths are relative to the root."""
        return replace(entry, refused=str(error).replace(f"{self.root}/", ""))

    def _digest(self, path: Path) -> str:
        found = [*self.sidecars(path, "eeg.json"), *self.sidecars(path, "channels.tsv")]
        return hashlib.sha256(b"\0".join(map(_content, found))).hexdigest()[:16]

    def _names(self, folder: str, ending: str) -> list[str]:
        if folder not in self._listed:
            self._listed[folder] = {}
            for name in os.listdir(folder):
                self._listed[folder].setdefault(name.rpartition("_")[2], []).append(name)
        return self._listed[folder].get(ending, [])


def _content(file: Path) -> bytes:
    """What stands in it, or that it cannot be read, for which whoever needs it refuses the recording."""
    try:
        return file.read_bytes()
    except OSError as error:
        return str(error.strerror).encode()


def read_table(path: Path, required: Iterable[str] = ()) -> list[Row]:
    """Rows of a table; UserError if it cannot be read or lacks a required column."""
    rows = tables.read_table(path)
    if absent := sorted(set(required) - set(rows[0] if rows else required)):
        raise UserError(f"{path}: columns: {', '.join(absent)} missing; take the dataset's own table")
    return rows


def read_participants(root: Path, required: Iterable[str] = ()) -> dict[str, Row]:
    """Rows of `participants.tsv` by participant, whose `sub-` may be left out; UserError if one stands twice."""
    path = root / "participants.tsv"
    return _by_id(read_table(path, (PARTICIPANT, *required)), PARTICIPANT, "sub-", path)


def read_sessions(root: Path, subject: str) -> dict[str, Row]:
    """Rows of `sub-*_sessions.tsv` by session, whose `ses-` may be left out; nothing when there is no such table.

    UserError if a session stands twice.
    """
    table = root / subject / f"{subject}_sessions.tsv"
    rows = read_table(table, (SESSION,)) if table.is_file() else []
    return _by_id(rows, SESSION, "ses-", table)


def _by_id(rows: list[Row], column: str, prefix: str, path: Path) -> dict[str, Row]:
    whole = ({**row, column: row[column] and prefix + row[column].removeprefix(prefix)} for row in rows)
    return tables.by_id(whole, column, path)


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
    return named if is_electrode(named) and "-" not in named else None


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


def tell_unmatched(
    root: Path, people: Iterable[str], entries: Iterable[Entry], files: Iterable[Path]
) -> None:
    """Log by name which participants have no recording, and which files are none of the dataset's."""
    subjects, taken = {entry.subject for entry in entries}, {entry.path for entry in entries}
    if without := sorted(set(people) - subjects):
        LOG.info("%s: %d participants have no recording: %s", root, len(without), ", ".join(without))
    if others := sorted(path.name for path in set(files) - taken):
        LOG.info("%s: %d files are not taken: %s", root, len(others), ", ".join(others))
