"""Sampling weights of the training windows, under which labels are balanced together.

They depend on counts alone: neither the order of the datasets nor that of the rows matters (but for the
legacy method, whose fault that was).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from signal_diffusion.datasets.cells import Cells, cells_of
from signal_diffusion.datasets.legacy_weights import legacy_weights
from signal_diffusion.datasets.raking import Constraints, ascend, fit, stack
from signal_diffusion.datasets.targets import (
    CLOSE,
    JOINT,
    Reach,
    Target,
    joint_target,
    label_targets,
    total,
)
from signal_diffusion.errors import UserError

if TYPE_CHECKING:
    from signal_diffusion.config.balance import Weights

LEAST = 1e-3  # of the mean: no window is left out altogether
_SWEEPS = 200  # until targets that are not reached are put to a linear programme
_ROOM = 1e-3  # around targets that are just possible, so that the fitting ends
_EXACT = 1e-4
_DIGITS = 7


@dataclass(frozen=True)
class Weighting:
    """`weights` float64 [rows] with mean 1, the cells that they belong to and what they were to reach.

    `least` holds, for each target that cannot be reached within 2 %, the smallest possible largest
    deviation from it (relative to its shares) that a linear programme finds; `joint` among them. Only what
    fitting made is `proven`: the legacy method aims at nothing.
    """

    weights: np.ndarray
    cells: Cells
    targets: tuple[Target, ...]
    joint: Target
    least: dict[str, float]
    proven: bool = True

    @property
    def effective(self) -> float:
        """Effective sample size of the weighted windows."""
        return effective_size(self.weights)

    @property
    def cell_weights(self) -> np.ndarray:
        """Mean weight of each cell, float64 [cells]."""
        return np.bincount(self.cells.rows, self.weights, len(self.cells)) / self.cells.sizes

    @property
    def before(self) -> np.ndarray:
        """Share of each cell among the windows, float64 [cells]."""
        return self.cells.sizes / self.cells.sizes.sum()

    @property
    def after(self) -> np.ndarray:
        """Share of each cell among the draws, float64 [cells]."""
        return self.before * self.cell_weights

    @property
    def absent(self) -> int:
        """Combinations of known classes that no window has."""
        return int(np.prod([len(target.values) for target in self.targets])) - len(self.joint.values)


def sampling_weights(metadata: pd.DataFrame, config: "Weights", datasets: Sequence[str] = ()) -> Weighting:
    """Weights of the rows (training windows) under which the tasks of `[weights]` reach their targets.

    The labels' shares are met exactly if they can be; among the weights that do, these are the nearest to
    independent labels (every combination the product of its labels' shares). No row is drawn more than
    `max_sampling_weight` times as often as the mean row. `datasets`, in the recipe's order, is read by the
    legacy method alone. UserError for tasks, targets or a cap that cannot stand.
    """
    cells = cells_of(metadata, config.tasks, config.age_bins)
    targets = tuple(target for target in label_targets(cells, config.targets) if target.values)
    joint = joint_target(cells, targets)
    if config.method == "legacy":
        weights = legacy_weights(metadata, datasets, config.tasks, config.max_sampling_weight)
        return Weighting(weights, cells, targets, joint, {}, proven=False)
    sizes = cells.sizes / cells.sizes.sum()
    least, most = LEAST * sizes, _cap(config.max_sampling_weight) * sizes
    shares, missed = _balanced(cells, targets, joint, least, most)
    # Rounded, for the last digits hang on how many cores add the shares up.
    per_cell = np.clip(np.round(shares / sizes, _DIGITS), LEAST, _cap(config.max_sampling_weight))
    weights = per_cell[cells.rows]
    return Weighting(weights, cells, targets, joint, missed)


def effective_size(weights: np.ndarray) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2."""
    return float(np.sum(weights) ** 2 / np.sum(np.square(weights)))


def _cap(cap: float | None) -> float:
    if cap is not None and cap < 1:
        raise UserError(f"max_sampling_weight is {cap}; it must be 1 or more, for 1 is the mean weight")
    return np.inf if cap is None else cap


def _balanced(
    cells: Cells, targets: Sequence[Target], joint: Target, least: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, dict[str, float]]:
    """Shares of the cells, and the targets that these cannot reach, each with its least deviation."""
    start, reach = _independent(cells, targets), Reach(cells, least, most)
    exact = stack([total(cells), *(target.constraints(0) for target in targets)])
    shares, missed = fit(start, exact, least, most, _SWEEPS), {}
    if exact.violation(shares) > _EXACT:
        missed = reach.missed(targets)
        nearest = _nearest(targets, missed, reach)
        shares = fit(start, nearest, least, most, _SWEEPS, ascend(start, nearest, least, most))
    if abs(joint.shares.sum() - 1) < 1e-9 and joint.deviation(shares) > CLOSE:
        kept = [(target, missed.get(target.name, CLOSE)) for target in targets]
        missed |= {JOINT: reach.smallest(joint, kept)}
    return shares, missed


def _nearest(targets: Sequence[Target], missed: dict[str, float], reach: Reach) -> Constraints:
    """Each target in turn as near as those before it allow, while those to come stay reached."""
    kept = []
    for place, target in enumerate(targets):
        coming = [(other, CLOSE) for other in targets[place + 1 :] if other.name not in missed]
        slack = reach.nearest(target, [*kept, *coming])
        kept.append((target, np.where(slack <= CLOSE, np.minimum(slack + _ROOM, CLOSE), slack + _ROOM)))
    return stack([reach.total, *(target.constraints(slack) for target, slack in kept)])


def _independent(cells: Cells, targets: Sequence[Target]) -> np.ndarray:
    """Shares of independent labels, float64 [cells]: products of the targets of the labels that are known.

    Cells that know the same labels have together the share that they have among the windows.
    """
    known = np.ones((len(targets), len(cells)), bool)
    products = np.ones(len(cells))
    for k, target in enumerate(targets):
        known[k] = target.members.any(axis=0)
        products[known[k]] *= (target.shares @ target.members)[known[k]]
    patterns = np.unique(known, axis=1, return_inverse=True)[1].reshape(-1)
    before = np.bincount(patterns, cells.sizes) / cells.sizes.sum()
    return products * (before / np.bincount(patterns, products))[patterns]
