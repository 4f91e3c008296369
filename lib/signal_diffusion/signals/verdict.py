"""What follows from findings in a recording: its refusal, the record in its shard, pictures to look at."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.signals.extremes import blocks
from signal_diffusion.signals.quality import GOOD, REASONS, Findings
from signal_diffusion.signals.referencing import reference_rows

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe

MISSING = "missing"
MOST_NAMES = 6  # in a message
LINES = (50.0, 60.0)  # Hz, of the mains
PASSED = 0.45  # of the rate; above, what the resampler leaves tells nothing
SPECTRA_OF = 40  # seconds, evenly spaced; enough to look at
DARKEST = -40.0  # dB re 1 uV^2/Hz, as in images


def record(
    findings: Findings, spectra: np.ndarray, names: list[str], channels: list[str], fs: float
) -> dict[str, Any]:
    """The shard's `quality`: bad_channels (name -> reason), seconds examined, and the bad ones by reason.

    bad_seconds are those of good channels. line_db: how far the mains' frequency stands out of its
    neighbours, None when the rate `fs` does not hold it. names: the channels of findings and `spectra`.
    channels: the wanted ones; the others of them are missing.
    """
    codes = findings.codes[findings.good]
    found = {
        reason: int(np.count_nonzero(codes == code)) for code, reason in enumerate(REASONS) if code != GOOD
    }
    return {
        "bad_channels": _faults(findings, names, channels),
        "seconds": findings.codes.shape[1],
        "bad_seconds": {reason: count for reason, count in found.items() if count},
        "line_db": _line_db(spectra[findings.good], fs),
        "interpolated": [],
        "windows": {},
    }


def check(
    findings: Findings, names: list[str], channels: list[str], seconds: float, recipe: "Recipe"
) -> None:
    """Refuse (UserError) a recording of `seconds` with few good channels or seconds, or a bad reference."""
    faults, limits = _faults(findings, names, channels), recipe.quality
    needed = math.ceil(limits.min_channels * len(channels))
    if len(channels) - len(faults) < max(needed, 1):
        raise UserError(
            f"{len(channels) - len(faults)} of {len(channels)} channels are good ({_listed(faults)}), "
            f"quality.min_channels = {limits.min_channels:g} asks for {needed}; leave this recording out"
        )
    bad = {name: reason for name, reason in faults.items() if reason != MISSING}
    if bad and recipe.channels.bad == "refuse":
        raise UserError(
            f'channels are bad ({_listed(bad)}) and channels.bad = "refuse"; leave this recording out'
        )
    rows = reference_rows(names, recipe.signal.reference)
    subtracted = {names[row]: findings.bad[row] for row in rows if row in findings.bad}
    if subtracted:
        raise UserError(f"the reference is bad ({_listed(subtracted)}); set signal.reference to another")
    _check_seconds(findings, seconds, recipe)


def pictures(
    findings: Findings, spectra: np.ndarray, names: list[str], channels: list[str]
) -> dict[str, np.ndarray]:
    """What shows a recording at a glance, a row for each wanted channel, NaN where one is missing.

    amplitude: float16 uV [channels, seconds]. faults: uint8 of the same shape, places in `REASONS`. spectra:
    float16 [channels, bins], as `mean_spectra` gives them.
    """
    amplitude = np.minimum(findings.amplitude, np.finfo(np.float16).max)
    shown = {"amplitude": amplitude.astype(np.float16), "spectra": spectra.astype(np.float16)}
    shown = {key: _in_order(values, np.nan, names, channels) for key, values in shown.items()}
    return shown | {"faults": _in_order(findings.codes, GOOD, names, channels)}


def read_pictures(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A shard's `pictures` and `meta`; its windows, which may be large, are not read."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        names = [name for name in file.keys() if name not in ("windows", "starts")]
        return {name: file.get_tensor(name) for name in names}, json.loads(file.metadata()["json"])


def mean_spectra(data: np.ndarray, fs: float) -> np.ndarray:
    """Mean power spectral density of some seconds, Hann-tapered: float32 dB re 1 uV^2/Hz [channels, bins].

    data: [channels, samples] uV at `fs` Hz.
    """
    seconds = blocks(data, fs)
    chosen = np.linspace(0, max(seconds.shape[1] - 1, 0), min(seconds.shape[1], SPECTRA_OF)).astype(np.int64)
    taper = np.hanning(seconds.shape[2]).astype(np.float32)
    coefficients = np.fft.rfft(seconds[:, chosen] * taper, axis=2)
    power = np.square(coefficients.real) + np.square(coefficients.imag)
    density = power.sum(axis=1) * np.float32(2 / fs / np.square(taper).sum() / max(len(chosen), 1))
    return 10 * np.log10(np.maximum(density, np.float32(10 ** (DARKEST / 10))))


def _line_db(spectra: np.ndarray, fs: float) -> float | None:
    """The larger of both lines, in the median over channels: dB over the mean of what is 4 to 6 Hz away."""
    length = round(fs)
    inside = [round(line * length / fs) for line in LINES if line < PASSED * fs]
    if not inside or not len(spectra):
        return None
    typical = np.median(spectra, axis=0)
    around = [[bin + way * step for way in (-1, 1) for step in (4, 5, 6)] for bin in inside]
    beside = [[bin for bin in bins if bin < PASSED * length] for bins in around]
    return round(
        max(float(typical[bin] - typical[bins].mean()) for bin, bins in zip(inside, beside, strict=True)), 1
    )


def _check_seconds(findings: Findings, seconds: float, recipe: "Recipe") -> None:
    limits, window = recipe.quality, recipe.signal.nsamps / recipe.signal.fs
    good = seconds - findings.codes.shape[1] + findings.good_seconds(limits.bad_share)
    needed = max(limits.min_seconds, window)
    if good < needed:
        counts = np.bincount(findings.codes.ravel(), minlength=len(REASONS))[1:]
        raise UserError(
            f"{good:.1f} of {seconds:.1f} s are good (most others {REASONS[1 + counts.argmax()]}), "
            f"quality.min_seconds = {limits.min_seconds:g} or else one window asks for {needed:.1f} s; "
            "leave this recording out"
        )


def _faults(findings: Findings, names: list[str], channels: list[str]) -> dict[str, str]:
    """The wanted channels that are bad or missing, in their order, with the reason."""
    bad = {names[row]: reason for row, reason in findings.bad.items()}
    reasons = {name: bad.get(name, "" if name in names else MISSING) for name in channels}
    return {name: reason for name, reason in reasons.items() if reason}


def _listed(faults: dict[str, str]) -> str:
    """`flat: T7, T8; missing: Cz`, and `clipped: 12 channels` where there are many."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in faults.items():
        by_reason.setdefault(reason, []).append(name)
    shown = {
        reason: ", ".join(found) if len(found) <= MOST_NAMES else f"{len(found)} channels"
        for reason, found in by_reason.items()
    }
    return "; ".join(f"{reason}: {found}" for reason, found in shown.items())


def _in_order(values: np.ndarray, absent: float, names: list[str], channels: list[str]) -> np.ndarray:
    """Rows of `names` as rows of `channels`."""
    if names == channels:
        return values
    rows = np.full((len(channels), values.shape[1]), absent, values.dtype)
    for place, name in enumerate(channels):
        if name in names:
            rows[place] = values[names.index(name)]
    return rows
