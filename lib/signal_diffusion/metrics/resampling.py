"""Bootstrap over groups, as weights, so that a replicate costs a product instead of a copy."""

import numpy as np

LEVEL = 0.95
DEFINED = 0.8  # share of the replicates that a number must be defined in for an interval


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


def expanded_estimate(values: np.ndarray, units: int) -> dict[str, float | str | None]:
    """`value` with its expanded percentile interval `low` to `high`, from [1 + replicates] values.

    The first value is the sample's own; `units` is how many groups were resampled. The percentiles lie further out
    than the plain ones, by the ratio of Student's t with `units` - 1 degrees of freedom to the normal, and by
    sqrt(n / (n - 1)), for a bootstrap of few units is too narrow (Hesterberg 2015, "What teachers should know about
    the bootstrap", section 5.2). A number that cannot be known is None, and `unknown` says why.
    """
    point, replicates = values[0], values[1:]
    found = {"value": _number(point), "low": None, "high": None}
    if not np.isfinite(point):
        return found | {"unknown": "it is not defined for these rows"}
    if units < 2:
        return found | {"unknown": "one subject alone gives no interval"}
    defined = replicates[np.isfinite(replicates)]
    if len(defined) < DEFINED * len(replicates):
        return found | {"unknown": "too few subjects carry one of the classes for an interval"}
    low, high = np.quantile(defined, _expanded_tails(units))
    return found | {"low": _number(low), "high": _number(high)}


def _expanded_tails(units: int) -> tuple[float, float]:
    from scipy.special import ndtr, stdtrit

    tail = ndtr(-np.sqrt(units / (units - 1)) * stdtrit(units - 1, (1 + LEVEL) / 2))
    return float(tail), float(1 - tail)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
