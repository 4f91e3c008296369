"""EEGLAB `.set` (MATLAB 5 or 7.3) with its `.fdt`, read by MNE."""

from pathlib import Path

from signal_diffusion.recordings.formats.checks import refuse
from signal_diffusion.recordings.formats.mne_raw import header_of, open_raw, recording_of
from signal_diffusion.recordings.recording import Header, Recording, Span


def read_header(path: Path) -> Header:
    return header_of(_open(path), "set")


def read(path: Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    return recording_of(_open(path), path, picks, span)


def _open(path: Path):
    from mne.io.eeglab.eeglab import read_raw_eeglab

    raw = open_raw(read_raw_eeglab, path, "a continuous EEGLAB set, its .fdt beside it", montage_units="auto")
    _check_size(path, raw)
    return raw


def _check_size(path: Path, raw) -> None:
    """A `.fdt` holds float32 [samples, channels] and nothing else."""
    data = Path(raw.filenames[0])
    if data.suffix.lower() != ".fdt":
        return
    expected, found = 4 * raw.n_times * len(raw.ch_names), data.stat().st_size
    if found != expected:
        raise refuse(path, f"size of {data.name}", f"{found} bytes", f"{expected} from the set")
