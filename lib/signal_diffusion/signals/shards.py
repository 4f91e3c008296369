"""Shards: the windows of one recording as spectrograms in dB, before any range or split is applied."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from signal_diffusion.errors import UserError
from signal_diffusion.files import load_tensors, save_tensors
from signal_diffusion.recordings.channels import channel_names
from signal_diffusion.recordings.recording import Span
from signal_diffusion.signals.images import decibels, half_precision
from signal_diffusion.signals.preparation import prepare
from signal_diffusion.signals.stft import Stft
from signal_diffusion.signals.windows import window_starts

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Signal, Spectrogram


BLOCK = 32  # frames of all channels per matrix product: they stay in the processor's cache


@dataclass(frozen=True)
class Shard:
    """windows: float16 dB [n, channels, rows, frames], lowest frequency first. starts: int64 [n], in samples.

    meta: status "ok" or "refused" (then n = 0), reason, file; rate (Hz), duration (s) and flat (channels
    without a signal) of the raw recording; channels, reference, fs, nsamps, frequencies (Hz) and frames of
    the windows; versions of the libraries that made the numbers.
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
) -> Shard:
    """Read one raw recording, make its windows, write them to `out` (safetensors) and return them.

    channels: a named set or a list of names. reference: the recording's reference electrode, if it is known.
    span: the seconds of the file that are this recording; None is the whole file.
    signal, spectrogram: the recipe's sections. A recording that cannot be used gives a shard without windows
    that says why; settings that cannot be used raise UserError.
    """
    wanted = channel_names(channels)
    stft = Stft(
        spectrogram.resolution,
        len(wanted),
        signal.nsamps,
        signal.fs,
        spectrogram.window,
        spectrogram.bins,
        spectrogram.fmin,
    )
    meta = _describe(Path(path), wanted, signal, stft)
    try:
        data = prepare(path, wanted, reference, signal, meta, span)
        starts = _starts(data, signal)
    except UserError as error:
        meta |= {"status": "refused", "reason": str(error)}
        data, starts = np.zeros((len(wanted), 0), np.float32), np.zeros(0, np.int64)
    shard = Shard(spectrogram_windows(stft, data, starts), starts, meta)
    save_tensors(out, {"windows": shard.windows, "starts": shard.starts}, meta)
    return shard


def read_shard(path: str | Path) -> Shard:
    """A shard as `shard_recording` wrote it."""
    arrays, meta = load_tensors(path)
    return Shard(arrays["windows"], arrays["starts"], meta)


def spectrogram_windows(stft: Stft, data: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """data: [channels, samples] uV at `stft.fs`. Returns float16 dB [n, channels, resolution, frames]."""
    positions, index = stft.locate(starts)
    db = np.empty((len(positions), len(data), stft.resolution), np.float16)
    for first in range(0, len(positions), BLOCK):
        block = slice(first, first + BLOCK)
        db[block] = half_precision(decibels(stft.power(data, positions[block])))
    return stft.gather(db, index)


def _describe(path: Path, channels: list[str], signal: "Signal", stft: Stft) -> dict[str, Any]:
    return {
        "status": "ok",
        "reason": "",
        "file": path.name,
        "rate": None,
        "duration": None,
        "flat": [],
        "channels": list(channels),
        "reference": signal.reference,
        "fs": signal.fs,
        "nsamps": signal.nsamps,
        "frequencies": stft.frequencies.tolist(),
        "frames": stft.frames,
        "versions": {"numpy": np.__version__, "soxr": soxr.__version__},
    }


def _starts(data: np.ndarray, signal: "Signal") -> np.ndarray:
    starts = window_starts(data.shape[1], signal.nsamps, signal.ovr_perc)
    if not len(starts):
        seconds, needed = data.shape[1] / signal.fs, signal.nsamps / signal.fs
        raise UserError(f"recording lasts {seconds:.1f} s, one window (signal.nsamps) needs {needed:.1f} s")
    return starts
