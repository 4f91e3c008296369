"""Solvers of the probability-flow equation dz/dt = v(z, t) from t = 1 (noise) to t = 0 (data)."""

from collections.abc import Callable

import torch
from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]


def time_grid(steps: int, shift: float = 1.0) -> list[float]:
    """Times from 1 to 0, steps + 1 of them: evenly spaced, then shifted (Esser et al. 2024, arXiv 2403.03206, eq. 23).

    A shift s > 1 spends more steps near noise, where structure that many pixels share is settled: averaging n
    pixels is like raising the signal-to-noise ratio n times.
    """
    even = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    return (shift * even / (1 + (shift - 1) * even)).tolist()


def euler(velocity: Velocity, z: Tensor, times: list[float]) -> Tensor:
    """First order; for rectified flow identical to DDIM (Song et al. 2020, arXiv 2010.02502). One call per step."""
    for now, then in zip(times[:-1], times[1:], strict=True):
        z = z + (then - now) * velocity(z, now)
    return z


def heun(velocity: Velocity, z: Tensor, times: list[float]) -> Tensor:
    """Second order (Karras et al. 2022, arXiv 2206.00364, algorithm 1); two calls per step, one in the last."""
    for now, then in zip(times[:-1], times[1:], strict=True):
        slope = velocity(z, now)
        end = z + (then - now) * slope
        if then > 0:
            slope = (slope + velocity(end, then)) / 2
        z = z + (then - now) * slope
    return z


SOLVERS = {"euler": euler, "ddim": euler, "heun": heun}
