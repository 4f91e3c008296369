"""From a raw file to the wanted channels at the recipe's rate: filtered, judged, referenced and completed."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_diffusion.errors import Unreadable, UserError
from signal_diffusion.recordings.channels import (
    absent,
    canonical,
    channel_names,
    check_one_reference,
    pick,
    picks,
)
from signal_diffusion.recordings.checksums import check_published
from signal_diffusion.recordings.formats import read, read_header
from signal_diffusion.recordings.recording import Span, ended, gaps_within
from signal_diffusion.signals.extremes import Extremes, extremes
from signal_diffusion.signals.filters import filtered
from signal_diffusion.signals.interpolation import spline_weights
from signal_diffusion.signals.quality import Findings, inspect, window_faults
from signal_diffusion.signals.referencing import NONE, reference_names, referenced
from signal_diffusion.signals.resample import resample
from signal_diffusion.signals.verdict import check, mean_spectra, pictures, record
from signal_diffusion.signals.windows import window_starts

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe

ROUNDED = 1e-3  # of the rate: headers may state it in whole microseconds per sample


@dataclass
class Prepared:
    """What one recording gave, as far as it could be prepared.

    data: float32 [channels, samples] uV, without samples if it is refused. starts: first samples of its
    windows, int64 [n]. meta: status "ok" or "refused", reason; rate (Hz) and duration (s) as recorded;
    quality, see `verdict.record`, with the channels that were interpolated and the bad windows by what is
    wrong with them. pictures: `verdict.pictures`, empty if nothing could be read.
    """

    channels: list[str]
    data: np.ndarray
    starts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    meta: dict[str, Any] = field(
        default_factory=lambda: {"status": "ok", "reason": "", "rate": None, "duration": None, "quality": {}}
    )
    pictures: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class _Traces:
    """data: float32 [names, samples] uV. raw: of what they were made. zero: rows that were the reference. gaps: seconds
    at which the file says that something was cut out."""

    names: list[str]
    data: np.ndarray
    raw: Extremes
    zero: list[int]
    gaps: list[float]


def prepare(
    path: str | Path,
    recipe: "Recipe",
    reference: str | None = None,
    span: Span | None = None,
    digests: dict[str, str] | None = None,
) -> Prepared:
    """Read a recording, or the part `span` of its file (s), and do with it what the recipe says.

    reference: the scalp electrode that was its reference, if it is known. digests: the published checksums of
    its files, by name. A recording that cannot be used is refused in `meta`, with the reason; nothing is
    raised for it.
    """
    channels = channel_names(recipe.channels.set)
    prepared = Prepared(channels, np.zeros((len(channels), 0), np.float32))
    try:
        check_published(Path(path), digests or {})
        traces = _read(path, recipe, reference, span, prepared)
        findings = inspect(traces.data, traces.raw, recipe.signal.fs, recipe.quality, traces.zero)
        _finish(prepared, traces, findings, recipe)
    except Unreadable:  # a refusal would stay when the file can be read again
        raise
    except UserError as error:
        # Where the file lies may name its owner.
        prepared.meta |= {"status": "refused", "reason": str(error).replace(str(path), Path(path).name)}
    return prepared


def _read(
    path: str | Path, recipe: "Recipe", reference: str | None, span: Span | None, prepared: Prepared
) -> _Traces:
    """The wanted channels that are there and those of the reference, without offset, at the recipe's rate."""
    header = read_header(path, span)
    start, stop = ended(span or (0.0, header.duration), header.duration)
    prepared.meta |= {"rate": header.fs, "duration": stop - start}
    _check_rate(header.fs, recipe.signal.fs)
    names = _names(header.channels, prepared.channels, reference, recipe)
    chosen = picks(header.channels, names, reference)
    if recipe.signal.reference != NONE:
        check_one_reference(chosen)
    recording = read(path, chosen, span)
    data, gaps = pick(recording, names, reference).data, gaps_within(header, span)
    offsets = data.mean(axis=1, keepdims=True)
    _check_finite(offsets[:, 0], names)
    data -= offsets
    raw = extremes(data, recording.fs)
    still = ~raw.ranges.any(axis=1) if reference else np.zeros(len(names), bool)
    zero = [row for row, name in enumerate(names) if still[row] and canonical(name) == canonical(reference)]
    return _Traces(names, _at_rate(data, recording.fs, gaps, recipe), raw, zero, gaps)


def _at_rate(data: np.ndarray, fs: float, gaps: list[float], recipe: "Recipe") -> np.ndarray:
    """Resampled and filtered, each stretch between gaps by itself, so that nothing rings across one."""
    rate = recipe.signal.fs
    if not gaps:
        return filtered(resample(data, fs, rate), recipe.filter, rate)
    ours = _edges(int(data.shape[1] * rate / fs + 0.5), gaps, rate)
    made = np.zeros((len(data), ours[-1]), np.float32)
    for theirs, (start, stop) in zip(pairwise(_edges(data.shape[1], gaps, fs)), pairwise(ours), strict=True):
        piece = data[:, slice(*theirs)]
        piece = resample(piece - piece.mean(axis=1, keepdims=True), fs, rate) if piece.size else piece
        # Both edges are rounded, so that a piece may lack a sample, or have one too many.
        places = np.minimum(np.arange(stop - start), piece.shape[1] - 1)
        if piece.size:
            made[:, start:stop] = filtered(piece, recipe.filter, rate)[:, places]
    return made


def _edges(samples: int, gaps: list[float], fs: float) -> list[int]:
    """First samples of the stretches between gaps (s), and the end."""
    return [0, *(min(round(gap * fs), samples) for gap in gaps), samples]


def _check_rate(recorded: float, wanted: float) -> None:
    """What a slower recording cannot hold would be empty: a mark of its dataset in every window."""
    if recorded < (1 - ROUNDED) * wanted:
        raise UserError(
            f"sampling rate: found {recorded:g} Hz, expected signal.fs = {wanted:g} Hz or more; leave it out or "
            "lower signal.fs"
        )


def _names(there: tuple[str, ...], wanted: list[str], reference: str | None, recipe: "Recipe") -> list[str]:
    """The channels to read: the wanted ones but for those to interpolate, and those of the reference."""
    missing = absent(there, wanted, reference) if recipe.channels.missing == "interpolate" else []
    kept = [name for name in wanted if name not in missing]
    known = {canonical(name) for name in kept}
    return kept + [name for name in reference_names(recipe.signal.reference) if canonical(name) not in known]


def _check_finite(offsets: np.ndarray, names: list[str]) -> None:
    broken = [name for name, offset in zip(names, offsets, strict=True) if not np.isfinite(offset)]
    if broken:
        raise UserError(f"channels {', '.join(broken)} hold infinite or missing samples; export it again")


def _finish(prepared: Prepared, traces: _Traces, findings: Findings, recipe: "Recipe") -> None:
    """Reference and complete the traces and cut them into windows; refuse (UserError) what is too bad."""
    signal, channels = recipe.signal, prepared.channels
    data = referenced(traces.data, traces.names, findings, signal.reference)
    spectra = mean_spectra(data, signal.fs)
    prepared.pictures = pictures(findings, spectra, traces.names, channels)
    prepared.meta["quality"] = record(findings, spectra, traces.names, channels, signal.fs)
    starts = _starts(data.shape[1], recipe, traces.gaps)
    check(findings, traces.names, channels, data.shape[1] / signal.fs, recipe)
    prepared.data, interpolated = _completed(data, traces.names, channels, findings, recipe.channels.bad)
    prepared.starts = starts
    faults = window_faults(findings, starts, signal.nsamps, signal.fs, recipe.quality.bad_share)
    prepared.meta["quality"] |= {"interpolated": interpolated, "windows": faults}


def _completed(
    data: np.ndarray, names: list[str], channels: list[str], findings: Findings, bad_channels: str
) -> tuple[np.ndarray, list[str]]:
    """The channels in their order, and the names of those that were interpolated from the good ones."""
    bad = {names[row] for row in findings.bad}
    replaced = [
        name for name in channels if name not in names or (bad_channels == "interpolate" and name in bad)
    ]
    if not replaced and names == channels:
        return data, []
    complete = np.zeros((len(channels), data.shape[1]), np.float32)
    for place, name in enumerate(channels):
        if name in names:
            complete[place] = data[names.index(name)]
    if replaced:
        good = [name for name in channels if name in names and name not in bad]
        weights = spline_weights(good, replaced)
        complete[[channels.index(name) for name in replaced]] = (
            weights @ data[[names.index(name) for name in good]]
        )
    return complete, replaced


def _starts(samples: int, recipe: "Recipe", gaps: list[float]) -> np.ndarray:
    """First samples of the windows, which begin anew after each gap (s), so that none spans one."""
    signal = recipe.signal
    edges = _edges(samples, gaps, signal.fs)
    starts = np.concatenate(
        [
            first + window_starts(stop - first, signal.nsamps, signal.ovr_perc)
            for first, stop in pairwise(edges)
        ]
    )
    if not len(starts):
        seconds, needed = max(np.diff(edges)) / signal.fs, signal.nsamps / signal.fs
        whole = "" if not gaps else " without a gap"
        raise UserError(
            f"recording lasts {seconds:.1f} s{whole}, one window (signal.nsamps) needs {needed:.1f} s"
        )
    return starts
