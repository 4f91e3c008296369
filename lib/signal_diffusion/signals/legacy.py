"""The predecessor's logarithmic rows, for people with models of its images; docs/representations.md says when.

Rows are evenly spaced in log10 f, all under one symmetric Hann window of 2 rows - 1 samples; the window of the
recording loses its mean, and zeros follow it. Magnitudes are those of the two-sided transform folded onto positive
frequencies and divided by the root of the frame's length, in volts, as MNE gives them: EEG lies between about -130
and -60 dB.
"""

from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from signal_diffusion.errors import UserError
from signal_diffusion.signals.frames import Frames

VOLTS = 1e-6  # per microvolt
EPSILON = 1e-9  # volts, added to the magnitude before the logarithm
LOWEST_EXPONENT = -3  # of the frequency in cycles per sample: 0.125 Hz at 125 Hz


def legacy_window(resolution: int) -> int:
    """Samples of a frame."""
    return 2 * resolution - 1


class LegacyStft(Frames):
    """Rows at 0 and at 10^e cycles per sample, e evenly from -3 to log10(1/2); frames from a window's first sample.

    The hop is the smallest multiple of `hop_step` at which a channel has `resolution // n_channels` hops or fewer.
    The lowest row holds the window's sum divided by the root of its length, in every frame. Coefficients are in uV
    (times root samples), their phase is as at a frame's first sample. UserError if the channels are too wide.
    """

    kept_as = np.float64

    def __init__(self, resolution: int, n_channels: int, nsamps: int, fs: float, hop_step: int = 4):
        self.resolution, self.nsamps, self.fs = resolution, nsamps, fs
        self.window = legacy_window(resolution)
        hops = resolution // n_channels
        _check(resolution, n_channels, hops)
        self.hop = hop_step * max(1, -(-nsamps // (hops * hop_step)))
        self.frames = nsamps // self.hop + 1
        _check(resolution, n_channels * self.frames, hops)
        self.offsets = self.hop * np.arange(self.frames)
        exponents = np.linspace(LOWEST_EXPONENT, np.log10(0.5), resolution - 1)
        self.cycles = np.concatenate([[0.0], 10.0**exponents])
        self.frequencies = self.cycles * fs

    @cached_property
    def basis(self) -> np.ndarray:
        """Coefficients of a frame are basis @ frame, but for the lowest row: complex128 [rows, window]."""
        waves = np.exp(-2j * np.pi * self.cycles[:, None] * np.arange(self.window))
        basis = 2 / np.sqrt(self.window) * np.hanning(self.window) * waves
        basis[0] = 0
        return basis

    def locate(self, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First samples of windows and offsets of frames, int64 [n * frames, 2]: no two windows share a frame."""
        positions = np.stack(np.broadcast_arrays(starts[:, None], self.offsets), axis=-1).reshape(-1, 2)
        return positions, np.arange(len(positions)).reshape(len(starts), self.frames)

    def parts(self, data: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Real and imaginary parts of the frames at `positions`, float64 [positions, channels, rows] each."""
        starts, offsets = positions.T
        windows = sliding_window_view(data, self.nsamps, axis=1)[:, starts].astype(np.float64)
        sums = windows.sum(axis=2)
        windows -= sums[:, :, None] / self.nsamps
        frames = np.zeros((len(positions), len(data), self.window))
        for k, offset in enumerate(offsets):
            inside = windows[:, k, offset : offset + self.window]
            frames[k, :, : inside.shape[1]] = inside
        real, imaginary = (frames @ part.T for part in self._real_basis)
        real[:, :, 0] = sums.T / np.sqrt(self.nsamps)
        return real, imaginary

    def inverse(self, coefficients: np.ndarray, ridge: float = 1e-6) -> np.ndarray:
        """As of any frames, with the mean of the window from the lowest row, whose frames all hold it."""
        windows = super().inverse(coefficients, ridge)
        mean = coefficients[:, :, 0].real.mean(axis=-1, keepdims=True) / np.sqrt(self.nsamps)
        return windows - windows.mean(axis=-1, keepdims=True) + mean.astype(np.float32)

    def decibels(self, power: np.ndarray) -> np.ndarray:
        """uV^2 -> float64 dB re 1 V, at least -180 dB."""
        return 20 * np.log10(np.sqrt(power) * VOLTS + EPSILON)

    def magnitude(self, db: np.ndarray) -> np.ndarray:
        """dB re 1 V -> float64 uV."""
        return np.maximum(10 ** (np.asarray(db, np.float64) / 20) - EPSILON, 0) / VOLTS

    def stored(self, values: np.ndarray) -> np.ndarray:
        """As they are: a grey level is cut off, not rounded, so that fewer bits would move pixels."""
        return values


def _check(resolution: int, columns: int, hops: int) -> None:
    if hops < 1 or columns > resolution:
        raise UserError(
            f"spectrogram.resolution = {resolution}: the channels need {columns} columns or more with "
            'bins = "log-legacy"; raise it, choose fewer channels, or set bins = "log"'
        )
