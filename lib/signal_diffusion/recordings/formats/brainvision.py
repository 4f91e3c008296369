"""BrainVision `.vhdr` with its `.eeg` and `.vmrk`, read by MNE.

MNE takes the length from the data file; what the header and the markers say shows whether that was cut.
"""

import re
from pathlib import Path

from signal_diffusion.recordings.formats.checks import refuse
from signal_diffusion.recordings.formats.mne_raw import header_of, open_raw, recording_of
from signal_diffusion.recordings.recording import Header, Recording, Span

BYTES = {"INT_16": 2, "IEEE_FLOAT_32": 4}


def read_header(path: Path, span: Span | None = None) -> Header:
    return header_of(_open(path), path, span)


def read(path: Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    return recording_of(_open(path), path, picks, span)


def _open(path: Path):
    from mne.io.brainvision.brainvision import read_raw_brainvision

    # Of a cut data file whose header states no length, markers behind its end are the only trace.
    raw = open_raw(read_raw_brainvision, path, "a BrainVision header, its data and their markers", "Omitted")
    _check_length(path, raw.n_times)
    return raw


def _check_length(path: Path, samples: int) -> None:
    header = path.read_text(encoding="utf-8", errors="replace")
    data = path.parent / _value(header, "DataFile", path.stem + ".eeg").replace("$b", path.stem)
    row = int(_value(header, "NumberOfChannels", "1")) * BYTES.get(
        _value(header, "BinaryFormat", "INT_16"), 1
    )
    if data.is_file() and data.stat().st_size % row:
        raise refuse(path, f"size of {data.name}", f"{data.stat().st_size} bytes", f"a multiple of {row}")
    stated = int(_value(header, "DataPoints", str(samples)))
    if samples != stated:
        raise refuse(path, f"samples in {data.name}", samples, f"{stated} from the header")


def _value(header: str, key: str, default: str) -> str:
    found = re.search(rf"^\s*{key}\s*=\s*(.+?)\s*$", header, flags=re.MULTILINE)
    return found.group(1) if found else default
