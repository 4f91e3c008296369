"""Which weights a training ends with: those of its last step, or those that an evaluation found best."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from signal_diffusion.errors import UserError


class Best:
    """The weights at the evaluation with the lowest `score` so far; they travel with the checkpoints.

    `exhausted` once `patience` evaluations in a row were no better; 0 is patience without end.
    """

    def __init__(self, score: str, patience: int = 0):
        self.score, self.patience = score, patience
        self.value, self.step, self.worse = math.inf, 0, 0
        self.weights: dict[str, Tensor] = {}

    @property
    def exhausted(self) -> bool:
        return 0 < self.patience <= self.worse

    def offer(self, step: int, scores: Mapping[str, float], weights: Mapping[str, Tensor]) -> None:
        """Keep a copy of `weights` if they score lower than all before; the first of equals stays."""
        if self.score not in scores:
            found = ", ".join(scores) or "no score"
            raise UserError(
                f"the best weights are to have the lowest {self.score}, but the evaluation gives {found}; "
                'set dataset.val_split, or training.keep = "last"'
            )
        self.worse += 1
        if scores[self.score] < self.value:
            self.value, self.step, self.worse = scores[self.score], step, 0
            self.weights = {name: value.detach().cpu().clone() for name, value in weights.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value if self.weights else None, "step": self.step, "worse": self.worse}

    def load(self, state: Mapping[str, Any], weights: dict[str, Tensor]) -> None:
        """Undo `state_dict`; `weights` are those that were kept then."""
        self.value = math.inf if state["value"] is None else state["value"]
        self.step, self.worse, self.weights = state["step"], state["worse"], weights
