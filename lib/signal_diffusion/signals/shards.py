"""Shards: the windows of one recording in one representation, before any range or split is applied."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from signal_diffusion.errors import UserError
from signal_diffusion.files import load_tensors, save_tensors
from signal_diffusion.recordings.channels import channel_names
from signal_diffusion.recordings.recording import Span
from signal_diffusion.signals.frames import Frames
from signal_diffusion.signals.preparation import prepare
from signal_diffusion.signals.representations import SERIES, series_windows, spectrogram_windows
from signal_diffusion.signals.transforms import make_transform
from signal_diffusion.signals.windows import window_starts

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Signal, Spectrogram


@dataclass(frozen=True)
class Shard:
    """windows: as `spectrogram_windows` or `series_windows` give them. starts: int64 [n], in samples.

    meta: status "ok" or "refused" (then n = 0), reason, file; rate (Hz), duration (s) and flat (channels
    without a signal) of the raw recording; representation, channels, reference, fs and nsamps of the windows,
    and frequencies (Hz) and frames where they are images; scales, the smallest and largest value of each row
    (of a series: channel) of each plane; versions of the libraries that made the numbers.
    """

    windows: np.ndarray
    starts: np.ndarray
    meta: dict[str, Any]


def shard_recording(
    path: str | Path,
    out: str | Path,
    channels: str | list[str],
    reference: str | None,
    signal: "Signal",
    spectrogram: "Spectrogram",
    span: Span | None = None,
    representation: str = "db-only",
) -> Shard:
    """Read one raw recording, make its windows, write them to `out` (safetensors) and return them.

    channels: a named set or a list of names. reference: the recording's reference electrode, if it is known.
    span: the seconds of the file that are this recording; None is the whole file. representation: one of
    `REPRESENTATIONS`.
    signal, spectrogram: the recipe's sections. A recording that cannot be used gives a shard without windows
    that says why; settings that cannot be used raise UserError.
    """
    wanted = channel_names(channels)
    transform = None if representation == SERIES else make_transform(len(wanted), signal, spectrogram)
    meta = _describe(Path(path), representation, wanted, signal, transform)
    try:
        data = prepare(path, wanted, reference, signal, meta, span)
        starts = _starts(data, signal)
    except UserError as error:
        meta |= {"status": "refused", "reason": str(error)}
        data, starts = np.zeros((len(wanted), 0), np.float32), np.zeros(0, np.int64)
    if transform is None:
        windows, meta["scales"] = series_windows(data, starts, signal.nsamps)
    else:
        windows, meta["scales"] = spectrogram_windows(transform, data, starts, representation)
    shard = Shard(windows, starts, meta)
    save_tensors(out, {"windows": shard.windows, "starts": shard.starts}, meta)
    return shard


def read_shard(path: str | Path) -> Shard:
    """A shard as `shard_recording` wrote it."""
    arrays, meta = load_tensors(path)
    return Shard(arrays["windows"], arrays["starts"], meta)


def _describe(
    path: Path, representation: str, channels: list[str], signal: "Signal", transform: Frames | None
) -> dict[str, Any]:
    meta = {
        "status": "ok",
        "reason": "",
        "file": path.name,
        "rate": None,
        "duration": None,
        "flat": [],
        "representation": representation,
        "channels": list(channels),
        "reference": signal.reference,
        "fs": signal.fs,
        "nsamps": signal.nsamps,
        "versions": {"numpy": np.__version__, "soxr": soxr.__version__},
    }
    if transform is not None:
        meta |= {"frequencies": transform.frequencies.tolist(), "frames": transform.frames}
    return meta


def _starts(data: np.ndarray, signal: "Signal") -> np.ndarray:
    starts = window_starts(data.shape[1], signal.nsamps, signal.ovr_perc)
    if not len(starts):
        seconds, needed = data.shape[1] / signal.fs, signal.nsamps / signal.fs
        raise UserError(f"recording lasts {seconds:.1f} s, one window (signal.nsamps) needs {needed:.1f} s")
    return starts
