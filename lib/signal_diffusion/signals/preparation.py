"""From a raw file to the picked channels at the recipe's rate, without offset, referenced."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.channels import pick, picks
from signal_diffusion.recordings.formats import read, read_header
from signal_diffusion.recordings.recording import Span, ended
from signal_diffusion.signals.resample import average_reference, resample

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Signal


def prepare(
    path: str | Path,
    wanted: list[str],
    reference: str | None,
    signal: "Signal",
    meta: dict[str, Any],
    span: Span | None = None,
) -> np.ndarray:
    """The picked channels, without offset, referenced, at the recipe's rate: float32 [channels, samples].

    What the file says of itself and what was found is written into `meta`. UserError if it cannot be used.
    """
    header = read_header(path)
    start, stop = ended(span or (0.0, header.duration), header.duration)
    meta |= {"rate": header.fs, "duration": stop - start}
    recording = read(path, picks(header.channels, wanted, reference), span)
    data = pick(recording, wanted, reference).data
    offsets = data.mean(axis=1, keepdims=True)
    meta["flat"] = _check_traces(data, offsets[:, 0], wanted)
    data -= offsets
    # Linear, so the reference may as well be taken after it.
    resampled = resample(data, recording.fs, signal.fs)
    return average_reference(resampled) if signal.reference == "average" else resampled


def _check_traces(data: np.ndarray, offsets: np.ndarray, channels: list[str]) -> list[str]:
    """Names of the channels without a signal; UserError if samples are missing or no channel has a signal."""
    broken = [name for name, offset in zip(channels, offsets, strict=True) if not np.isfinite(offset)]
    if broken:
        raise UserError(f"channels {', '.join(broken)} hold infinite or missing samples; export it again")
    flat = (data == data[:, :1]).all(axis=1)
    if flat.all():
        raise UserError("every picked channel is flat; leave this recording out")
    return [name for name, is_flat in zip(channels, flat, strict=True) if is_flat]
