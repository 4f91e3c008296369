"""From images back to spectra in decibels, and the measures of a spectrum."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from signal_diffusion.signals.images import dequantise, untile

BANDS = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 7.0),
    "alpha": (7.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 45.0),
}
MEASURES = (*BANDS, "alpha_peak")
UNITS = {**dict.fromkeys(BANDS, "dB"), "alpha_peak": "Hz"}
PEAK_RANGE = (6.0, 14.0)
FLANKS = ((2.0, 5.0), (14.0, 30.0))


def decibels(images: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    """Images uint8 [n, 1, height, width] to float32 dB [n, channels, rows, frames], low frequencies first.

    `spec` is dataset.json, or a part with `channels`, `frames`, `min_db` and `max_db`.
    """
    windows = untile(images[:, 0], len(spec["channels"]), spec["frames"])
    return dequantise(windows, spec["min_db"], spec["max_db"])


def band_rows(frequencies: np.ndarray) -> dict[str, np.ndarray]:
    """The rows whose frequency (Hz) lies in each band that the spectrogram reaches."""
    inside = {name: (frequencies >= low) & (frequencies < high) for name, (low, high) in BANDS.items()}
    return {name: np.flatnonzero(rows) for name, rows in inside.items() if rows.any()}


def mean_spectra(images: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    """Spectrum of each channel, averaged over the frames: float64 dB [n, channels, rows]."""
    return decibels(images, spec).mean(axis=3, dtype=np.float64)


def measures(spectra: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Spectra dB [..., rows] to the `MEASURES` [..., measures]; NaN for what the rows do not reach."""
    rows = band_rows(frequencies)
    missing = np.full(spectra.shape[:-1], np.nan)
    bands = [spectra[..., rows[name]].mean(axis=-1) if name in rows else missing for name in BANDS]
    return np.stack([*bands, alpha_peak(spectra, frequencies)], axis=-1)


def alpha_peak(spectra: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Centre of gravity (Hz) of the power between 6 and 14 Hz that stands above the 1/f background.

    The background is the straight line in dB over log frequency through the rows at 2-5 and 14-30 Hz;
    the excess is weighted by linear power and row width (Klimesch 1999, "gravity frequency", here after
    removing the 1/f part as in Donoghue et al. 2020). Spectra dB [..., rows] to [...]; NaN where nothing
    stands above the line.
    """
    flank = np.any([(frequencies >= low) & (frequencies <= high) for low, high in FLANKS], axis=0)
    inside = (frequencies >= PEAK_RANGE[0]) & (frequencies <= PEAK_RANGE[1])
    if flank.sum() < 3 or inside.sum() < 2:
        return np.full(spectra.shape[:-1], np.nan)
    with np.errstate(divide="ignore"):  # a row at 0 Hz is neither flank nor inside
        line = np.stack([np.ones_like(frequencies), np.log10(frequencies)], axis=1)
    background = spectra[..., flank] @ np.linalg.pinv(line[flank]).T @ line[inside].T
    excess = np.maximum(10 ** ((spectra[..., inside] - background) / 10) - 1, 0)
    weight = excess * np.gradient(frequencies)[inside]
    with np.errstate(invalid="ignore"):
        return (weight * frequencies[inside]).sum(axis=-1) / weight.sum(axis=-1)
