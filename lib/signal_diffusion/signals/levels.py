"""Values to 8 bits and back: companded by the mu-law, or around a circle.

The parts of a coefficient span a hundredfold range between loud and quiet people, and between slow and fast rows.
So each row has a scale of its own, and levels are spaced by the mu-law of telephony (ITU-T G.711, mu = 255), nearly
in proportion to the value. docs/representations.md measures this against equal spacing.
"""

import numpy as np

MU = 255
ZERO = 128  # the level of 0 where values have a sign; 1 and 255 are minus and plus the scale


def signed_levels(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Values of either sign -> uint8 of the same shape, clipped at plus and minus `scale` (broadcast)."""
    magnitude = _compressed(np.abs(values), scale) * np.float32(ZERO - 1)
    return (np.copysign(np.rint(magnitude), values) + np.float32(ZERO)).astype(np.uint8)


def from_signed_levels(levels: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Inverse of `signed_levels`, float32; level 0, which it never gives, is read as 1."""
    steps = np.maximum(levels, 1).astype(np.float32) - np.float32(ZERO)
    return np.copysign(_expanded(np.abs(steps) / np.float32(ZERO - 1), scale), steps)


def magnitude_levels(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Values of 0 or more -> uint8 of the same shape: 0 -> 0, `scale` (broadcast) and more -> 255."""
    return np.rint(_compressed(values, scale) * np.float32(255)).astype(np.uint8)


def from_magnitude_levels(levels: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Inverse of `magnitude_levels`, float32."""
    return _expanded(levels.astype(np.float32) / np.float32(255), scale)


def phase_levels(values: np.ndarray) -> np.ndarray:
    """Radians -> uint8 of the same shape: a turn has 256 levels, and 128 is 0."""
    turns = np.asarray(values, np.float32) * np.float32(ZERO / np.pi)
    return (np.rint(turns).astype(np.int16) + ZERO).astype(np.uint8)


def from_phase_levels(levels: np.ndarray) -> np.ndarray:
    """Inverse of `phase_levels`, float32 radians from -pi to less than pi."""
    return (levels.astype(np.float32) - np.float32(ZERO)) * np.float32(np.pi / ZERO)


def _compressed(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    ratio = np.asarray(values, np.float32) * (np.float32(MU) / np.asarray(scale, np.float32))
    return np.log1p(np.minimum(ratio, np.float32(MU))) * np.float32(1 / np.log1p(MU))


def _expanded(fractions: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.expm1(fractions * np.float32(np.log1p(MU))) * (np.asarray(scale, np.float32) / np.float32(MU))
