"""Bootstrap over groups, as weights, so that a replicate costs a product instead of a copy."""

import numpy as np

LEVEL = 0.95
Estimate = dict[str, float | str | None]
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


def estimate(values: np.ndarray, units: int, least: float = -np.inf) -> Estimate:
    """`value` with its expanded percentile interval `low` to `high`, from [1 + replicates] values of a distance.

    As `expanded_estimate`, but the replicates are moved so that their median is the estimate: a bootstrap sample
    holds fewer distinct images, which alone moves a distance upwards. `low` is not below `least`, the smallest
    possible value.
    """
    found, defined = _defined(values, units, "fewer than 80 % of the resamples of so few subjects define it")
    if defined is None:
        return found
    low, middle, high = np.quantile(defined, np.insert(_expanded_tails(units), 1, 0.5))
    low, high = (max(values[0] + end - middle, least) for end in (low, high))
    return found | {"low": _number(low), "high": _number(high)}


def expanded_estimate(values: np.ndarray, units: int) -> Estimate:
    """`value` with its expanded percentile interval `low` to `high`, from [1 + replicates] values.

    The first value is the sample's own; `units` is how many groups were resampled. The percentiles lie further out
    than the plain ones, by the ratio of Student's t with `units` - 1 degrees of freedom to the normal, and by
    sqrt(n / (n - 1)), for a bootstrap of few units is too narrow (Hesterberg 2015, "What teachers should know about
    the bootstrap", section 5.2). A number that cannot be known is None, and `unknown` says why.
    """
    found, defined = _defined(values, units, "too few subjects carry one of the classes for an interval")
    if defined is None:
        return found
    low, high = np.quantile(defined, _expanded_tails(units))
    return found | {"low": _number(low), "high": _number(high)}


def _defined(values: np.ndarray, units: int, too_few: str) -> tuple[Estimate, np.ndarray | None]:
    """The sample's own value, and the replicates that an interval may rest on; None where nothing can."""
    found = {"value": _number(values[0]), "low": None, "high": None}
    defined = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]):
        return found | {"unknown": "it is not defined for these rows"}, None
    if units < 2:
        return found | {"unknown": "one subject alone gives no interval"}, None
    if not len(defined) or len(defined) < DEFINED * (len(values) - 1):
        return found | {"unknown": too_few}, None
    return found, defined


def _expanded_tails(units: int) -> tuple[float, float]:
    from scipy.special import ndtr, stdtrit

    tail = ndtr(-np.sqrt(units / (units - 1)) * stdtrit(units - 1, (1 + LEVEL) / 2))
    return float(tail), float(1 - tail)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
