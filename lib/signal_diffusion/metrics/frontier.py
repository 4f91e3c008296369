"""Several generated sets against one reference: how good each is, as one number that their intervals share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.metrics.comparison import Comparison, compare_sets, way_closed
from signal_diffusion.metrics.distances import frechet, gaussian
from signal_diffusion.metrics.features import Standardiser
from signal_diffusion.metrics.resampling import estimate
from signal_diffusion.metrics.sets import ImageSet

JUDGED = ("mmd", "frechet")
NEAR = 0.05  # a set within 5 % of the best quality is called as good
BASELINES = ("pixel_gaussian", "phase_shuffled", "pixel_shuffled", "untrained")
FLOOR = "floor"
Shares = dict[str, np.ndarray]


def compare_paired(
    sets: Mapping[str, ImageSet],
    untrained: ImageSet,
    train: ImageSet,
    reference: ImageSet,
    bootstrap: int,
    seed: int,
) -> Comparison:
    """Sets of one size, one of them `generated`, resampled together: image i of each has the same noise and labels."""
    found = compare_sets({**sets, "untrained": untrained}, train, reference, bootstrap, seed)
    shared = {name: found.weights["generated"] for name in sets}
    return replace(found, weights=found.weights | shared)


def judge(
    comparison: Comparison, spaces: Mapping[str, Callable[[np.ndarray], np.ndarray]], train: ImageSet
) -> dict[tuple[str, str], Shares]:
    """Distances from the reference of all sets, floor and baselines, [1 + replicates] each, by (space, distance)."""
    found = {}
    for space, extract in spaces.items():
        standardiser = Standardiser.fit(extract(train.images), comparison.size)
        features = {name: extract(one.images) for name, one in comparison.sets.items()}
        full = {name: standardiser.standardise(rows) for name, rows in features.items()}
        reduced = {name: standardiser.reduce(rows) for name, rows in features.items()}
        found[space, "mmd"] = comparison.mmd(gaussian(standardiser.width), full)
        found[space, "frechet"] = comparison.each(frechet, reduced)
    return found


def closed(distances: Shares) -> Shares:
    """Share of the way from the best baseline to the floor that each set has come, in every replicate."""
    best = np.min([distances[name] for name in BASELINES], axis=0)
    judged = (name for name in distances if name not in (*BASELINES, FLOOR))
    return {name: way_closed(distances[name], distances[FLOOR], best) for name in judged}


def qualities(distances: Mapping[tuple[str, str], Shares]) -> Shares:
    """Quality of each set: the mean of its closed shares over those feature spaces and distances that have a way.

    UserError where none has: real training windows are no nearer to unseen ones than the best baseline.
    """
    shares = [share for share in map(closed, distances.values()) if _defined(share)]
    if not shares:
        raise UserError(
            "quality cannot be measured: by no distance are real training windows nearer to the unseen ones than the "
            "best baseline is; have more subjects in evaluation.reference_split"
        )
    return {name: np.mean([share[name] for share in shares], axis=0) for name in shares[0]}


def _defined(share: Shares) -> bool:
    return all(np.isfinite(values[0]) for values in share.values())


def verdict(quality: Shares, calls: Mapping[str, int], default: str, units: int) -> dict[str, Any]:
    """The default beside the best of all sets, and the fewest calls that come within 5 % of that.

    `ratio` is the default's quality over the best one's, with the interval of the paired bootstrap; `near` says
    whether it is 0.95 or more, `a_fifth` whether the default makes at most a fifth of the best one's calls.
    """
    best = max(quality, key=lambda name: (quality[name][0], -calls[name]))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = estimate(quality[default] / quality[best], units)
    least = quality[best][0] - NEAR * abs(quality[best][0])
    good = [name for name in quality if quality[name][0] >= least]
    return {
        "default": default,
        "best": best,
        "ratio": ratio,
        "near": default in good,
        "a_fifth": 5 * calls[default] <= calls[best],
        "fewest": min(good, key=lambda name: (calls[name], -quality[name][0])),
    }


def rows_of(
    distances: Mapping[tuple[str, str], Shares], names: Sequence[str], units: int
) -> list[dict[str, Any]]:
    """One row per set, space and distance: the distance and the share closed, with intervals over `units` subjects."""
    rows = []
    for (space, distance), values in distances.items():
        shares = closed(values)
        for name in names:
            row = {"set": name, "features": space, "distance": distance}
            rows.append(row | _ends("value", values[name], units) | _ends("closed", shares[name], units))
    return rows


def _ends(name: str, values: np.ndarray, units: int) -> dict[str, float | None]:
    found = estimate(values, units)
    return {name: found["value"], f"{name}_low": found["low"], f"{name}_high": found["high"]}
