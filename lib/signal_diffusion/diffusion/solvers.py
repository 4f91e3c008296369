"""Solvers of the probability-flow equation dz/dt = v(z, t) from t = 1 (noise) to t = 0 (data)."""

import math
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


def dpmpp_2m(velocity: Velocity, z: Tensor, times: list[float]) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2), for a = 1 - t, s = t. One call per step.

    Second order in the half log-SNR log(a / s); first order in its first and last step, whose ends are infinite.
    """
    previous, previous_step = None, math.inf
    for now, then in zip(times[:-1], times[1:], strict=True):
        clean = z - now * velocity(z, now)
        step = _half_log_snr(then) - _half_log_snr(now)
        guess = clean
        if previous is not None and math.isfinite(step) and math.isfinite(previous_step):
            guess = clean + (clean - previous) * (step / (2 * previous_step))
        z = then / now * z - (1 - then) * math.expm1(-step) * guess
        previous, previous_step = clean, step
    return z


def _half_log_snr(t: float) -> float:
    if t in (0, 1):
        return math.inf if t == 0 else -math.inf
    return math.log((1 - t) / t)


SOLVERS = {"dpmpp_2m": dpmpp_2m, "euler": euler, "ddim": euler, "heun": heun}
