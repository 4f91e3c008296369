"""Solvers of the probability-flow equation dz/dclock = y(z, t) from t = 1 (noise) to t = 0 (data), on any path.

`velocity(z, t)` gives y (`diffusion.paths`); the clock is t on flow's path and the angle on the others. Orders are
those of steps inside the path; what they come to from its one end to the other is measured in docs/diffusion.md.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from signal_diffusion.diffusion.paths import PATHS, Path

Velocity = Callable[[Tensor, float], Tensor]
FLOW = PATHS["flow"]


def time_grid(steps: int, shift: float = 1.0, path: Path = FLOW) -> list[float]:
    """Times from 1 to 0, steps + 1 of them: evenly spaced, then shifted (`Path.shifted`), the ends kept.

    A shift s > 1 spends more steps near noise, where structure that many pixels share is settled: averaging n
    pixels is like raising the signal-to-noise ratio n times.
    """
    even = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    return [1.0, *path.shifted(even[1:-1], shift).clamp(max=1).tolist(), 0.0]


def euler(velocity: Velocity, z: Tensor, times: list[float], path: Path = FLOW) -> Tensor:
    """First order, one call per step."""
    for now, then in zip(times[:-1], times[1:], strict=True):
        z = z + (path.clock(then) - path.clock(now)) * velocity(z, now)
    return z


def ddim(velocity: Velocity, z: Tensor, times: list[float], path: Path = FLOW) -> Tensor:
    """Song et al. 2020 (arXiv 2010.02502) without noise: data and noise as seen now, mixed as they are then.

    First order, one call per step; on flow's path it is Euler's step.
    """
    for now, then in zip(times[:-1], times[1:], strict=True):
        y = velocity(z, now)
        clean, noise = path.g(now) * z - path.s(now) * y, path.h(now) * z + path.a(now) * y
        z = path.a(then) * clean + path.s(then) * noise
    return z


def heun(velocity: Velocity, z: Tensor, times: list[float], path: Path = FLOW) -> Tensor:
    """Second order (Karras et al. 2022, arXiv 2206.00364, algorithm 1); two calls per step, one in the last."""
    for now, then in zip(times[:-1], times[1:], strict=True):
        step, slope = path.clock(then) - path.clock(now), velocity(z, now)
        end = z + step * slope
        if then > 0:
            slope = (slope + velocity(end, then)) / 2
        z = z + step * slope
    return z


def dpmpp_2m(velocity: Velocity, z: Tensor, times: list[float], path: Path = FLOW) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2). One call per step.

    Second order in the half log-SNR log(a / s); first order in steps with an infinite end, such as the last.
    """
    previous, previous_step = None, math.inf
    for now, then in zip(times[:-1], times[1:], strict=True):
        clean = path.g(now) * z - path.s(now) * velocity(z, now)
        step = _half_log_snr(path, then) - _half_log_snr(path, now)
        guess = clean
        if previous is not None and math.isfinite(step) and math.isfinite(previous_step):
            guess = clean + (clean - previous) * (step / (2 * previous_step))
        z = path.s(then) / path.s(now) * z - path.a(then) * math.expm1(-step) * guess
        previous, previous_step = clean, step
    return z


def _half_log_snr(path: Path, t: float) -> float:
    a, s = path.a(t), path.s(t)
    if a == 0 or s == 0:
        return math.inf if s == 0 else -math.inf
    return math.log(a / s)


SOLVERS = {"dpmpp_2m": dpmpp_2m, "euler": euler, "ddim": ddim, "heun": heun}
