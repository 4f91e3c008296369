"""Guidance by a condition: what pushes a sample towards it harder than the network alone does.

The mixtures are of y (`diffusion.paths`), which is the same as mixing what the network predicts: for one z and t the
two are affine to each other.
"""

import torch
from torch import Tensor, nn

from signal_diffusion.diffusion.process import Process


class Guided:
    """The two velocities of a model at one condition [batch, ...] (None for a model that has none)."""

    def __init__(self, model: nn.Module, process: Process, condition: Tensor | None):
        self._model, self._process, self._condition = model, process, condition

    @property
    def conditional(self) -> bool:
        return self._condition is not None

    def cfg(self, z: Tensor, t: float, scale: float) -> Tensor:
        """Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598): v_null + scale (v_condition - v_null).

        Scale 1 (or no condition) is one plain call, 0 is unconditional.
        """
        if self._condition is None or scale in (0.0, 1.0):
            return self.one(z, t, dropped=self._condition is not None and scale == 0)
        given, null = self.both(z, t)
        return null + scale * (given - null)

    def one(self, z: Tensor, t: float, dropped: bool = False) -> Tensor:
        """y with the condition, or with the null condition in its place."""
        time = torch.full([len(z)], t, device=z.device)
        drop = torch.ones(len(z), dtype=torch.bool, device=z.device) if dropped else None
        network = self._model(z, self._process.network_time(time), self._condition, drop)
        return self._process.velocity(network.float(), z, time)

    def both(self, z: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """y with the condition and with the null condition, in one call of twice the batch."""
        time = torch.full([len(z)], t, device=z.device)
        drop = torch.arange(2 * len(z), device=z.device) >= len(z)
        twice = torch.cat([z, z]), self._process.network_time(torch.cat([time, time]))
        network = self._model(*twice, torch.cat([self._condition, self._condition]), drop).float()
        given, null = (self._process.velocity(part, z, time) for part in network.chunk(2))
        return given, null


def rectified_cfgpp(guided: Guided, z: Tensor, times: list[float], scale: float, power: float) -> Tensor:
    """Rectified CFG++ (Saini et al. 2025, arXiv 2510.07631, algorithm 1) on flow's path, from times[0] to times[-1].

    A step keeps to the conditional velocity, corrected by how the condition matters half a step ahead, where the
    conditional velocity leads:

        z_half = z + (dt / 2) v_condition(z, t)
        z_next = z + dt (v_condition(z, t) + alpha(t) (v_condition - v_null)(z_half, t + dt / 2))
        alpha(t) = (scale - 1) (1 - t)^power

    The paper's lambda_max is scale - 1, so that scale 1 means no guidance as it does elsewhere; its optional noise at
    z_half is left out. Three evaluations per step in two calls.
    """
    for now, then in zip(times[:-1], times[1:], strict=True):
        step, velocity = then - now, guided.one(z, now)
        alpha = (scale - 1) * (1 - now) ** power
        if alpha:
            given, null = guided.both(z + step / 2 * velocity, now + step / 2)
            velocity = velocity + alpha * (given - null)
        z = z + step * velocity
    return z
