"""Images and time series of a dataset, real or generated, back to waveforms in microvolts."""

from typing import Any

import numpy as np

from signal_diffusion.signals.encoding import decode
from signal_diffusion.signals.frames import Frames
from signal_diffusion.signals.representations import SERIES
from signal_diffusion.signals.transforms import transform_of

RIDGE = (
    1e-4  # of levels: where 8 bits carry little more than rounding, the least-squares solution goes to zero
)
MOMENTUM = 0.99  # Perraudin, Balazs and Sondergaard 2013
BLOCK = 16  # windows at a time, so that many need no more memory than few


def to_waveform(array: np.ndarray, spec: dict[str, Any], iterations: int = 100, seed: int = 0) -> np.ndarray:
    """Windows of any representation -> waveforms, float32 [n, channels, nsamps] in uV.

    array: uint8 [n, 1 or 3, height, width] or z-scores [n, channels, nsamps], as a dataset stores them. spec: its
    `dataset.json`. I and Q, and magnitude and phase, give the least-squares waveform; decibels alone give one that
    has their spectrogram, with phases found by Griffin-Lim (`iterations`, `seed`), so neither its polarity nor its
    course in time is that of the original.
    """
    if spec["representation"] == SERIES:
        return decode(array, spec)
    transform = transform_of(spec)
    waveforms = np.empty((len(array), len(spec["channels"]), spec["nsamps"]), np.float32)
    for first in range(0, len(array), BLOCK):
        block = slice(first, first + BLOCK)
        planes = decode(array[block], spec)
        if spec["representation"] == "db-only":
            magnitude = transform.magnitude(planes)
            waveforms[block] = griffin_lim(transform, magnitude, iterations, seed, first)
        else:
            waveforms[block] = transform.inverse(_coefficients(planes, spec["representation"]), RIDGE)
    return waveforms


def griffin_lim(
    transform: Frames, magnitude: np.ndarray, iterations: int = 100, seed: int = 0, first: int = 0
) -> np.ndarray:
    """Waveforms whose coefficients have these magnitudes, by the fast Griffin-Lim algorithm (Perraudin 2013).

    magnitude: [n, channels, rows, frames], as the transform's. Starts at random phases, a function of the seed and
    of a window's number, `first` and onwards. Returns float32 [n, channels, nsamps] uV.
    """
    phases = _random_phases(magnitude.shape, seed, first)
    before = np.zeros_like(phases)
    for _ in range(iterations):
        found = transform.transform_windows(transform.inverse(magnitude * phases, RIDGE))
        ahead = found + MOMENTUM * (found - before)
        phases = ahead / np.maximum(np.abs(ahead), np.float32(1e-12))
        before = found
    return transform.inverse(magnitude * phases, RIDGE)


def _random_phases(shape: tuple[int, ...], seed: int, first: int) -> np.ndarray:
    turns = [np.random.default_rng((seed, first + k)).random(shape[1:], np.float32) for k in range(shape[0])]
    return np.exp(np.float32(2 * np.pi) * 1j * np.stack(turns)).astype(np.complex64)


def _coefficients(planes: np.ndarray, representation: str) -> np.ndarray:
    """[n, 3, channels, rows, frames] -> complex64 [n, channels, rows, frames]."""
    if representation == "db-iq":
        return planes[:, 1] + 1j * planes[:, 2]
    return planes[:, 1] * np.exp(1j * planes[:, 2])
