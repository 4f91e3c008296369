"""BrainVision `.vhdr` with its `.eeg` and `.vmrk`, read by MNE.

MNE takes the length from the data file; what the header and the markers say shows whether that was cut.
"""

import re
from pathlib import Path

from signal_diffusion.recordings.formats.checks import refuse, what_failed
from signal_diffusion.recordings.formats.mne_raw import header_of, recording_of
from signal_diffusion.recordings.recording import Header, Recording

BYTES = {"INT_16": 2, "IEEE_FLOAT_32": 4}


def read_header(path: Path) -> Header:
    return header_of(_open(path), "vhdr")


def read(path: Path, picks: list[str] | None = None) -> Recording:
    return recording_of(_open(path), path, picks)


def _open(path: Path):
    from mne.io.brainvision.brainvision import read_raw_brainvision

    try:
        raw = read_raw_brainvision(path, preload=False, verbose="error")
    except Exception as error:  # a damaged header makes configparser and MNE raise nearly anything
        raise refuse(path, "header", what_failed(error), "a BrainVision header and its data") from error
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
    markers = path.parent / _value(header, "MarkerFile", path.stem + ".vmrk").replace("$b", path.stem)
    last = _last_marker(markers)
    if last > samples:
        raise refuse(path, f"samples in {data.name}", samples, f"at least {last}, where the last marker is")


def _last_marker(path: Path) -> int:
    """Position, in samples from 1, of the last marker; 0 without a marker file."""
    if not path.is_file():
        return 0
    text = path.read_text(encoding="utf-8", errors="replace")
    found = re.findall(r"^Mk\d+=[^,\n]*,[^,\n]*,\s*(\d+)\s*,", text, flags=re.MULTILINE)
    return max(map(int, found), default=0)


def _value(header: str, key: str, default: str) -> str:
    found = re.search(rf"^\s*{key}\s*=\s*(.+?)\s*$", header, flags=re.MULTILINE)
    return found.group(1) if found else default
