"""A BIDS folder of EEG recordings (`kind = "bids"`), with labels from its own tables.

BIDS 1.10; Pernet et al., 2019, "EEG-BIDS", Scientific Data 6:103. Recordings are `sub-*/[ses-*/]eeg/*_eeg.*` in
EDF, BDF, BrainVision or EEGLAB format; derivatives are not read. Labels are columns of `participants.tsv`, or
of `sub-*_sessions.tsv` where that has them: sex or gender, age, handedness or hand, and group under their own
names, others by `columns` in the settings. Health is never taken from a group unless the settings say so.
Names are listed here without mne-bids, which planning has no time for; the index compares the sidecars with
the files through it (`bids_sidecars`).
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from signal_diffusion.errors import UserError
from signal_diffusion.recordings import formats
from signal_diffusion.recordings.datasets import bids_ages, bids_tables, tables
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.datasets.tables import Row

if TYPE_CHECKING:
    from signal_diffusion.config.datasets import DatasetPaths

COLUMNS = {
    "gender": ("sex", "gender"),
    "age": ("age",),
    "handedness": ("handedness", "hand"),
    "group": ("group",),
}
WORDS = {  # as BIDS defines them, in lower case; what a label has no class for is unknown
    "gender": {"f": "F", "female": "F", "m": "M", "male": "M", "o": "", "other": ""},
    "handedness": {"r": "right", "right": "right", "l": "left", "left": "left", "a": "", "ambidextrous": ""},
}
UNKNOWN = {"gender": "", "health": "", "age": ""}
TABLES = ("participants", "sessions")
ENTITIES = ("task", "acq", "run")  # these become labels where recordings have them


def list_recordings(root: str | Path, simulation=None, *, options: "DatasetPaths", name: str) -> list[Entry]:
    """The EEG recordings of the wanted tasks, by their names, with their labels.

    A recording whose row, events or sidecars cannot be read is refused, and so are two files of one name.
    Raises UserError when there is no recording, when a table as a whole cannot be read, and when no table has
    a column that the settings name.
    """
    root, tree = Path(root), bids_tables.Tree(Path(root))
    files = tree.recordings(formats.READERS)
    tasks = set(options.tasks) or {bids_tables.entities(path.name).get("task") for path in files}
    paths = [path for path in files if bids_tables.entities(path.name).get("task") in tasks]
    if not paths:
        wanted = f" of task {' or '.join(options.tasks)}" if options.tasks else ""
        raise UserError(f"{root}: no sub-*/eeg or sub-*/ses-*/eeg has a recording{wanted}; correct the root")
    people, torn = _people(tree, paths, options)
    columns = _columns(people, options, name)
    listed = [entry for path in paths for entry in _entries(path, tree, people, columns, options, name)]
    entries = [tree.refused(each, torn[each.subject]) if each.subject in torn else each for each in listed]
    bids_tables.tell_unmatched(root, {subject for subject, _ in people}, entries, files)
    return _alone(entries)


def _people(
    tree: bids_tables.Tree, paths: list[Path], options: "DatasetPaths"
) -> tuple[dict[tuple[str, str], Row], dict[str, UserError]]:
    """Rows by subject and session, and by subject what is wrong with its table of sessions.

    The row of a session holds what that table adds to the subject's, or has otherwise.
    """
    known = (tree.root / "participants.tsv").is_file()
    described, shared = (bids_ages.descriptions(tree.root / f"{table}.json") for table in TABLES)
    people = bids_tables.read_participants(tree.root) if known else {}
    people = _with_units(people, described, options)
    rows, torn = {(subject, ""): row for subject, row in people.items()}, {}
    for subject, sessions in _sessions(paths).items():
        try:
            said = bids_tables.read_sessions(tree.root, subject)
        except UserError as error:
            torn[subject] = error
            continue
        beside = bids_ages.descriptions(tree.root / subject / f"{subject}_sessions.json") if said else []
        said = _with_units(said, [*beside, *shared, *described], options)
        own = people.get(subject, {})
        if any(cell and _is_age(column, options) for row in said.values() for column, cell in row.items()):
            # People grow older: of a session without an age, the subject's is that of another day.
            own = {column: cell for column, cell in own.items() if not _is_age(column, options)}
            rows |= {(subject, session): own for session in sessions if session and own}
        for session, row in said.items():
            rows[subject, session] = own | {column: cell for column, cell in row.items() if cell}
    return rows, torn


def _with_units(rows: dict[str, Row], described: list[dict], options: "DatasetPaths") -> dict[str, Row]:
    is_age = partial(_is_age, options=options)
    return bids_ages.with_units(rows, is_age, described, options.values.get("age", {}))


def _sessions(paths: list[Path]) -> dict[str, set[str]]:
    """The sessions of each subject that has recordings, "" for those of none."""
    found: dict[str, set[str]] = {}
    for path in sorted(paths):
        own = bids_tables.entities(path.name)
        found.setdefault(f"sub-{own['sub']}", set()).add(f"ses-{own['ses']}" if "ses" in own else "")
    return found


def _is_age(column: str, options: "DatasetPaths") -> bool:
    chosen = options.columns.get("age")
    return column == chosen if chosen else column.lower() in COLUMNS["age"]


def _columns(people: dict, options: "DatasetPaths", name: str) -> dict[str, tuple[str, ...]]:
    """Columns by label, the first that a row has counts; UserError for one that the settings alone know."""
    held = {column for row in people.values() for column in row}
    for label, column in options.columns.items():
        tables.check_label(label, f"[datasets.{name}] columns.{label}")
        if column not in held:
            known = ", ".join(sorted(held)) or "no columns"
            raise UserError(
                f"[datasets.{name}] columns.{label}: found {column!r}, the tables have {known}; correct it"
            )
    usual = {
        label: tuple(column for spelled in names for column in sorted(held) if column.lower() == spelled)
        for label, names in COLUMNS.items()
    }
    return {label: found for label, found in usual.items() if found} | {
        label: (column,) for label, column in options.columns.items()
    }


def _entries(
    path: Path, tree: bids_tables.Tree, people: dict, columns: dict, options: "DatasetPaths", name: str
) -> list[Entry]:
    own = bids_tables.entities(path.name)
    named = {entity: own[entity] for entity in ENTITIES if entity in own}
    entry = tree.entry(name, path, labels=UNKNOWN | dict.fromkeys(columns, "") | named)
    row = people.get((entry.subject, entry.session), people.get((entry.subject, "")))
    if row is None:
        entry = replace(entry, warning="participants.tsv has no such participant")
    try:
        labels = _labels(row or {}, columns, options.values, f"{name}: {entry.subject}")
        reference = options.reference or bids_tables.reference(tree.description(path))
        entry = replace(entry, labels=entry.labels | labels, reference=reference)
        return bids_tables.parts(entry, tree.gaps(path))
    except UserError as error:
        return [tree.refused(entry, error)]


def _labels(row: Row, columns: dict, values: dict[str, dict[str, str]], where: str) -> dict[str, str]:
    found = {}
    for label, names in columns.items():
        column = next((column for column in names if row.get(column)), names[0])
        word, meanings = row.get(column, ""), values.get(label)
        if meanings is None and label in WORDS:
            word, meanings = word.lower(), WORDS[label]
        told = f"{column} (with its unit)" if label == "age" and " " in word else column
        found[label] = tables.meaning(word, label, meanings, f"{where}: {told}")
    return found


def _alone(entries: list[Entry]) -> list[Entry]:
    """Two files of one name may differ, and nothing says which is right: the first is listed, and refused."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        other = kept.setdefault(entry.recording, entry)
        if other is not entry:
            both = f"{other.path.name} and {entry.path.name}"
            kept[entry.recording] = replace(
                other, refused=f"found both {both}, expected one recording; move one away"
            )
    return list(kept.values())
