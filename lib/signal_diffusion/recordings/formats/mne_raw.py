"""From MNE's readers to a recording: what they complain of is refused, what they decode is microvolts."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from signal_diffusion.recordings.formats.checks import (
    NOT_VOLTS,
    indices_of,
    refuse,
    samples_of,
    what_failed,
)
from signal_diffusion.recordings.formats.names import shown
from signal_diffusion.recordings.recording import Header, Recording, Span

# Of MNE's warnings, those (by how they begin) after which it returns other samples than were recorded.
WRONG_SAMPLES = "Number of records|Scaling factor|Physical range|Inconsistent file"
BLOCK = 2**15  # samples at a time: MNE decodes to float64, and a block of it stays in the cache


def open_raw(reader: Callable, path: Path, wanted: str, wrong: str = WRONG_SAMPLES, **arguments):
    """MNE's raw object, without its samples; raises UserError for what the reader raises or warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", wrong)
        try:
            return reader(path, preload=False, verbose="warning", **arguments)
        except Exception as error:  # a damaged header makes MNE, configparser and scipy raise nearly anything
            raise refuse(path, "header", what_failed(error), wanted) from error


def header_of(raw, path: Path, span: Span | None = None) -> Header:
    fs = float(raw.info["sfreq"])
    samples_of(path, span, fs, raw.n_times)
    return Header(fs, raw.n_times / fs, tuple(raw.ch_names), path.suffix.lower().lstrip("."))


def recording_of(raw, path: Path, picks: list[str] | None, span: Span | None = None) -> Recording:
    """The picked channels, or all in volts; raises UserError for a picked channel that is not in volts.

    Of `span` only its samples are decoded; one that is not wholly in the file is refused.
    """
    kinds = zip(raw.ch_names, raw.get_channel_types(), strict=True)
    volts = [name for name, kind in kinds if kind not in NOT_VOLTS]
    names = volts if picks is None else picks
    chosen = indices_of(path, list(names), tuple(raw.ch_names))
    foreign = [shown(name, raw.ch_names.index(name)) for name in sorted(set(names) - set(volts))]
    if foreign or not chosen:
        raise refuse(
            path, "unit", f"{', '.join(foreign) or 'no channel'} not in volts", "EEG channels in volts"
        )
    first, stop = samples_of(path, span, float(raw.info["sfreq"]), raw.n_times)
    return Recording(_microvolts(raw, path, chosen, first, stop), float(raw.info["sfreq"]), tuple(names))


def _microvolts(raw, path: Path, chosen: list[int], first: int, stop: int) -> np.ndarray:
    data = np.empty((len(chosen), stop - first), np.float32)
    try:
        for start in range(first, stop, BLOCK):
            block = data[:, start - first : start - first + BLOCK]
            volts = raw.get_data(chosen, start, start + block.shape[1], verbose="error")
            np.multiply(volts, 1e6, out=block, casting="same_kind")
    except (ValueError, RuntimeError, OSError) as error:
        raise refuse(path, "samples", what_failed(error), f"{raw.n_times} per channel") from error
    return data
