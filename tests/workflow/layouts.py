"""The published datasets at their full size, as folders of headers: all that planning looks at."""

from pathlib import Path

import edfio
import numpy as np

SESSIONS = [f"{subject}_{session}_20180{session}01.cnt" for subject in range(1, 17) for session in (1, 2, 3)]


def write_layouts(root: Path) -> None:
    """`math`, `parkinsons`, `seed` and `longitudinal` below `root`."""
    edf = header()
    for write in (write_math, write_parkinsons, write_seed, write_longitudinal):
        write(root / write.__name__.removeprefix("write_"), edf)


def header() -> bytes:
    signal = edfio.EdfSignal(np.zeros(500), 500, label="EEG Fp1", physical_range=(-500, 500))
    return edfio.Edf([signal]).to_bytes()[:512]


def write_math(root: Path, edf: bytes) -> None:
    lines = [f"Subject{n:02},{18 + n % 9},{'FM'[n % 2]},2010,9.7,1" for n in range(36)]
    write(root / "subject-info.csv", "\n".join(["Subject,Age,Gender,Recording year,x,y", *lines]).encode())
    for number in range(36):
        for task in (1, 2):
            write(root / f"Subject{number:02}_{task}.edf", edf)


def write_parkinsons(root: Path, _: bytes) -> None:
    lines = [
        f"sub-{n:03}\t{'PD' if n <= 100 else 'Control'}\t{n}\tx\t{50 + n % 30}\t{'FM'[n % 2]}\t25\t10\t{int(n <= 100)}"
        for n in range(1, 150)
    ]
    table = ["participant_id\tGROUP\tID\tEEG\tAGE\tGENDER\tMOCA\tUPDRS\tTYPE", *lines]
    write(root / "participants.tsv", "\n".join(table).encode())
    for number in range(1, 150):
        write(root / f"sub-{number:03}/eeg/sub-{number:03}_task-Rest_eeg.set", b"MATLAB 5.0 MAT-file")


def write_seed(root: Path, _: bytes) -> None:
    for name in SESSIONS:
        write(root / "EEG_raw" / name, b"Version 3.0")


def write_longitudinal(root: Path, edf: bytes) -> None:
    names = [f"sub-{n:03}" for n in range(1, 609)]
    lines = [f"{name}\t{'FM'[n % 2]}\t{20 + n % 50}\tright\tyes\t0\tyes\t0" for n, name in enumerate(names)]
    table = ["participant_id\tsex\tage\thandedness\tsession1\tlate_ses1\tsession2\tlate_ses2", *lines]
    write(root / "participants.tsv", "\n".join(table).encode())
    for number, name in enumerate(names):
        sessions = ("ses-1", "ses-2") if number < 208 else ("ses-1",)
        years = [f"{session}\t{2016 + 5 * index}" for index, session in enumerate(sessions)]
        write(
            root / name / f"{name}_sessions.tsv", "\n".join(["session_id\trecording_year", *years]).encode()
        )
        for session in sessions:
            for task in ("EyesOpen", "EyesClosed"):
                for acquisition in ("pre", "post"):
                    file = f"{name}_{session}_task-{task}_acq-{acquisition}_eeg.edf"
                    write(root / name / session / "eeg" / file, edf)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
