"""Readers by suffix: `read_header` without the signals, `read` with them, in microvolts.

EDF, BDF, CNT and SET are parsed and decoded here, so that no job waits for MNE and a file is refused, with its
field, where MNE would read on. MNE decodes BrainVision.
"""

import os
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.formats.checks import refuse, telling_of_unreadable
from signal_diffusion.recordings.formats.names import damaged, is_electrode, shown
from signal_diffusion.recordings.recording import Header, Recording, Span

READERS = {".edf": "edf", ".bdf": "edf", ".cnt": "cnt", ".set": "eeglab", ".vhdr": "brainvision"}
COMPANIONS = {".set": (".fdt",), ".vhdr": (".eeg", ".vmrk")}
LARGEST_UV = 5e5  # no amplifier of electrodes measures half a volt


def read_header(path: str | Path, span: Span | None = None) -> Header:
    """Rate, duration and channel names; raises UserError for a truncated file or one of another format.

    `span`: the seconds of the file that will be read, for the file must be at least as long.
    """
    with telling_of_unreadable(path):
        return _reader(path).read_header(Path(path), span)


def read(path: str | Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    """The channels `picks`, by their names in the file and in that order, or all that are measured in volts.

    `span`: only these seconds of the file, rounded to samples, are read; UserError if it does not hold them.
    Raises UserError, in one line with file, field, found and expected, for anything that cannot be read
    whole.
    """
    path = Path(path)
    with telling_of_unreadable(path):
        recording = _reader(path).read(path, picks, span)
    _check_samples(path, recording)
    strange = damaged(recording.channels) if picks is None else None
    if strange is not None:
        raise refuse(
            path,
            f"name of channel {strange + 1}",
            "one that differs by a letter from an electrode",
            "a known one",
        )
    return recording


def files(path: Path) -> list[Path]:
    """The recording's file and those that are there and belong to it, by the same name or for it names them.

    Only a file of a format that has such is opened, once while it stays as it is.
    """
    suffix = path.suffix.lower()
    if suffix not in COMPANIONS:
        return [path]
    others = [path.with_suffix(each) for each in COMPANIONS[suffix]]
    with suppress(OSError):
        others += _named(path, path.stat().st_mtime_ns, path.parent.stat().st_mtime_ns)
    return [path, *(other for other in dict.fromkeys(others) if os.path.isfile(other))]


def why_unreadable(path: Path) -> str:
    """Why the recording's file, or one that belongs to it, cannot even be opened; "" if all can."""
    closed = next((file for file in files(path) if not os.access(file, os.R_OK)), None)
    if closed is None:
        return ""
    if os.path.exists(closed):
        return f"{closed}: may not be read; change its permissions, or leave it out"
    if closed.is_symlink():
        return f"{closed}: links to a file that is not there; fetch it (`git annex get`, `datalad get`)"
    return f"{closed}: no such file; check the dataset's root in the settings"


@lru_cache(2**15)
def _named(path: Path, changed: int, folder_changed: int) -> list[Path]:
    """Files that the recording's file names; none if it cannot be read, which its reader will say."""
    try:
        return _module(path).named_files(path)
    except (OSError, UserError):
        return []


def _check_samples(path: Path, recording: Recording) -> None:
    """Refuse samples that are not finite, and electrodes with half a volt: a hurt gain, exponent or byte order."""
    if not recording.data.size:
        raise refuse(path, "samples", "none", "at least one")
    lowest, highest = recording.data.min(axis=1), recording.data.max(axis=1)
    for i, name in enumerate(recording.channels):
        size = max(-float(lowest[i]), float(highest[i]))
        if not size < (LARGEST_UV if is_electrode(name) else float("inf")):
            limit = f"less than {LARGEST_UV:g} uV" if size < float("inf") else "finite numbers"
            raise refuse(path, f"samples of {shown(name, i)}", f"{size:g} uV", limit)


def _reader(path: str | Path):
    path = Path(path)
    if path.suffix.lower() not in READERS:
        raise UserError(f"{path}: suffix: found {path.suffix!r}, expected one of {', '.join(READERS)}")
    if why := why_unreadable(path):
        raise UserError(why)
    return _module(path)


def _module(path: Path):
    return import_module(f"{__name__}.{READERS[path.suffix.lower()]}")
