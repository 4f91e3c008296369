"""BrainVision `.vhdr` with its `.eeg` and `.vmrk`, read by MNE."""

import configparser
from pathlib import Path

from signal_diffusion.recordings.formats.checks import refuse
from signal_diffusion.recordings.formats.mne_raw import header_of, recording_of
from signal_diffusion.recordings.recording import Header, Recording


def read_header(path: Path) -> Header:
    return header_of(_open(path), "vhdr")


def read(path: Path, picks: list[str] | None = None) -> Recording:
    return recording_of(_open(path), path, picks)


def _open(path: Path):
    from mne.io.brainvision.brainvision import read_raw_brainvision

    try:
        return read_raw_brainvision(path, preload=False, verbose="error")
    except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError, configparser.Error) as error:
        raise refuse(
            path, "header", " ".join(str(error).split())[:200], "a BrainVision header and its data"
        ) from error
