"""The feature spaces in which sets of images are compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from signal_diffusion.config.images import IMAGES
from signal_diffusion.metrics.distances import squared_distances
from signal_diffusion.metrics.sets import in_blocks
from signal_diffusion.metrics.spectra import band_rows, decibels

SPECTRUM_GROUPS = 24
MAX_COMPONENTS = 32
IMAGES_PER_COMPONENT = 4
WIDTH_IMAGES = 1000
CELLS = 8
Extract = Callable[[np.ndarray], np.ndarray]


def feature_spaces(spec: Mapping[str, Any], encoder: Extract | None = None) -> dict[str, Extract]:
    """Each space by its name, as a function of images uint8 [n, 1, height, width]; `encoder` gives a second one.

    Images that are no spectrograms have no bands: of them, and of all their planes, there is the space `image`.
    """
    if spec.get("representation") == IMAGES:
        return {"image": lambda images: in_blocks(image_features, images)}
    spaces: dict[str, Extract] = {"spectral": lambda images: spectral_features(images, spec)}
    if encoder is not None:
        spaces["encoder"] = lambda images: in_blocks(encoder, images).astype(np.float64)
    return spaces


def image_features(images: np.ndarray) -> np.ndarray:
    """Images uint8 [n, planes, height, width] to float64 [n, features], in units of the range 0 to 1.

    Mean and standard deviation of each plane in each cell of an 8 x 8 grid (fewer where pixels are), and the mean size
    of differences between neighbouring pixels across and down: what is where, how rough, and how sharp.
    """
    pixels = images.astype(np.float64) / 255
    side = min(CELLS, *images.shape[-2:])
    cells = [np.array_split(rows, side, axis=3) for rows in np.array_split(pixels, side, axis=2)]
    flat = [cell for row in cells for cell in row]
    means = np.stack([cell.mean(axis=(2, 3)) for cell in flat], axis=1)
    spreads = np.stack([cell.std(axis=(2, 3)) for cell in flat], axis=1)
    edges = [np.abs(np.diff(pixels, axis=axis)).mean(axis=(2, 3)) for axis in (2, 3)]
    return np.concatenate([part.reshape(len(images), -1) for part in (means, spreads, *edges)], axis=1)


def spectral_features(images: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    """Images uint8 [n, 1, height, width] to float64 [n, features], all in dB.

    Power of each channel in each band (mean over rows and frames), the spectrum averaged over channels
    and frames in up to 24 log-spaced groups of rows, and for each band the standard deviation over
    frames of a channel's power, averaged over channels.
    """
    frequencies = np.asarray(spec["frequencies"], dtype=np.float64)
    return in_blocks(lambda block: _spectral_block(decibels(block, spec), frequencies), images)


def _spectral_block(windows: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    bands = np.stack([windows[:, :, rows].mean(axis=2) for rows in band_rows(frequencies).values()], axis=2)
    spectrum = windows.mean(axis=(1, 3))
    groups = [spectrum[:, rows].mean(axis=1) for rows in _row_groups(frequencies)]
    power = bands.mean(axis=3).reshape(len(windows), -1)
    variability = bands.std(axis=3).mean(axis=1)
    return np.concatenate([power, np.stack(groups, axis=1), variability], axis=1).astype(np.float64)


def _row_groups(frequencies: np.ndarray) -> list[np.ndarray]:
    # The images of the old system have a row at 0 Hz, which joins the lowest group.
    edges = np.geomspace(frequencies[frequencies > 0][0], frequencies[-1], SPECTRUM_GROUPS + 1)
    group = np.clip(np.searchsorted(edges, frequencies, side="right") - 1, 0, SPECTRUM_GROUPS - 1)
    return [np.flatnonzero(group == index) for index in np.unique(group)]


@dataclass(frozen=True)
class Standardiser:
    """Features in units of the training set's standard deviation.

    `axes` [features, components] are their leading principal axes, `width` is the median squared
    distance of two training images: the Gaussian kernel's width.
    """

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    width: float

    @classmethod
    def fit(cls, training: np.ndarray, size: int) -> "Standardiser":
        """Statistics of the training features [n, features]; `size` is the number of images to be compared.

        At most 32 principal axes are kept, and at most one per 4 images, because the sampling error
        of a covariance grows with its dimension. A feature that hardly varies is not blown up: no
        scale is below a tenth of the median one.
        """
        mean, scale = training.mean(axis=0), training.std(axis=0)
        scale = np.maximum(scale, 0.1 * np.median(scale) + np.finfo(float).tiny)
        rows = (training - mean) / scale
        _, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
        kept = max(1, min(MAX_COMPONENTS, size // IMAGES_PER_COMPONENT, training.shape[1]))
        some = rows[:: -(-len(rows) // WIDTH_IMAGES)]
        distances = squared_distances(some, some)[np.triu_indices(len(some), 1)]
        return cls(mean, scale, vectors[:, ::-1][:, :kept], float(np.median(distances)))

    def standardise(self, features: np.ndarray) -> np.ndarray:
        """[n, features] to [n, features]."""
        return (features - self.mean) / self.scale

    def reduce(self, features: np.ndarray) -> np.ndarray:
        """[n, features] to coordinates on the principal axes [n, components]."""
        return self.standardise(features) @ self.axes
