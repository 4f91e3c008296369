"""What weights aim at: shares of classes, as linear constraints on the shares of cells; what can be reached.

The targets of a label hold among the windows that know it: how many do not is left as it is, unless the
recipe states a share for `unknown`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from signal_diffusion.datasets.cells import UNKNOWN, Cells
from signal_diffusion.datasets.raking import Constraints, stack
from signal_diffusion.errors import UserError

CLOSE = 0.02  # a target counts as reached within 2 % of its share
JOINT = "joint"
_PRECISION = 1e-4
_ROUNDING = 1e-7


@dataclass(frozen=True, eq=False)
class Target:
    """Shares that the groups of cells shall have: `members` bool [groups, cells], `shares` float64 [groups].

    The shares are of the windows in any group, which are all windows or those that know the label.
    """

    name: str
    values: tuple[str, ...]
    members: np.ndarray
    shares: np.ndarray

    def reached(self, shares: np.ndarray) -> np.ndarray:
        """The groups' shares under given shares of the cells, float64 [groups]."""
        found = self.members @ shares
        return found / found.sum()

    def deviation(self, shares: np.ndarray) -> float:
        """The largest difference from a target, relative to it."""
        return float(np.max(np.abs(self.reached(shares) / self.shares - 1), initial=0.0))

    def constraints(self, slack: float | np.ndarray) -> Constraints:
        """That no group deviates by more than `slack` (of all, or of each), relative to its target."""
        slacks = np.broadcast_to(slack, self.shares.shape)
        low, high = self.shares * (1 - slacks), self.shares * (1 + slacks)
        known = self.members.any(axis=0)
        if known.all():
            return Constraints(self.members.astype(float), low, np.minimum(high, 1))
        below, above = (self.members - end[:, None] * known for end in (low, high))
        zero, endless = np.zeros(len(self.shares)), np.full(len(self.shares), np.inf)
        if not slacks.any():
            return Constraints(below, zero, zero)
        return stack([Constraints(below, zero, endless), Constraints(above, -endless, zero)])


def label_targets(cells: Cells, stated: Mapping[str, Mapping[str, float]]) -> list[Target]:
    """The target of each task in turn: the stated shares, else equal shares of the known classes.

    UserError when the stated classes are not those that the windows have.
    """
    return [_label_target(cells, k, stated.get(task)) for k, task in enumerate(cells.tasks)]


def joint_target(cells: Cells, targets: Sequence[Target]) -> Target:
    """The product of the labels' targets for every cell that knows all labels."""
    product = np.ones(len(cells))
    for target in targets:
        share = target.shares @ target.members
        product *= share
    known = np.flatnonzero(product)
    members = np.zeros((len(known), len(cells)), bool)
    members[np.arange(len(known)), known] = True
    values = tuple(" ".join(cells.names(cell)) for cell in known)
    return Target(JOINT, values, members, product[known])


def total(cells: Cells) -> Constraints:
    """That all shares sum to 1."""
    return Constraints(np.ones((1, len(cells))), np.ones(1), np.ones(1))


Kept = Sequence[tuple[Target, float | np.ndarray]]


class Reach:
    """What shares within their bounds can reach, by linear programmes (scipy's HiGHS)."""

    def __init__(self, cells: Cells, least: np.ndarray, most: np.ndarray):
        self.total, self.least, self.most = total(cells), least, most

    def possible(self, kept: Kept) -> bool:
        """Whether every target can be kept within its slack at the same time."""
        parts = [target.constraints(slack) for target, slack in kept]
        return _feasible(stack([self.total, *parts]), self.least, self.most)

    def smallest(self, target: Target, kept: Kept = ()) -> float:
        """The least possible largest deviation from `target` while `kept` are kept, to a ten-thousandth."""
        return self._bisect(lambda slack: self.possible([*kept, (target, slack)]), 1 / target.shares.min())

    def nearest(self, target: Target, kept: Kept = ()) -> np.ndarray:
        """The least possible deviation of each group: the largest first, then the largest of the others.

        A group that is too small takes nothing from the others but what it cannot hold, evenly.
        """
        slacks, free = np.zeros(len(target.shares)), np.ones(len(target.shares), bool)

        def fits(slack: float) -> bool:
            return self.possible([*kept, (target, np.where(free, slack, slacks))])

        widest = 1 / target.shares.min()
        while free.any():
            widest = self._bisect(fits, widest)
            slacks[free] = widest
            if widest <= CLOSE:
                break
            free[:] = self._movable(target, kept, slacks, free)
        return slacks

    def missed(self, targets: Sequence[Target]) -> dict[str, float]:
        """Targets that cannot be reached within 2 %, each with its least deviation.

        One after the other, each while those before it are kept within 2 % or, where that cannot be, as near
        as they can be.
        """
        if self.possible([(target, CLOSE) for target in targets]):
            return {}
        kept: list[tuple[Target, float]] = []
        for target in targets:
            kept.append((target, max(CLOSE, self.smallest(target, kept))))
        return {target.name: slack for target, slack in kept if slack > CLOSE}

    def _movable(self, target: Target, kept: Kept, slacks: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Which free groups can come nearer than the others' slack, bool [groups]."""
        found = free.copy()
        for group in np.flatnonzero(free):
            nearer = slacks.copy()
            nearer[group] -= 10 * _PRECISION
            found[group] = self.possible([*kept, (target, nearer)])
        # Rounding may leave each of the last groups some room.
        return found if (found != free).any() else np.zeros_like(free)

    @staticmethod
    def _bisect(fits: Callable[[float], bool], widest: float) -> float:
        """The smallest slack that fits, where `widest` does."""
        if fits(0.0):
            return 0.0
        low, high = 0.0, widest
        while high - low > _PRECISION:
            middle = (low + high) / 2
            low, high = (low, middle) if fits(middle) else (middle, high)
        return high


def _feasible(constraints: Constraints, least: np.ndarray, most: np.ndarray) -> bool:
    """Whether any shares within their bounds meet the constraints."""
    # Imported here: where all targets are reached, as they mostly are, nothing has to be proven.
    from scipy.optimize import linprog

    upper, lower = np.isfinite(constraints.high), np.isfinite(constraints.low)
    answer = linprog(
        np.zeros(len(least)),
        A_ub=np.concatenate([constraints.rows[upper], -constraints.rows[lower]]),
        b_ub=np.concatenate([constraints.high[upper], -constraints.low[lower]]) + _ROUNDING,
        bounds=list(zip(least, most, strict=True)),
        method="highs",
    )
    return answer.status == 0


def _label_target(cells: Cells, task: int, stated: Mapping[str, float] | None) -> Target:
    names = cells.classes[task]
    if stated is None:
        known = tuple(name for name in names if name != UNKNOWN)
        shares = np.full(len(known), 1 / max(len(known), 1))
    else:
        _check_stated(cells.tasks[task], names, stated)
        known = tuple(name for name in names if name in stated)
        shares = np.array([stated[name] for name in known])
    places = np.array([names.index(name) for name in known], dtype=np.int64)
    members = cells.codes[:, task] == places[:, None]
    return Target(cells.tasks[task], known, members, shares / shares.sum())


def _check_stated(task: str, names: Sequence[str], stated: Mapping[str, float]) -> None:
    wanted, found = set(stated) - {UNKNOWN}, set(names) - {UNKNOWN}
    if wanted != found or stated.keys() - set(names):
        raise UserError(
            f"[weights.targets.{task}] names {', '.join(sorted(stated))}, the training windows hold "
            f"{', '.join(names)}; give a share to each of these (unknown may be left out)"
        )
