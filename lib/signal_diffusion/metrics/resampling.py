"""Bootstrap over groups, as weights, so that a replicate costs a product instead of a copy."""

import numpy as np

LEVEL = 0.95


def group_weights(groups: np.ndarray, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Weights float64 [1 + replicates, n]: row 0 is the sample itself, each other row one cluster bootstrap.

    A replicate draws as many groups as there are, with replacement; an image weighs as often as its
    group was drawn (Field and Welsh 2007, "Bootstrapping clustered data").
    """
    members = np.unique(groups, return_inverse=True)[1]
    count = members.max() + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=replicates)
    return np.vstack([np.ones(len(groups)), drawn[:, members]]).astype(np.float64)


def estimate(values: np.ndarray, least: float = -np.inf) -> dict[str, float | None]:
    """`value` with its percentile interval `low` to `high`, from [1 + replicates] values.

    The first value is the sample's own. The replicates are moved so that their median is the estimate: a
    bootstrap sample holds fewer distinct images, which alone moves a distance upwards. `low` is not below
    `least`, the smallest possible value. None stands for what is not finite.
    """
    point, replicates = values[0], values[1:][np.isfinite(values[1:])]
    if not np.isfinite(point) or not len(replicates):
        return {"value": _number(point), "low": None, "high": None}
    tail = (1 - LEVEL) / 2
    low, middle, high = np.quantile(replicates, [tail, 0.5, 1 - tail])
    low, high = max(point + low - middle, least), max(point + high - middle, least)
    return {"value": _number(point), "low": _number(low), "high": _number(high)}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
