"""Readers by suffix: `read_header` without the signals, `read` with them, in microvolts.

MNE decodes the samples of every format. The headers of EDF, BDF and CNT are parsed here, so that the index
needs no MNE and so that a file is refused, with its field, where MNE would read on.
"""

from importlib import import_module
from pathlib import Path

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.formats.checks import refuse
from signal_diffusion.recordings.recording import Header, Recording, Span

READERS = {".edf": "edf", ".bdf": "edf", ".cnt": "cnt", ".set": "eeglab", ".vhdr": "brainvision"}


def read_header(path: str | Path) -> Header:
    """Rate, duration and channel names; raises UserError for a truncated file or one of another format."""
    return _reader(path).read_header(Path(path))


def read(path: str | Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    """The channels `picks`, by their names in the file and in that order, or all that are measured in volts.

    `span`: only these seconds of the file, rounded to samples, are read; UserError if it does not hold them.
    Raises UserError, in one line with file, field, found and expected, for anything that cannot be read
    whole.
    """
    recording = _reader(path).read(Path(path), picks, span)
    if not recording.data.size or not np.isfinite(recording.data).all():
        raise refuse(Path(path), "samples", "none, or some that are not finite", "finite numbers")
    return recording


def _reader(path: str | Path):
    path = Path(path)
    if path.suffix.lower() not in READERS:
        raise UserError(f"{path}: suffix: found {path.suffix!r}, expected one of {', '.join(READERS)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the dataset's root in the settings")
    return import_module(f"{__name__}.{READERS[path.suffix.lower()]}")
