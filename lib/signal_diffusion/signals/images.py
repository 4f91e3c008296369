"""Spectrogram windows as square 8-bit images: one tile per channel, low frequencies at the bottom."""

import numpy as np

from signal_diffusion.errors import UserError

POWER_FLOOR = 1e-4  # uV^2/Hz, -40 dB: below the noise of EEG amplifiers, so what lies lower was filtered away


def decibels(power: np.ndarray) -> np.ndarray:
    """Power spectral density in uV^2/Hz -> float32 dB re 1 uV^2/Hz of the same shape, at least -40 dB."""
    logarithm = np.log(np.maximum(power, np.float32(POWER_FLOOR)))
    logarithm *= np.float32(10 / np.log(10))
    return logarithm


def amplitudes(db: np.ndarray) -> np.ndarray:
    """dB re 1 uV^2/Hz -> float32 uV per root Hz of the same shape: the root of what `decibels` was given."""
    return np.exp(np.asarray(db, np.float32) * np.float32(np.log(10) / 20))


def half_precision(values: np.ndarray) -> np.ndarray:
    """float32 -> float16 of the same shape, as `astype` rounds it, but 0 below 2^-14; at most 65504.

    numpy converts one value after the other in software, a third of the time of a shard; here the bits of all
    values are rounded at once (to nearest, ties to even).
    """
    bits = values.view(np.uint32)
    rounded = bits & np.uint32(0x7FFFFFFF)
    normal = rounded >= np.uint32(113 << 23)
    odd = (bits >> np.uint32(13)) & np.uint32(1)
    rounded += odd
    rounded += np.uint32(0xFFF)
    rounded >>= np.uint32(13)
    rounded -= np.uint32(112 << 10)  # the exponents' biases are 127 and 15
    rounded *= normal
    np.right_shift(bits, np.uint32(16), out=odd)
    odd &= np.uint32(0x8000)
    rounded |= odd
    return rounded.astype(np.uint16).view(np.float16)


def content_columns(resolution: int, n_channels: int, frames: int) -> slice:
    """The image columns that hold channels; the columns beside them are padding, always 0."""
    width = n_channels * frames
    if width > resolution:
        raise UserError(
            f"{n_channels} channels of {frames} frames need {width} columns, the image has {resolution}: "
            "raise spectrogram.resolution or choose fewer channels"
        )
    left = (resolution - width) // 2
    return slice(left, left + width)


def tile(windows: np.ndarray, resolution: int) -> np.ndarray:
    """Channels side by side, centred, highest frequency in the first image row, 0 outside.

    windows: [n, channels, rows, frames], row 0 the lowest frequency, rows = resolution.
    Returns [n, resolution, resolution] of the same type.
    """
    n, channels, rows, frames = windows.shape
    if rows != resolution:
        raise UserError(f"windows have {rows} rows, the image needs {resolution}: build the shards anew")
    columns = content_columns(resolution, channels, frames)
    images = np.zeros((n, resolution, resolution), dtype=windows.dtype)
    content = windows[:, :, ::-1].transpose(0, 2, 1, 3)
    images[:, :, columns] = content.reshape(n, rows, channels * frames)
    return images


def untile(images: np.ndarray, n_channels: int, frames: int) -> np.ndarray:
    """Inverse of `tile`: [n, resolution, resolution] -> [n, channels, rows, frames]."""
    n, rows, resolution = images.shape
    content = images[:, ::-1, content_columns(resolution, n_channels, frames)]
    return content.reshape(n, rows, n_channels, frames).transpose(0, 2, 1, 3)


def quantise(db: np.ndarray, min_db: float, max_db: float) -> np.ndarray:
    """dB -> uint8 of the same shape: min_db -> 0, max_db -> 255, rounded to nearest, clipped outside."""
    if not min_db < max_db:
        raise UserError(f"spectrogram.min_db = {min_db} must be below spectrogram.max_db = {max_db}")
    scaled = (np.asarray(db, dtype=np.float32) - np.float32(min_db)) * np.float32(255 / (max_db - min_db))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def dequantise(levels: np.ndarray, min_db: float, max_db: float) -> np.ndarray:
    """uint8 levels -> float32 dB, the middle of each level's range of values."""
    return levels.astype(np.float32) * np.float32((max_db - min_db) / 255) + np.float32(min_db)


def quantise_truncated(db: np.ndarray, min_db: float, max_db: float) -> np.ndarray:
    """dB -> uint8 of the same shape as the predecessor did it: clipped, max_db -> 255, rounded down."""
    scaled = (np.clip(np.asarray(db, np.float64), min_db, max_db) - min_db) / (max_db - min_db)
    return (scaled * 255).astype(np.uint8)


def dequantise_truncated(levels: np.ndarray, min_db: float, max_db: float) -> np.ndarray:
    """Inverse of `quantise_truncated`: float32 dB, the middle of what each level stands for."""
    middles = np.minimum(np.arange(256) + 0.5, 255) * ((max_db - min_db) / 255) + min_db
    return middles.astype(np.float32)[levels]
