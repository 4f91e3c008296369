"""SEED-V (`seed`): EEG of 16 people during 15 film clips in each of three sessions, 62 channels at 1000 Hz.

Liu et al., 2021, "Comparing Recognition Performance and Robustness of Multimodal Deep Learning Models for
Multimodal Emotion Recognition", IEEE Transactions on Cognitive and Developmental Systems 14(2);
bcmi.sjtu.edu.cn/home/seed/seed-v.html. `EEG_raw/SUBJECT_SESSION_DATE.cnt` holds a whole session, which is
named after its set of clips, not after the order of the dates. Each clip is a recording of its own, from the
seconds and emotions below, which are those of the dataset's read-me; they are compared to its file of
seconds where that is there. Gender and age come from the table of participants, joined by subject. The
cohort is taken as healthy: the page named above says that all had normal hearing and vision and a stable
mental state, and were screened by Eysenck's questionnaire.
"""

import logging
import re
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets import tables
from signal_diffusion.recordings.datasets.entry import Entry

LOG = logging.getLogger(__name__)
RATE = 1000.0
NAME = re.compile(r"(\d{1,2})_([123])_(\d{8})(_repaired)?\.cnt")
EMOTIONS = ("disgust", "fear", "sad", "neutral", "happy")
CODES = {"1": "413204132041320", "2": "213044032134120", "3": "213044032134120"}
STARTS = {
    "1": (30, 132, 287, 555, 773, 982, 1271, 1628, 1730, 2025, 2227, 2435, 2667, 2932, 3204),
    "2": (30, 299, 548, 646, 836, 1000, 1091, 1392, 1657, 1809, 1966, 2186, 2333, 2490, 2741),
    "3": (30, 353, 478, 674, 825, 908, 1200, 1346, 1451, 1711, 2055, 2307, 2457, 2726, 2888),
}
ENDS = {
    "1": (102, 228, 524, 742, 920, 1240, 1568, 1697, 1994, 2166, 2401, 2607, 2901, 3172, 3359),
    "2": (267, 488, 614, 773, 967, 1059, 1331, 1622, 1777, 1908, 2153, 2302, 2428, 2709, 2817),
    "3": (321, 418, 643, 764, 877, 1147, 1284, 1418, 1679, 1996, 2275, 2425, 2664, 2857, 3066),
}
SECONDS = "trial_start_end_timestamp.txt"
PEOPLE = ("participants_info.csv", "participants_info.xlsx")
IDS = ("subject", "subject_id", "participant", "participant_id", "id", "no", "number", "index")
UNKNOWN = {"gender": "", "health": "H", "age": ""}


def list_recordings(root: str | Path, simulation=None) -> list[Entry]:
    """The trials of the sessions in `root` or its folder `EEG_raw`, by subject, session and trial.

    A subject without a row has unknown gender and age, and so has everybody without a table. Raises UserError
    when there is no session, one stands there twice, or a table contradicts what is known.
    """
    root = Path(root)
    folders = [folder for folder in (root, root / "EEG_raw") if folder.is_dir()]
    sessions = _sessions([path for folder in folders for path in sorted(folder.iterdir())])
    if not sessions:
        raise UserError(f"{root}: no EEG_raw/SUBJECT_SESSION_DATE.cnt; put SEED-V's folder EEG_raw there")
    for path in _named(folders, (SECONDS,)):
        _check_seconds(path)
    table = next(iter(_named(folders, PEOPLE)), None)
    people = _people(table) if table else {}
    LOG.info(
        "%d of 48 sessions are there; %s", len(sessions), f"people from {table}" if table else "no table"
    )
    return [
        _entry(path, subject, session, trial, people.get(subject))
        for (subject, session), path in sorted(sessions.items())
        for trial in range(15)
    ]


def _sessions(paths: list[Path]) -> dict[tuple[int, str], Path]:
    """File of each subject and session; a repaired one takes the place of the one that it repairs."""
    found: dict[tuple[int, str], Path] = {}
    for path in paths:
        if not (name := NAME.fullmatch(path.name)):
            if path.suffix.lower() == ".cnt":
                LOG.info("%s is left out: its name is not SUBJECT_SESSION_DATE.cnt", path)
            continue
        if not name[4] and path.with_stem(f"{path.stem}_repaired").is_file():
            continue
        other = found.setdefault((int(name[1]), name[2]), path)
        if other != path:
            raise UserError(
                f"{path}: found a second session {name[2]} of subject {name[1]} beside {other.name}, "
                "expected one; keep the right one"
            )
    return found


def _named(folders: list[Path], names: tuple[str, ...]) -> list[Path]:
    """Files of these names, whatever their case, in the order of the names."""
    files = sorted(path for folder in folders for path in folder.iterdir())
    return [path for name in names for path in files if path.name.lower() == name]


def _people(table: Path) -> dict[int, dict]:
    rows = tables.read_table(table)
    subject, years, sex = (tables.column(rows, names, table) for names in (IDS, ("Age",), ("Sex", "Gender")))
    people = {}
    for name, row in tables.by_id(rows, subject, table).items():
        number = re.fullmatch(r"\D*(\d+)\D*", name)
        if number is None:
            raise UserError(f"{table}: {subject}: found {name!r}, expected the subject's number; correct it")
        where = f"{table}: {subject} {name}"
        people[int(number[1])] = {
            "gender": tables.gender(row[sex], f"{where}: {sex}"),
            "age": tables.age(row[years], f"{where}: {years}"),
        }
    if len(people) < len(rows):
        raise UserError(
            f"{table}: {subject}: found a number twice, expected one row each; keep the right one"
        )
    return people


def _check_seconds(path: Path) -> None:
    """Refuse a file of seconds that cannot be read or says other seconds than are known here."""
    text = tables.read_text(path)
    found = re.findall(
        r"session\s*(\d).*?start_second:\s*\[(.*?)\].*?end_second:\s*\[(.*?)\]", text, re.I | re.S
    )
    if sorted(session for session, *_ in found) != sorted(STARTS):
        sessions = ", ".join(session for session, *_ in found) or "none"
        raise UserError(
            f"{path}: found seconds of sessions {sessions}, expected 1, 2, 3; take SEED-V's own file"
        )
    for session, *seconds in found:
        for what, text, known in zip(("start", "end"), seconds, (STARTS, ENDS), strict=True):
            stated = re.findall(r"[^\s,]+", text)
            if stated != [str(second) for second in known[session]]:
                raise UserError(
                    f"{path}: {what}_second of session {session}: found {', '.join(stated)}, expected "
                    f"{', '.join(map(str, known[session]))}; take SEED-V's own file, or remove it"
                )


def _entry(path: Path, subject: int, session: str, trial: int, person: dict | None) -> Entry:
    name = f"sub-{subject:02d}"
    emotion = EMOTIONS[int(CODES[session][trial])]
    return Entry(
        dataset="seed",
        subject=name,
        session=session,
        recording=f"{name}_ses-{session}_trial-{trial + 1:02d}",
        path=path,
        labels=UNKNOWN | (person or {}) | {"emotion": emotion},
        span=(float(STARTS[session][trial]), float(ENDS[session][trial])),
        rate=RATE,
    )
