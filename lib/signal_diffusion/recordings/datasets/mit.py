"""CHB-MIT (`mit`): long scalp EEG of children with intractable seizures, bipolar channels at 256 Hz.

Shoeb, 2009, "Application of Machine Learning to Epileptic Seizure Onset Detection and Treatment", MIT;
PhysioNet chbmit 1.0.0. `chbNN/chbNN_MM.edf` are the recordings of case NN, `chbNN/chbNN-summary.txt` says
when there were seizures in which, `SUBJECT-INFO` who the cases are. Case 21 is the girl of case 1, a year and
a half later, so both have one subject; case 24 is in no table. The clock times of the summaries are not those
of the recordings (they were shifted) and are not used, nor are their lists of channels, for every file names
its own. No case is healthy and none has Parkinson's disease, so health is unknown.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets import tables
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.recording import Span

TABLE = "SUBJECT-INFO"
NAME = re.compile(r"(chb\d\d)[a-z]?_\d+\+?\.edf")
RATE = 256.0
SAME_PERSON = {"chb21": "chb01"}
AGES = ("Age (years)", "Age")
UNKNOWN = {"gender": "", "health": "", "age": ""}


@dataclass
class Summary:
    """What a summary says of one file: how many seizures, and their onsets and ends in seconds."""

    stated: list[float] = field(default_factory=list)
    onsets: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    @property
    def seizures(self) -> tuple[Span, ...]:
        return tuple(zip(self.onsets, self.ends, strict=False))

    @property
    def contradiction(self) -> str:
        """Which of its numbers do not fit each other; nothing when all do."""
        stated = " and ".join(f"{number:g}" for number in self.stated) or "no number of"
        if not self.stated == [len(self.onsets)] == [len(self.ends)]:
            return f"found {len(self.onsets)} onsets, {len(self.ends)} ends and {stated} seizures stated"
        if any(end <= onset for onset, end in self.seizures):
            return f"found seizures {self.seizures}, one of which ends before it begins"
        return ""


LINES = {
    "stated": re.compile(r"Number of Seizures in File:\s*(\d+)", re.I),
    "onsets": re.compile(r"Seizure\s*\d*\s*Start Time:\s*(\d+)\s*sec", re.I),
    "ends": re.compile(r"Seizure\s*\d*\s*End Time:\s*(\d+)\s*sec", re.I),
}


def list_recordings(root: str | Path, simulation=None) -> list[Entry]:
    """The EDF files of all cases, in `root` or a folder for each case, and those that a summary names.

    A file that is not there, that no summary names, or whose seizures contradict each other is listed as
    refused. Raises UserError when the table or all recordings are absent, or a row cannot be read.
    """
    root = Path(root)
    if not (root / TABLE).is_file():
        raise UserError(f"{root}: no {TABLE}; download PhysioNet chbmit 1.0.0 into it")
    people = _people(root / TABLE)
    found = [*root.glob("chb*/chb*.edf"), *root.glob("chb*.edf")]
    summaries = [*root.glob("chb*/chb??-summary.txt"), *root.glob("chb??-summary.txt")]
    said = {path.with_name(name): facts for path in summaries for name, facts in read_summary(path).items()}
    if not found:
        raise UserError(f"{root}: no chbNN/chbNN_MM.edf; download PhysioNet chbmit 1.0.0 into it")
    return [_entry(path, said.get(path), people) for path in sorted({*found, *said})]


def read_summary(path: Path) -> dict[str, Summary]:
    """What `chbNN-summary.txt` says of each file that it names; other lines than these are passed over."""
    files: dict[str, Summary] = {}
    facts = Summary()
    for line in tables.read_text(path).splitlines():
        if name := re.match(r"\s*File Name:\s*(\w[\w.+-]*)", line, re.I):
            facts = files.setdefault(name[1], Summary())
        for what, pattern in LINES.items():
            if number := pattern.search(line):
                getattr(facts, what).append(float(number[1]))
    return files


def _people(table: Path) -> dict[str, dict]:
    rows = tables.read_table(table)
    case, sex, years = (tables.column(rows, names, table) for names in (("Case",), ("Gender",), AGES))
    return {
        name: UNKNOWN
        | {
            "gender": tables.gender(row[sex], f"{table}: {name}: {sex}"),
            "age": tables.age(row[years], f"{table}: {name}: {years}"),
        }
        for name, row in tables.by_id(rows, case, table).items()
    }


def _entry(path: Path, facts: Summary | None, people: dict[str, dict]) -> Entry:
    case = path.name[:5]
    return Entry(
        dataset="mit",
        subject=SAME_PERSON.get(case, case),
        session=case,
        recording=path.stem,
        path=path,
        labels=people.get(case, UNKNOWN),
        events={"seizure": facts.seizures} if facts else {},
        refused=_refusal(path, facts),
        rate=RATE,
    )


def _refusal(path: Path, facts: Summary | None) -> str:
    summary = f"{path.name[:5]}-summary.txt"
    if not NAME.fullmatch(path.name):
        return f"name: found {path.name}, expected chbNN_MM.edf; rename it or take it out"
    if facts is None:
        return f"{summary}: found nothing of {path.name}, expected its seizures; take the dataset's own files"
    if not path.is_file():
        return f"{summary}: found {path.name} named, but not there; download it or leave it out"
    if facts.contradiction:
        return f"{summary}: {path.name}: {facts.contradiction}; take the dataset's own summary"
    return ""
