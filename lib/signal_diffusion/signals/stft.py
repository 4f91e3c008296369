"""Short-time Fourier transform of windows with linear or logarithmic rows."""

from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from signal_diffusion.errors import UserError
from signal_diffusion.signals.frames import Frames
from signal_diffusion.signals.images import amplitudes, decibels, half_precision
from signal_diffusion.signals.scales import linear_scale, log_scale, window_lengths


def half_basis(
    frequencies: np.ndarray, lengths: np.ndarray, window: int, fs: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and negative sines under periodic Hann windows, from a frame's centre to its end.

    Float64 [rows, window / 2] each. The whole basis is the even continuation of the first and the odd one of
    the second; it is zero at the frame's first sample. Rows do not see a constant offset, and are scaled so
    that white noise of one-sided density D reads |.|^2 = D in every row.
    """
    time = np.arange(window // 2)
    weights = np.where(time == 0, 1, 2)
    hann = 0.5 + 0.5 * _oscillations(1 / lengths, len(time)).real
    tapers = np.where(time < lengths[:, None] / 2, hann, 0)
    waves = _oscillations(frequencies / fs, len(time))
    cosines, sines = tapers * waves.real, tapers * -waves.imag
    cosines -= tapers * (cosines @ weights / (tapers @ weights))[:, None]
    scale = np.sqrt(2 / fs / ((np.square(cosines) + np.square(sines)) @ weights))[:, None]
    return cosines * scale, sines * scale


def _oscillations(frequencies: np.ndarray, samples: int, stride: int = 32) -> np.ndarray:
    """exp(2 pi i f t): complex128 [frequencies, samples], f per sample, as products of few exponentials."""
    turns = 2j * np.pi * frequencies[:, None]
    coarse = np.exp(turns * np.arange(0, samples, stride))
    fine = np.exp(turns * np.arange(stride))
    return (coarse[:, :, None] * fine[:, None]).reshape(len(frequencies), -1)[:, :samples]


class Stft(Frames):
    """Spectrogram rows and frames of windows of a recording.

    resolution: rows; as many columns are shared by the channels, `resolution // n_channels` frames each.
    nsamps: samples per window of a recording, at `fs` Hz. window: samples of the longest frame, even.
    bins: "log" or "linear". fmin: frequency of the lowest row, Hz; the highest stands at fs / 2.
    Frames are equally spaced and lie wholly inside a window. docs/spectrogram.md gives the reasons.
    """

    kept_as = np.float16

    def __init__(
        self,
        resolution: int,
        n_channels: int,
        nsamps: int,
        fs: float,
        window: int = 512,
        bins: str = "log",
        fmin: float = 0.5,
    ):
        self.resolution, self.nsamps, self.fs, self.window = resolution, nsamps, fs, window
        self.frames = resolution // n_channels
        _check(self, n_channels, bins, fmin)
        self.hop = (nsamps - window) // max(self.frames - 1, 1)
        used = window + self.hop * (self.frames - 1)
        self.offsets = (nsamps - used) // 2 + self.hop * np.arange(self.frames)
        if bins == "log":
            self.frequencies, self.spacings = log_scale(resolution, fmin, fs / 2, fs / (2 * window))
        else:
            self.frequencies, self.spacings = linear_scale(resolution, fmin, fs / 2)
        self.lengths = window_lengths(self.spacings, fs, window)

    @cached_property
    def _half_basis(self) -> tuple[np.ndarray, np.ndarray]:
        return half_basis(self.frequencies, self.lengths, self.window, self.fs)

    @cached_property
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """float32 [window / 2, rows] each, for folded frames, in which the centre counts twice."""
        cosines, sines = self._half_basis
        halved = np.where(np.arange(self.window // 2) == 0, 0.5, 1)
        return np.float32(cosines * halved).T, np.float32(sines).T

    @cached_property
    def basis(self) -> np.ndarray:
        """Coefficients of a frame are basis @ frame: complex128 [rows, window]."""
        cosines, sines = self._half_basis
        basis = np.zeros((self.resolution, self.window), np.complex128)
        basis[:, self.window // 2 :] = cosines + 1j * sines
        basis[:, self.window // 2 : 0 : -1] = cosines - 1j * sines
        return basis

    def locate(self, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First samples of the distinct frames, int64 [positions], and their places in windows, [n, frames].

        Windows that overlap by a multiple of the hop share frames, which are then computed once.
        """
        positions, index = np.unique(starts[:, None] + self.offsets, return_inverse=True)
        return positions, index.reshape(len(starts), self.frames)

    def parts(self, data: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Real and imaginary parts of the frames at `positions`, float32 [positions, channels, rows] each.

        Frames are folded about their centre first, for cosines are even and sines are odd: half the products.
        """
        data = np.asarray(data, np.float32)
        centres = positions + self.window // 2
        after = self._halves(data, centres)
        before = self._halves(data[:, ::-1], data.shape[1] - 1 - centres)
        cosines, sines = self.factors
        shape = len(positions), len(data), self.resolution
        return ((after + before) @ cosines).reshape(shape), ((after - before) @ sines).reshape(shape)

    def _halves(self, data: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """The half frames that begin at `positions`: [positions * channels, window / 2]."""
        frames = sliding_window_view(data, self.window // 2, axis=1).swapaxes(0, 1)
        return frames[positions].reshape(-1, self.window // 2)

    def decibels(self, power: np.ndarray) -> np.ndarray:
        """uV^2/Hz -> float32 dB re 1 uV^2/Hz (`images.decibels`)."""
        return decibels(power)

    def magnitude(self, db: np.ndarray) -> np.ndarray:
        """dB re 1 uV^2/Hz -> uV per root Hz."""
        return amplitudes(db)

    def stored(self, values: np.ndarray) -> np.ndarray:
        """float32 -> float16 (`images.half_precision`)."""
        return half_precision(values)


def _check(stft: Stft, n_channels: int, bins: str, fmin: float) -> None:
    if stft.frames < 1:
        raise UserError(
            f"spectrogram.resolution = {stft.resolution}: {n_channels} channels do not fit side by side; "
            f"use {n_channels} or more"
        )
    if not 4 <= stft.window <= stft.nsamps or stft.window % 2:
        raise UserError(
            f"spectrogram.window = {stft.window}: must be even and from 4 to signal.nsamps = {stft.nsamps}"
        )
    if not 0 < fmin < stft.fs / 2:
        raise UserError(f"spectrogram.fmin = {fmin}: must lie between 0 and fs / 2 = {stft.fs / 2} Hz")
    if bins not in ("log", "linear"):
        raise UserError(f'spectrogram.bins = "{bins}": must be "log" or "linear"')
