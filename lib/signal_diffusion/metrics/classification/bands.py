"""Log band powers of every channel: what a classical analysis would look at first."""

from typing import Any

import numpy as np

from signal_diffusion.datasets.pool import Part
from signal_diffusion.errors import UserError
from signal_diffusion.metrics.spectra import BANDS, band_rows
from signal_diffusion.signals.encoding import decode
from signal_diffusion.signals.images import decibels
from signal_diffusion.signals.representations import SERIES

SEGMENT_S = 2.0  # of Welch's method: half a hertz tells delta from theta


def band_powers(windows: Part) -> np.ndarray:
    """Power in dB of each channel in each band of `BANDS` that is reached: float32 [windows, channels * bands].

    The mean of the decibels over the rows of the band and the window's frames; of a time series, of Welch's spectrum
    in microvolts (Welch 1967).
    """
    spec = windows.spec
    return np.concatenate(
        [_block(block, spec) for block in windows.blocks()] or [np.zeros((0, 0), np.float32)]
    )


def _block(block: np.ndarray, spec: dict[str, Any]) -> np.ndarray:
    spectra, frequencies = spectra_of(block, spec)
    rows = band_rows(frequencies)
    if not rows:
        raise UserError(
            f"no row of the spectrum lies in {', '.join(BANDS)}; there is no band power to compare"
        )
    powers = [spectra[:, :, chosen].mean(axis=2) for chosen in rows.values()]
    return np.stack(powers, axis=2).reshape(len(block), -1).astype(np.float32)


def spectra_of(block: np.ndarray, spec: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Mean spectra of stored windows: dB [n, channels, rows], and the frequencies [rows] in Hz."""
    decoded = decode(block, spec)
    if spec["representation"] == SERIES:
        return _welch(decoded, spec["fs"])
    planes = decoded if decoded.ndim == 4 else decoded[:, 0]
    return planes.mean(axis=3, dtype=np.float64), np.asarray(spec["frequencies"], np.float64)


def _welch(series: np.ndarray, fs: float) -> tuple[np.ndarray, np.ndarray]:
    from scipy.signal import welch

    frequencies, power = welch(series, fs, nperseg=min(round(SEGMENT_S * fs), series.shape[-1]), axis=-1)
    return decibels(power.astype(np.float32)), frequencies
