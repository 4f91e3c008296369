"""Frames of a window under one complex basis, and the least-squares inverse: what every transform shares."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np


class Frames(ABC):
    """A window's frames, their complex coefficients, and back.

    A subclass sets `resolution` (rows), `nsamps` (samples of a window), `window` (samples of a frame), `frames`,
    `offsets` (first samples of the frames in a window; what runs past its end is cut off), `frequencies` (Hz,
    ascending), `basis` (complex128 [rows, window]: coefficients of a frame are basis @ frame) and `kept_as` (what
    type a shard keeps).
    """

    resolution: int
    nsamps: int
    window: int
    frames: int
    offsets: np.ndarray
    frequencies: np.ndarray
    basis: np.ndarray
    kept_as: type[np.floating]

    @abstractmethod
    def locate(self, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the frames of windows at `starts` lie, [positions, ...], and which are whose, [n, frames]."""

    @abstractmethod
    def parts(self, data: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Real and imaginary parts of the frames at `positions`, [positions, channels, rows] each.

        data: [channels, samples] uV.
        """

    @abstractmethod
    def decibels(self, power: np.ndarray) -> np.ndarray:
        """|coefficient|^2 -> dB, of the same shape."""

    @abstractmethod
    def magnitude(self, db: np.ndarray) -> np.ndarray:
        """Inverse of `decibels`, but for what it floors: dB -> |coefficient|, of the same shape."""

    @abstractmethod
    def stored(self, values: np.ndarray) -> np.ndarray:
        """Decibels or parts of coefficients as `kept_as`, of the same shape."""

    def gather(self, values: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Frames [positions, ..., rows] -> windows [n, ..., rows, frames] by `locate`'s index."""
        return np.ascontiguousarray(np.moveaxis(values[index], 1, -1))

    def transform(self, data: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Coefficients of the windows that begin at `starts`.

        data: [channels, samples] uV. Returns complex [n, channels, resolution, frames], lowest frequency first.
        """
        positions, index = self.locate(starts)
        real, imaginary = self.parts(data, positions)
        return self.gather(real + 1j * imaginary, index)

    def transform_windows(self, windows: np.ndarray) -> np.ndarray:
        """[n, channels, nsamps] uV -> complex [n, channels, resolution, frames]."""
        traces = windows.reshape(-1, self.nsamps)
        coefficients = self.transform(traces, np.zeros(1, np.int64))
        return coefficients.reshape(*windows.shape[:2], self.resolution, self.frames)

    def inverse(self, coefficients: np.ndarray, ridge: float = 1e-6) -> np.ndarray:
        """The windows whose coefficients are nearest in the least-squares sense.

        coefficients: complex [n, channels, resolution, frames]. Returns float32 [n, channels, nsamps] uV.
        ridge is relative to the largest row sum of `gram`; what rows and frames do not see (below the lowest row,
        the outermost samples of a window) comes out near zero. The normal equations are factored once per ridge.
        """
        from scipy.linalg import cho_solve

        samples = self.adjoint(coefficients)
        solved = cho_solve(self._factor(ridge), samples.reshape(-1, self.nsamps).T, check_finite=False)
        return solved.T.reshape(samples.shape).astype(np.float32)

    def gram(self) -> np.ndarray:
        """Frame operator of one window, float64 [nsamps, nsamps]: x @ gram @ x = sum of |coefficients|^2."""
        block = (self.basis.conj().T @ self.basis).real
        gram = np.zeros((self._reach, self._reach))
        for offset in self.offsets:
            span = slice(offset, offset + self.window)
            gram[span, span] += block
        return gram[: self.nsamps, : self.nsamps]

    def adjoint(self, coefficients: np.ndarray) -> np.ndarray:
        """The basis weighted by coefficients: [n, channels, rows, frames] -> float64 [n, channels, nsamps]."""
        n, channels, rows, frames = coefficients.shape
        weights = coefficients.transpose(0, 1, 3, 2).reshape(-1, rows)
        real, imaginary = self._real_basis
        waves = weights.real.astype(np.float64) @ real + weights.imag.astype(np.float64) @ imaginary
        waves = waves.reshape(n, channels, frames, self.window)
        samples = np.zeros((n, channels, self._reach))
        for frame, offset in enumerate(self.offsets):
            samples[:, :, offset : offset + self.window] += waves[:, :, frame]
        return samples[:, :, : self.nsamps]

    @cached_property
    def _real_basis(self) -> tuple[np.ndarray, np.ndarray]:
        return np.ascontiguousarray(self.basis.real), np.ascontiguousarray(self.basis.imag)

    @property
    def _reach(self) -> int:
        return max(self.nsamps, int(self.offsets[-1]) + self.window)

    @cached_property
    def _factors(self) -> dict[float, Any]:
        return {}

    def _factor(self, ridge: float) -> Any:
        from scipy.linalg import cho_factor

        if ridge not in self._factors:
            gram = self.gram()
            gram[np.diag_indices_from(gram)] += ridge * np.linalg.norm(gram, np.inf)
            self._factors[ridge] = cho_factor(gram, lower=True, check_finite=False)
        return self._factors[ridge]
