"""OpenNeuro ds004584 (`parkinsons`): resting EEG of 100 people with Parkinson's disease and 49 controls.

Singh, Cole, Espinoza, Cavanagh and Narayanan, "Rest eyes open", doi:10.18112/openneuro.ds004584.v1.0.0, CC0;
doi:10.1101/2022.07.26.22278079. `sub-NNN/eeg/sub-NNN_task-Rest_eeg.set` with its `.fdt`, 500 Hz. Labels come
from `participants.tsv`, joined by participant: GROUP is PD or Control, and TYPE says the same as 1 or 0. The
caps differ in a few positions (FT9, PO3 and PO4, or Iz, I1 and I2), and some files hold Resp, or X, Y and Z,
besides, so channels are only ever found by name. The reference was Pz, which no file holds; AFz is called the
ground and is a channel all the same.
"""

import re
from dataclasses import replace
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets import bids_tables
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.datasets.tables import Row

REFERENCE = "Pz"
RATE = 500.0
GROUPS = {("PD", "1"): "PD", ("Control", "0"): "H", ("", ""): ""}
COLUMNS = ("GROUP", "TYPE", "GENDER", "AGE")
UNKNOWN = {"gender": "", "health": "", "age": ""}


def list_recordings(root: str | Path, simulation=None) -> list[Entry]:
    """The `.set` files of the task Rest, by participant.

    A file without a row has unknown labels and a warning, one whose row contradicts itself is refused. Raises
    UserError when the table or all recordings are absent.
    """
    root = Path(root)
    people, tree = bids_tables.read_participants(root, COLUMNS), bids_tables.Tree(root)
    files = tree.recordings((".set",))
    paths = [path for path in files if bids_tables.entities(path.name).get("task") == "Rest"]
    if not paths:
        raise UserError(f"{root}: no sub-*/eeg/*_task-Rest_eeg.set; download OpenNeuro ds004584 into it")
    entries = [entry for path in paths for entry in _entries(path, tree, people)]
    bids_tables.tell_unmatched(root, people, entries, files)
    return entries


def _entries(path: Path, tree: bids_tables.Tree, people: dict[str, Row]) -> list[Entry]:
    entry = tree.entry("parkinsons", path, labels=UNKNOWN, reference=REFERENCE, rate=RATE)
    if entry.subject not in people:
        return [replace(entry, warning="participants.tsv has no such participant")]
    try:
        labelled = replace(entry, labels=_labels(people[entry.subject]))
        return bids_tables.parts(labelled, tree.gaps(path))
    except UserError as error:
        return [tree.refused(entry, error)]


def _labels(row: Row) -> dict[str, str | int]:
    group, kind, gender, age = (row[column] for column in COLUMNS)
    if (group, kind) not in GROUPS:
        wanted = "PD with 1, or Control with 0"
    elif gender not in ("F", "M", "") or not re.fullmatch(r"\d*", age):
        wanted = "F or M, and years"
    else:
        return {"gender": gender, "health": GROUPS[group, kind], "age": int(age) if age else ""}
    found = ", ".join(f"{column} {row[column]!r}" for column in COLUMNS)
    raise UserError(
        f"participants.tsv: {row['participant_id']}: found {found}, expected {wanted}; correct it"
    )
