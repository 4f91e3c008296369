"""Whether generated images stand closer to training images than real images of unseen people do."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from signal_diffusion.config.images import IMAGES
from signal_diffusion.metrics.distances import squared_distances
from signal_diffusion.metrics.resampling import Estimate, estimate
from signal_diffusion.metrics.sets import BLOCK
from signal_diffusion.metrics.spectra import decibels

LOW_QUANTILE = 0.05


def nearest(queries: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Root mean square distance of each query [n, d] to the nearest row of the pool [m, d]."""
    return np.sqrt(squared_distances(queries, pool).min(axis=1) / queries.shape[1])


def nearest_pixels(queries: np.ndarray, pool: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    """Root mean square difference (dB, levels of other images) of each image to its nearest in `pool`; uint8 [n, ...].

    The pool is read in blocks, so that it may be a memory map of any length.
    """
    rows = _flat(queries, spec)
    blocks = (_flat(pool[start : start + BLOCK], spec) for start in range(0, len(pool), BLOCK))
    return np.minimum.reduce([nearest(rows, block) for block in blocks])


def compare(
    generated: np.ndarray,
    unseen: np.ndarray,
    weights: tuple[np.ndarray, np.ndarray],
    units: tuple[int, int],
) -> dict[str, Any]:
    """Nearest-training distances of generated [n] beside those of unseen real images [m], intervals over their `units`.

    `below` is the share of generated images that stand nearer than the lowest 5 % of the unseen real
    ones: 0.05 when both are alike, near 1 when training images are copied. `nearer` is true when the
    whole interval of the ratio of medians lies below 1.
    """
    ours, theirs = (_quantiles(x, w) for x, w in zip((generated, unseen), weights, strict=True))
    below = (generated[None] < theirs[:, :1]) * weights[0]
    few = min(units)
    ratio = estimate(ours[:, 1] / theirs[:, 1], few)
    return {
        "generated": _both(ours, units[0]),
        "unseen": _both(theirs, units[1]),
        "median_ratio": ratio,
        "below": estimate(below.sum(axis=1) / weights[0].sum(axis=1), few),
        "nearer": ratio["high"] is not None and ratio["high"] < 1,
    }


def _both(quantiles: np.ndarray, units: int) -> dict[str, Estimate]:
    return {name: estimate(quantiles[:, n], units) for n, name in enumerate(("low_quantile", "median"))}


def _flat(images: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    if spec.get("representation") == IMAGES:
        return images.reshape(len(images), -1).astype(np.float32) - 127.5
    middle = np.float32(
        (spec["min_db"] + spec["max_db"]) / 2
    )  # small numbers keep float32 products exact enough
    return (decibels(images, spec) - middle).reshape(len(images), -1)


def _quantiles(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The low quantile and the median of values [n] under weights [replicates, n]: [replicates, 2]."""
    order = np.argsort(values)
    cumulated = np.cumsum(weights[:, order], axis=1)
    wanted = np.array([LOW_QUANTILE, 0.5])[None, :, None] * cumulated[:, -1:, None]
    return values[order][(cumulated[:, None, :] < wanted).sum(axis=2)]
