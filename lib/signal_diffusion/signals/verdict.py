"""What follows from the findings in a recording: its refusal, the record in its shard, pictures to look at."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.signals.quality import GOOD, REASONS, Findings, blocks

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe

MISSING = "missing"
SPECTRA_OF = 40  # seconds, evenly spaced; enough to look at
DARKEST = -40.0  # dB re 1 uV^2/Hz, as in images


def record(findings: Findings, names: list[str], channels: list[str]) -> dict[str, Any]:
    """The shard's `quality`: bad_channels (name -> reason), seconds examined, and bad ones in good channels.

    names: the channels of the findings. channels: the wanted ones; those without findings are missing.
    """
    codes = findings.codes[findings.good]
    found = {
        reason: int(np.count_nonzero(codes == code)) for code, reason in enumerate(REASONS) if code != GOOD
    }
    return {
        "bad_channels": _faults(findings, names, channels),
        "seconds": findings.codes.shape[1],
        "bad_seconds": {reason: count for reason, count in found.items() if count},
        "interpolated": [],
        "windows": {},
    }


def check(
    findings: Findings, names: list[str], channels: list[str], seconds: float, recipe: "Recipe"
) -> None:
    """Refuse (UserError) a recording of `seconds` with too few good channels or seconds, or a bad reference."""
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
    others = {names[row]: reason for row, reason in findings.bad.items() if names[row] not in channels}
    if others:
        raise UserError(f"the reference is bad ({_listed(others)}); set signal.reference to another")
    _check_seconds(findings, seconds, recipe)


def pictures(
    findings: Findings, data: np.ndarray, names: list[str], channels: list[str], fs: float
) -> dict[str, np.ndarray]:
    """What shows a recording at a glance, a row for each wanted channel, NaN where one is missing.

    amplitude: float16 uV [channels, seconds]. faults: uint8 of the same shape, places in `REASONS`. spectra:
    float16 dB re 1 uV^2/Hz [channels, frequencies] of the referenced `data`, at multiples of 1 Hz.
    """
    amplitude = np.minimum(findings.amplitude, np.finfo(np.float16).max)
    shown = {"amplitude": amplitude.astype(np.float16), "spectra": spectra(data, fs).astype(np.float16)}
    shown = {key: _in_order(values, np.nan, names, channels) for key, values in shown.items()}
    return shown | {"faults": _in_order(findings.codes, GOOD, names, channels)}


def spectra(data: np.ndarray, fs: float) -> np.ndarray:
    """Mean power spectral density of some seconds, Hann-tapered: float32 dB re 1 uV^2/Hz [channels, bins]."""
    seconds = blocks(data, fs)
    chosen = np.linspace(0, max(seconds.shape[1] - 1, 0), min(seconds.shape[1], SPECTRA_OF)).astype(np.int64)
    taper = np.hanning(seconds.shape[2]).astype(np.float32)
    coefficients = np.fft.rfft(seconds[:, chosen] * taper, axis=2)
    power = np.square(coefficients.real) + np.square(coefficients.imag)
    density = power.sum(axis=1) * np.float32(2 / fs / np.square(taper).sum() / max(len(chosen), 1))
    return 10 * np.log10(np.maximum(density, np.float32(10 ** (DARKEST / 10))))


def _check_seconds(findings: Findings, seconds: float, recipe: "Recipe") -> None:
    limits, window = recipe.quality, recipe.signal.nsamps / recipe.signal.fs
    good = seconds - findings.codes.shape[1] + findings.good_seconds(limits.bad_share)
    needed = max(limits.min_seconds, window)
    if good < needed:
        raise UserError(
            f"{good:.1f} of {seconds:.1f} s are good, quality.min_seconds = {limits.min_seconds:g} or else one "
            f"window asks for {needed:.1f} s; leave this recording out"
        )


def _faults(findings: Findings, names: list[str], channels: list[str]) -> dict[str, str]:
    """The wanted channels that are bad or missing, in their order, with the reason."""
    bad = {names[row]: reason for row, reason in findings.bad.items()}
    reasons = {name: bad.get(name, "" if name in names else MISSING) for name in channels}
    return {name: reason for name, reason in reasons.items() if reason}


def _listed(faults: dict[str, str]) -> str:
    """`flat: T7, T8; missing: Cz`"""
    by_reason: dict[str, list[str]] = {}
    for name, reason in faults.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{reason}: {', '.join(channels)}" for reason, channels in by_reason.items())


def _in_order(values: np.ndarray, absent: float, names: list[str], channels: list[str]) -> np.ndarray:
    """Rows of `names` as rows of `channels`."""
    if names == channels:
        return values
    rows = np.full((len(channels), values.shape[1]), absent, values.dtype)
    for place, name in enumerate(channels):
        if name in names:
            rows[place] = values[names.index(name)]
    return rows
