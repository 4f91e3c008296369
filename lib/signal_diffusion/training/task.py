"""What a family hands to the training loop."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from torch import Generator, Tensor, nn


class Task(Protocol):
    """One learning problem: a model, its batches, its loss and its evaluation; nothing about optimisation.

    `model` holds everything that is trained, in float32, and is initialised from the run's seed before the
    loop sees it. The loop seeds torch's global generators, which dropout draws from, at every micro-step.
    """

    model: nn.Module

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Every trained parameter once, in groups of `params` with, where they are the group's own, its
        `weight_decay` and `lr_scale` (a factor on the learning rate)."""
        ...

    def batch(self, step: int, micro: int) -> Any:
        """The batch of micro-step `micro` of `step`, a function of these two: a thread asks one step ahead.

        Arrays or CPU tensors, alone or in dicts, lists and tuples, all with the batch's rows first (numbers without
        dimensions apart): several processes share them by rows. The loop moves them to the device.
        """
        ...

    def loss(
        self, model: nn.Module, batch: Any, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """A scalar loss and scalars to log, under the plan's autocast.

        Draws come from `generator`, which lives on the device; `model` is `self.model`, perhaps compiled.
        """
        ...

    def evaluate(self, model: nn.Module, step: int) -> dict[str, float]:
        """Scores of `model`, in the first process alone: averaged weights where the plan averages, eval mode, no
        gradients. A stop signal ends it anywhere, and the resumed run asks again."""
        ...

    def images(self, model: nn.Module, step: int) -> Sequence[tuple[str, np.ndarray]]:
        """Tagged pictures for the trackers: uint8 [height, width] or [height, width, 3]; may be none."""
        ...
