"""Exponential moving average of the weights, in float32."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


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


class Ema:
    """Averages of the trained parameters; buffers and frozen parameters are the model's own."""

    def __init__(self, plan: EmaPlan, model: nn.Module):
        self.plan = plan
        self._parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._averages = {name: p.detach().float().clone() for name, p in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step` optimiser steps: average += (1 - decay) (weight - average)."""
        averages, weights = list(self._averages.values()), list(self._parameters.values())
        decay = self.plan.decay_at(step)
        if decay == 0:
            torch._foreach_copy_(averages, weights)
        else:
            torch._foreach_lerp_(averages, weights, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model runs on the averages inside the block; storages are exchanged, nothing is copied."""
        weights = {name: p.data for name, p in self._parameters.items()}
        try:
            self._point_at(self._averages)
            yield
        finally:
            self._point_at(weights)

    def state_dict(self, model: nn.Module) -> dict[str, Tensor]:
        """The state of `model` with averages in place of trained parameters."""
        with self.applied():
            return {name: value.detach() for name, value in model.state_dict().items()}

    def averages(self) -> dict[str, Tensor]:
        return dict(self._averages)

    def load(self, averages: Mapping[str, Tensor]) -> None:
        """Take over averages by name; `KeyError` where one is missing."""
        for name, average in self._averages.items():
            average.copy_(averages[name])

    def _point_at(self, tensors: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.data = tensors[name]
