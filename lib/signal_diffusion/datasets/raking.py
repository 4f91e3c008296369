"""Iterative proportional fitting with bounds: the shares nearest to given ones that meet linear targets.

Each step multiplies the cells of one target by a factor, such that the target is met once every share is
within its bounds; without bounds that is the fitting of Deming and Stephan (1940), with them truncated
raking (Deville and Sarndal, 1992). The steps ascend the dual of "least Kullback-Leibler divergence from the
starting shares", so that they end at that one solution, whatever their order, where there is a solution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_LIMIT = 60.0  # of a step's logarithm: past e^60 every share is at a bound
_STEPS = 100
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Constraints:
    """`low <= rows @ shares <= high`; rows float64 [constraints, cells]."""

    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def violation(self, shares: np.ndarray) -> float:
        """The largest distance of a constraint's value from its interval."""
        values = self.rows @ shares
        return float(np.max(np.abs(values - np.clip(values, self.low, self.high)), initial=0.0))


def stack(parts: Sequence[Constraints]) -> Constraints:
    """All of them together."""
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "low", "high"))
    return Constraints(*joined)


def fit(
    start: np.ndarray,
    constraints: Constraints,
    least: np.ndarray,
    most: np.ndarray,
    sweeps: int,
    factors: np.ndarray | None = None,
) -> np.ndarray:
    """Shares [cells] nearest to `start` (positive) between `least` and `most` that meet the constraints.

    `factors` are logarithms to begin with, such as those of `ascend`. Where the constraints contradict each
    other or a bound, the result after `sweeps` rounds meets some of them only: ask `constraints.violation`.
    """
    factors = np.zeros(len(constraints.rows)) if factors is None else factors
    logs = np.log(start) + factors @ constraints.rows
    for _ in range(sweeps):
        for k, row in enumerate(constraints.rows):
            others = logs - factors[k] * row
            factors[k] = _factor(others, row, constraints.low[k], constraints.high[k], least, most)
            logs = others + factors[k] * row
        shares = _bounded(logs, least, most)
        if constraints.violation(shares) <= _TOLERANCE:
            break
    return shares


def ascend(start: np.ndarray, constraints: Constraints, least: np.ndarray, most: np.ndarray) -> np.ndarray:
    """The factors' logarithms [constraints] that `fit` goes to, by L-BFGS on the same dual.

    Much faster where the constraints can only just be met together, for there each of `fit`'s steps undoes
    most of the one before.
    """
    from scipy.optimize import minimize

    low, high = np.isfinite(constraints.low), np.isfinite(constraints.high)
    rows = np.concatenate([constraints.rows[low], -constraints.rows[high]])
    bounds = np.concatenate([constraints.low[low], -constraints.high[high]])

    def dual(factors: np.ndarray) -> tuple[float, np.ndarray]:
        logs = factors @ rows
        shares = _bounded(np.log(start) + logs, least, most)
        value = np.sum(shares * (logs - np.log(shares / start) + 1)) - factors @ bounds
        return value, rows @ shares - bounds

    options = {"maxiter": 2000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 30}
    positive = [(0, None)] * len(rows)
    found = minimize(dual, np.zeros(len(rows)), jac=True, method="L-BFGS-B", bounds=positive, options=options)
    factors = np.zeros(len(constraints.rows))
    factors[low] += found.x[: low.sum()]
    factors[high] -= found.x[low.sum() :]
    return factors


def _factor(
    logs: np.ndarray, row: np.ndarray, low: float, high: float, least: np.ndarray, most: np.ndarray
) -> float:
    """Logarithm of the factor that brings a constraint into its interval; 0 if it is there without one."""
    value = row @ _bounded(logs, least, most)
    if low <= value <= high:
        return 0.0
    return _solve(logs, row, low if value < low else high, least, most)


def _solve(logs: np.ndarray, row: np.ndarray, target: float, least: np.ndarray, most: np.ndarray) -> float:
    """Newton's method on a rising function, within a bracket that is halved whenever a step leaves it."""
    left, right, step = -_LIMIT, _LIMIT, 0.0
    for _ in range(_STEPS):
        shares = _bounded(logs + step * row, least, most)
        error = row @ shares - target
        if abs(error) <= _TOLERANCE / 1000 or right - left <= _TOLERANCE / 1000:
            break
        left, right = (left, step) if error > 0 else (step, right)
        slope = np.square(row) @ (shares * ((shares > least) & (shares < most)))
        step = step - error / slope if slope > 0 else right + 1
        if not left < step < right:
            step = (left + right) / 2
    return step


def _bounded(logs: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
    return np.clip(np.exp(np.minimum(logs, _LIMIT)), least, most)
