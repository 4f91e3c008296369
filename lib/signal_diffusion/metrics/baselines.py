"""What a generator must beat: images that need no model, made from the training set.

All take and return uint8 [n, channels, height, width].
"""

import numpy as np

from signal_diffusion.metrics.sets import BLOCK


def pixel_gaussian(training: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` images of independent pixels, each with its training mean and standard deviation."""
    mean, square = np.zeros(training.shape[1:]), np.zeros(training.shape[1:])
    for start in range(0, len(training), BLOCK):
        block = training[start : start + BLOCK].astype(np.float64)
        mean += block.sum(axis=0) / len(training)
        square += (block**2).sum(axis=0) / len(training)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return _pixels(mean + deviation * rng.standard_normal((count, *mean.shape), dtype=np.float32))


def phase_shuffled(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image with the phases of its 2-D spectrum drawn at random (surrogates, Theiler et al. 1992)."""
    shape = images.shape[-2:]
    noise = np.fft.rfft2(rng.standard_normal(images.shape, dtype=np.float32))
    spectrum = np.abs(np.fft.rfft2(images.astype(np.float32)))
    phases = noise / np.maximum(np.abs(noise), np.finfo(np.float32).tiny)
    phases[..., 0, 0] = 1
    return _pixels(np.fft.irfft2(spectrum * phases, s=shape))


def pixel_shuffled(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image with its pixels in random order."""
    flat = images.reshape(len(images), -1)
    return rng.permuted(flat, axis=1).reshape(images.shape)


def _pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
