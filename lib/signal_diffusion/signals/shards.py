"""Shards: the windows of one recording in one representation, before any range or split is applied."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from signal_diffusion.files import load_tensors, save_tensors
from signal_diffusion.recordings.channels import channel_names
from signal_diffusion.recordings.recording import Span
from signal_diffusion.signals.frames import Frames
from signal_diffusion.signals.preparation import Prepared, prepare
from signal_diffusion.signals.representations import SERIES, series_windows, spectrogram_windows
from signal_diffusion.signals.transforms import make_transform

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe, Signal


@dataclass(frozen=True)
class Shard:
    """windows: as `spectrogram_windows` or `series_windows` give them. starts: int64 [n], in samples.

    meta: status "ok" or "refused" (then n = 0), reason, rate, duration and quality as of `Prepared`; file;
    representation, channels, reference, fs and nsamps of the windows, and frequencies (Hz) and frames where they
    are images; scales, the smallest and largest value of each row (of a series: channel) of each plane; versions
    of the libraries that made the numbers. pictures: `verdict.pictures`.
    """

    windows: np.ndarray
    starts: np.ndarray
    meta: dict[str, Any]
    pictures: dict[str, np.ndarray]


def shard_recording(
    path: str | Path,
    out: str | Path,
    recipe: "Recipe",
    representation: str = "db-only",
    reference: str | None = None,
    span: Span | None = None,
    digests: dict[str, str] | None = None,
) -> Shard:
    """Read one raw recording, make its windows, write them to `out` (safetensors) and return them.

    representation: one of `REPRESENTATIONS`. reference: the recording's reference electrode, if it is known.
    span: the seconds of the file that are this recording; None is the whole file. digests: the published
    checksums (`checksums.published`) that its files must have. A recording that cannot be
    used gives a shard without windows that says why; settings that cannot be used raise UserError.
    """
    channels, signal = channel_names(recipe.channels.set), recipe.signal
    transform = _transform(recipe, representation)
    found = prepare(path, recipe, reference, span, digests)
    meta = _describe(Path(path), representation, channels, signal, transform) | found.meta
    windows, meta["scales"] = windows_of(found, recipe, representation)
    save_tensors(out, {"windows": windows, "starts": found.starts} | found.pictures, meta)
    return Shard(windows, found.starts, meta, found.pictures)


def windows_of(found: Prepared, recipe: "Recipe", representation: str) -> tuple[np.ndarray, dict[str, Any]]:
    """A prepared recording's windows and value ranges, of `spectrogram_windows` or `series_windows`."""
    transform = _transform(recipe, representation)
    if transform is None:
        return series_windows(found.data, found.starts, recipe.signal.nsamps)
    return spectrogram_windows(transform, found.data, found.starts, representation)


def read_shard(path: str | Path) -> Shard:
    """A shard as `shard_recording` wrote it."""
    arrays, meta = load_tensors(path)
    return Shard(arrays.pop("windows"), arrays.pop("starts"), meta, arrays)


def _transform(recipe: "Recipe", representation: str) -> Frames | None:
    channels = channel_names(recipe.channels.set)
    return (
        None if representation == SERIES else make_transform(len(channels), recipe.signal, recipe.spectrogram)
    )


def _describe(
    path: Path, representation: str, channels: list[str], signal: "Signal", transform: Frames | None
) -> dict[str, Any]:
    meta = {
        "file": path.name,
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
