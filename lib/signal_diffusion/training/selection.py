"""Which weights a training ends with: those of its last step, or those that evaluations found best."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from signal_diffusion.errors import UserError


@dataclass(frozen=True)
class Kept:
    """One evaluation's weights and their score."""

    step: int
    value: float
    weights: dict[str, Tensor]


class Best:
    """The weights of the `count` evaluations with the best `score` so far; they travel with the checkpoints.

    `better`: "min" where a lower score is better, "max" where a higher one is. `exhausted` once `patience`
    evaluations in a row were no better than the best; 0 is patience without end.
    """

    def __init__(self, score: str, better: Literal["min", "max"] = "min", count: int = 1, patience: int = 0):
        self.score, self.count, self.patience = score, count, patience
        self._sign = {"min": 1.0, "max": -1.0}[better]
        self._names = {"min": "lowest", "max": "highest"}[better]
        self.worse = 0
        self.kept: list[Kept] = []

    @property
    def exhausted(self) -> bool:
        return 0 < self.patience <= self.worse

    def offer(self, step: int, scores: Mapping[str, float], weights: Mapping[str, Tensor]) -> None:
        """Keep a copy of `weights` if they are among the best; of equals the first is, and NaN never is."""
        if self.score not in scores:
            found = ", ".join(scores) or "no score"
            raise UserError(
                f"the best weights are to have the {self._names} {self.score}, but the evaluation gives {found};"
                ' set dataset.val_split, or training.keep = "last"'
            )
        value = scores[self.score]
        self.worse = 0 if self._before(value) == 0 and not math.isnan(value) else self.worse + 1
        if math.isnan(value) or self._before(value) == self.count:
            return
        copy = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
        self.kept.insert(self._before(value), Kept(step, value, copy))
        del self.kept[self.count :]

    def states(self) -> dict[str, dict[str, Tensor]]:
        """The kept weights: `best`, `best-2`, `best-3` and so on."""
        names = ["best", *(f"best-{rank}" for rank in range(2, self.count + 1))]
        return {name: kept.weights for name, kept in zip(names, self.kept, strict=False)}

    def state_dict(self) -> dict[str, Any]:
        return {"worse": self.worse, "kept": [[kept.step, kept.value] for kept in self.kept]}

    def load(self, state: Mapping[str, Any], tensors: Mapping[str, dict[str, Tensor]]) -> None:
        """Undo `state_dict`; `tensors` holds what `states` gave then."""
        self.worse = state["worse"]
        names = ["best", *(f"best-{rank}" for rank in range(2, self.count + 1))]
        self.kept = [
            Kept(step, value, tensors[name])
            for name, (step, value) in zip(names, state["kept"], strict=False)
        ]

    def _before(self, value: float) -> int:
        """How many of the kept are as good as `value` or better."""
        return sum(self._sign * kept.value <= self._sign * value for kept in self.kept)
