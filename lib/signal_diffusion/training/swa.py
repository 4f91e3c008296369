"""Stochastic weight averaging: equal averages of the weights along a schedule's end, with their own statistics."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from signal_diffusion.training.averages import Averages


@dataclass(frozen=True)
class SwaPlan:
    """Stochastic weight averaging (Izmailov et al. 2018, arXiv 1803.05407) after the planned steps.

    `steps` more follow at a rate that moves linearly over `anneal_steps` to `lr_fraction` of the optimiser's, as
    in `torch.optim.swa_utils.SWALR`; the weights after each `every` of them count equally.
    """

    steps: int
    every: int
    lr_fraction: float = 0.25
    anneal_steps: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.every <= self.steps:
            raise ValueError(f"{self.steps} steps with an average every {self.every} hold none")

    @classmethod
    def of_epochs(cls, epochs: int, steps_per_epoch: int, ratio: float, lr_fraction: float) -> Self:
        """`ratio` of `epochs`, rounded up, on top; an average an epoch; annealed over .9 of the first."""
        extra = max(1, ceil(round(epochs * ratio, 9)))  # 30 * 0.1 is a little more than 3
        return cls(extra * steps_per_epoch, steps_per_epoch, lr_fraction, int(0.9 * steps_per_epoch))

    def rate(self, start: float, peak: float, step: int) -> float:
        """The learning rate of extra step `step`, from 0: from `start`, the schedule's last, to a part of `peak`."""
        done = min(1.0, step / self.anneal_steps) if self.anneal_steps else 1.0
        return peak * self.lr_fraction * done + start * (1 - done)


class Swa(Averages):
    """The mean of the weights that `update` saw; BatchNorm statistics of the mean are `with_statistics`."""

    def __init__(self, plan: SwaPlan, model: nn.Module):
        super().__init__(model)
        self.plan, self.count = plan, 0
        self._norms = batch_norms(model)

    @torch.no_grad()
    def update(self) -> None:
        """Take in the present weights: average += (weight - average) / (count + 1)."""
        averages, weights = list(self._averages.values()), list(self._parameters.values())
        torch._foreach_lerp_(averages, weights, 1 / (self.count + 1))
        self.count += 1

    @contextmanager
    def with_statistics(self, model: nn.Module, forwards: Iterable[Callable[[], None]]) -> Iterator[None]:
        """`model` runs on the averages, with BatchNorm statistics from `forwards`, inside the block."""
        before = [_statistics(norm) for norm in self._norms]
        with self.applied():
            try:
                recompute_statistics(model, forwards)
                yield
            finally:
                for norm, values in zip(self._norms, before, strict=True):
                    norm.load_state_dict(values, strict=False)


@torch.no_grad()
def recompute_statistics(model: nn.Module, forwards: Iterable[Callable[[], None]]) -> None:
    """BatchNorm statistics of the weights as they are: the mean over the batches that `forwards` run `model` on.

    As `torch.optim.swa_utils.update_bn`, but with everything else in eval mode, as `model` is left: statistics of
    activations with dropout are not those that the network will see (Li et al. 2019, arXiv 1801.05134).
    """
    model.eval()
    norms = {norm: norm.momentum for norm in batch_norms(model)}
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the cumulative mean
        norm.train()
    for forward in forwards if norms else ():
        forward()
    for norm, momentum in norms.items():
        norm.momentum = momentum
        norm.eval()


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """The layers of `model` that keep running statistics of batches."""
    return [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]


def _statistics(norm: _BatchNorm) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in norm.named_buffers()}
