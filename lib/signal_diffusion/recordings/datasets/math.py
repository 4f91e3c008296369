"""EEGMAT (`math`): EEG at rest and during mental arithmetic, 36 subjects, 19 channels at 500 Hz.

Zyma et al., 2019, "Electroencephalograms during Mental Arithmetic Task Performance", Data 4(1):14;
PhysioNet eegmat 1.0.0. `SubjectNN_1.edf` is rest, `SubjectNN_2.edf` arithmetic. Gender and age come from
`subject-info.csv`, joined by subject: the sex in the EDF headers is wrong in nearly all files. The cohort
was screened healthy: the dataset's README excludes psychoactive medication, addiction, and psychiatric or
neurological complaints. The reference was the ears.
"""

import re
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets import tables
from signal_diffusion.recordings.datasets.entry import Entry

RATE = 500.0
ACTIVITIES = {"1": "rest", "2": "arithmetic"}
FOLDERS = ("", "raw_eeg")
TABLE = "subject-info.csv"
REMEDY = "`snakemake data/math`, with the same settings, downloads it, or correct [datasets.math] root in the settings"
UNKNOWN = {"gender": "", "health": "H", "age": ""}


def list_recordings(root: str | Path, simulation=None) -> list[Entry]:
    """The EDF files beside `subject-info.csv`, in `root` or its folder `raw_eeg`, by subject and activity.

    A subject without a row has unknown gender and age. Raises UserError when the table or all recordings are
    absent, or a row cannot be read.
    """
    folder = _folder(Path(root))
    people = _people(folder / TABLE)
    paths = sorted(path for path in folder.iterdir() if re.fullmatch(r"Subject\d\d_[12]\.edf", path.name))
    if not paths:
        raise UserError(f"{folder}: no SubjectNN_1.edf or SubjectNN_2.edf; {REMEDY}")
    return [_entry(path, people) for path in paths]


def _folder(root: Path) -> Path:
    for name in FOLDERS:
        if (root / name / TABLE).is_file():
            return root / name
    raise UserError(f"{root}: no {TABLE}; {REMEDY}")


def _people(table: Path) -> dict[str, dict]:
    rows = tables.read_table(table)
    absent = {"Subject", "Age", "Gender"} - set(rows[0] if rows else ())
    if absent and rows:
        raise UserError(
            f"{table}: column {', '.join(sorted(absent))} is missing; take the table of eegmat 1.0.0"
        )
    return {name: _labels(row, table) for name, row in tables.by_id(rows, "Subject", table).items()}


def _labels(row: dict, table: Path) -> dict:
    gender, age = row["Gender"].upper(), row["Age"]
    if gender not in ("F", "M", "") or not re.fullmatch(r"\d*", age):
        raise UserError(
            f"{table}: {row['Subject']}: found gender {gender!r}, age {age!r}; expected F or M and years"
        )
    return {"gender": gender, "health": "H", "age": int(age) if age else ""}


def _entry(path: Path, people: dict[str, dict]) -> Entry:
    name, task = path.stem.split("_")
    subject, activity = f"sub-{name.removeprefix('Subject')}", ACTIVITIES[task]
    labels = people.get(name, UNKNOWN) | {"activity": activity}
    return Entry("math", subject, "", f"{subject}_{activity}", path, labels, rate=RATE)
