"""Exponential moving average of the weights, in float32."""

from dataclasses import dataclass

import torch
from torch import nn

from signal_diffusion.training.averages import Averages


@dataclass(frozen=True)
class EmaPlan:
    """Averaging as in `diffusers.training_utils.EMAModel`, whose names these are."""

    decay: float = 0.999
    power: float = 0.75
    inv_gamma: float = 1.0
    update_after_step: int = 5000
    use_warmup: bool = True

    def decay_at(self, step: int) -> float:
        """The decay of the update after `step` optimiser steps (1 is the first); 0 copies the weights."""
        age = step - self.update_after_step - 1
        if age <= 0:
            return 0.0
        ramp = 1 - (1 + age / self.inv_gamma) ** -self.power if self.use_warmup else (1 + age) / (10 + age)
        return max(0.0, min(ramp, self.decay))


class Ema(Averages):
    """Moving averages, each step's weights taken in as its plan says."""

    def __init__(self, plan: EmaPlan, model: nn.Module):
        super().__init__(model)
        self.plan = plan

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step` optimiser steps: average += (1 - decay) (weight - average)."""
        averages, weights = list(self._averages.values()), list(self._parameters.values())
        decay = self.plan.decay_at(step)
        if decay == 0:
            torch._foreach_copy_(averages, weights)
        else:
            torch._foreach_lerp_(averages, weights, 1 - decay)
