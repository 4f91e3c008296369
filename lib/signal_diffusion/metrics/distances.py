"""Distances between two weighted sets of features, for all bootstrap replicates at once.

`weights` are those of `resampling.group_weights`, float [replicates, n]; each function returns [replicates].
"""

from collections.abc import Callable

import numpy as np

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kernel (x.y / d + 1)^3 of the kernel inception distance (Bińkowski et al. 2018): [n, m]."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def gaussian(width: float) -> Kernel:
    """Kernel exp(-|x - y|^2 / width), `width` in squared feature units (Gretton et al. 2012)."""
    return lambda x, y: np.exp(-squared_distances(x, y) / width)


def squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances of rows [n, d], [m, d]: [n, m]."""
    squares = np.einsum("nd,nd->n", x, x)[:, None] + np.einsum("md,md->m", y, y)
    return np.maximum(squares - 2 * x @ y.T, 0)


def mmd(
    kernel: Kernel,
    x: np.ndarray,
    y: np.ndarray,
    groups: tuple[np.ndarray, np.ndarray],
    weights: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Unbiased squared maximum mean discrepancy of features [n, d] and [m, d] (Gretton et al. 2012).

    Its expectation is zero for two samples of one population, so that it can be below zero. Pairs within
    a group are left out, not only an image with itself: two windows of one person are not two draws from
    the population. NaN where a set has no other pairs.
    """
    x_weights, y_weights = weights
    across = np.einsum("bm,bm->b", x_weights @ kernel(x, y), y_weights)
    across /= x_weights.sum(axis=1) * y_weights.sum(axis=1)
    return _within(kernel, x, groups[0], x_weights) + _within(kernel, y, groups[1], y_weights) - 2 * across


def _within(kernel: Kernel, x: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    apart = (groups[:, None] != groups[None, :]).astype(np.float64)
    total = np.einsum("bn,bn->b", weights @ (kernel(x, x) * apart), weights)
    pairs = np.einsum("bn,bn->b", weights @ apart, weights)
    return total / np.where(pairs > 0, pairs, np.nan)


def frechet(x: np.ndarray, y: np.ndarray, weights: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Squared Fréchet distance of Gaussians fitted to both sets (Dowson and Landau 1982; Heusel et al. 2017).

    Features [n, d], [m, d]. The trace of the geometric mean comes from the eigenvalues of the symmetric
    product Sx^1/2 Sy Sx^1/2, which needs no inverse and no shrinkage. Biased upwards by the sampling
    error of both covariances: compare only values with the same numbers of images.
    """
    (x_mean, x_covariance), (y_mean, y_covariance) = _moments(x, weights[0]), _moments(y, weights[1])
    root = _square_root(x_covariance)
    product = np.linalg.eigvalsh(root @ y_covariance @ root)
    shared = np.sqrt(np.maximum(product, 0)).sum(axis=1)
    traces = np.trace(x_covariance, axis1=1, axis2=2) + np.trace(y_covariance, axis1=1, axis2=2)
    return ((x_mean - y_mean) ** 2).sum(axis=1) + traces - 2 * shared


def mean_gap(x: np.ndarray, y: np.ndarray, weights: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Mean absolute difference of the two sets' means, in the unit of the features [n, d], [m, d]."""
    return np.abs(weighted_mean(x, weights[0]) - weighted_mean(y, weights[1])).mean(axis=1)


def weighted_mean(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Features [n, d] under weights [replicates, n] to means [replicates, d]."""
    return weights @ x / weights.sum(axis=1, keepdims=True)


def _moments(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = weighted_mean(x, weights)
    total = weights.sum(axis=1)[:, None, None]
    second = np.stack([(x * row[:, None]).T @ x for row in weights]) / total
    covariance = second - mean[:, :, None] * mean[:, None, :]
    return mean, covariance * total / (total - 1)


def _square_root(matrices: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrices)
    return (vectors * np.sqrt(np.maximum(values, 0))[:, None, :]) @ vectors.transpose(0, 2, 1)
