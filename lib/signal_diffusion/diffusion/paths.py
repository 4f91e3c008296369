"""Paths from data to noise, z_t = a(t) x + s(t) e with e ~ N(0, I) and t from 0 (data) to 1 (noise).

Beside z each path carries y, the quantity that its network's error is taken on:

    z = a x + s e                x = g z - s y
    y = g e - h x                e = h z + a y            with a g + h s = 1

    path     a                       s              g   h   y          dz/dt
    flow     1 - t                   t              1   1   e - x      y
    cosine   cos(pi t / 2)           sin(pi t / 2)  a   s   a e - s x  (pi / 2) y
    linear   exp(-b t^2/4 - c t/2)   sqrt(1 - a^2)  a   s   a e - s x  beta a y / 2 s,  beta = c + b t
    scaled-linear                    as linear, with a^2 = (1 - beta_1) ... (1 - beta_k) at t = k / 1000

Flow: Liu et al. 2022 (arXiv 2209.03003), Lipman et al. 2022 (2210.02747). Cosine: Nichol & Dhariwal 2021 (2102.09672).
Linear: Ho et al. 2020 (2006.11239) in the limit of many steps (Song et al. 2021, 2011.13456). Scaled-linear: that of
Stable Diffusion 1 (Rombach et al. 2022, 2112.10752), whose 1000 steps are kept as they are for the sake of its weights:
the roots of the betas grow evenly from 0.00085 to 0.012, and log a is linear between two steps.

On the variance-preserving paths (cosine, linear: a^2 + s^2 = 1) y is the v of Salimans & Ho (2022, 2202.00512) and
dz/dphi = y in the angle phi = atan2(s, a). On every path an error of x is 1 / s as large in y. So solvers step in a
`clock` with dz/dclock = y: t itself, or the angle.

Functions take t as a float or as a tensor.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, Protocol

import torch
from torch import Tensor

LINEAR_START, LINEAR_RISE = (
    0.1,
    19.9,
)  # 1000 times the first of DDPM's betas, and how far the last lies above it
SCALED_BETAS, SCALED_STEPS = (0.00085, 0.012), 1000  # of Stable Diffusion 1


class Path(Protocol):
    """The coefficients of one path, and its clocks."""

    def a(self, t: Any) -> Any: ...

    def s(self, t: Any) -> Any: ...

    def g(self, t: Any) -> Any: ...

    def h(self, t: Any) -> Any: ...

    def clock(self, t: float) -> float:
        """The quantity in which dz / dclock = y."""
        ...

    def shifted(self, t: Any, shift: float) -> Any:
        """The time at which a / s has above its value at 1 a `shift`-th of what it has at t; so 1 stays 1.

        Where a(1) = 0 the noise-to-data ratio s / a is `shift` times that of t.
        """
        ...

    def noise_level(self, t: Tensor) -> Tensor:
        """s / (a + s), what networks are told of the time: one scale for all paths."""
        ...


class Flow:
    """Straight lines, rectified flow (arXiv 2209.03003) and flow matching (Lipman et al. 2022, arXiv 2210.02747)."""

    def a(self, t: Any) -> Any:
        return 1 - t

    def s(self, t: Any) -> Any:
        return t

    def g(self, t: Any) -> float:
        return 1.0

    def h(self, t: Any) -> float:
        return 1.0

    def clock(self, t: float) -> float:
        return t

    def shifted(self, t: Any, shift: float) -> Any:
        """Esser et al. 2024, arXiv 2403.03206, eq. 23."""
        return shift * t / (1 + (shift - 1) * t)

    def noise_level(self, t: Tensor) -> Tensor:
        return t


class VariancePreserving(ABC):
    """a^2 + s^2 = 1, so that g = a and h = s."""

    @abstractmethod
    def a(self, t: Any) -> Any: ...

    @abstractmethod
    def s(self, t: Any) -> Any: ...

    @abstractmethod
    def time(self, angle: Any) -> Any:
        """The t at which atan2(s, a) is `angle`."""

    def g(self, t: Any) -> Any:
        return self.a(t)

    def h(self, t: Any) -> Any:
        return self.s(t)

    def clock(self, t: float) -> float:
        return math.atan2(self.s(t), self.a(t))

    def shifted(self, t: Any, shift: float) -> Any:
        """Hoogeboom et al. 2023, arXiv 2301.11093, section 3.1: log SNR less 2 log shift, where a(1) = 0."""
        end = self.a(1.0) / self.s(1.0)
        return self.time(_of("atan2", shift * self.s(t), self.a(t) + (shift - 1) * end * self.s(t)))

    def noise_level(self, t: Tensor) -> Tensor:
        return self.s(t) / (self.a(t) + self.s(t))


class Cosine(VariancePreserving):
    """The angle grows evenly."""

    def a(self, t: Any) -> Any:
        return _of("sin", (1 - t) * (math.pi / 2))  # 0 to the last digit at 1, which the cosine is not

    def s(self, t: Any) -> Any:
        return _of("sin", t * (math.pi / 2))

    def time(self, angle: Any) -> Any:
        return angle * (2 / math.pi)


class Linear(VariancePreserving):
    """The rate at which variance is lost grows evenly; a(1) is 0.007, not 0."""

    def a(self, t: Any) -> Any:
        return _of("exp", self._log_a(t))

    def s(self, t: Any) -> Any:
        return _of("sqrt", -_of("expm1", 2 * self._log_a(t)))

    def time(self, angle: Any) -> Any:
        half = LINEAR_START / 2
        return (_of("sqrt", half**2 - LINEAR_RISE * _of("log", _of("cos", angle))) - half) / (LINEAR_RISE / 2)

    def _log_a(self, t: Any) -> Any:
        return -(LINEAR_RISE / 4) * t**2 - (LINEAR_START / 2) * t


class ScaledLinear(VariancePreserving):
    """The steps of Stable Diffusion 1, and what lies between; a(1) is 0.068, not 0."""

    def __init__(self):
        roots = torch.linspace(
            SCALED_BETAS[0] ** 0.5, SCALED_BETAS[1] ** 0.5, SCALED_STEPS, dtype=torch.float64
        )
        logs = torch.log1p(-roots.square()).cumsum(0) / 2
        self._log_a = torch.cat([torch.zeros(1, dtype=torch.float64), logs])

    def a(self, t: Any) -> Any:
        return _of("exp", self._between(t))

    def s(self, t: Any) -> Any:
        return _of("sqrt", -_of("expm1", 2 * self._between(t)))

    def time(self, angle: Any) -> Any:
        """Angles past the last step's are those of t = 1."""
        log_a = torch.log(torch.cos(torch.as_tensor(angle, dtype=torch.float64))).clamp(min=self._log_a[-1])
        known = (-self._log_a).to(log_a.device)
        below = (torch.searchsorted(known, -log_a.contiguous(), right=True) - 1).clamp(0, SCALED_STEPS - 1)
        part = (-log_a - known[below]) / (known[below + 1] - known[below])
        return _like(angle, (below + part) / SCALED_STEPS)

    def _between(self, t: Any) -> Any:
        """log a, float64 inside, as t is outside."""
        place = torch.as_tensor(t, dtype=torch.float64) * SCALED_STEPS
        below = place.floor().long().clamp(0, SCALED_STEPS - 1)
        known = self._log_a.to(place.device)
        return _like(t, torch.lerp(known[below], known[below + 1], place - below))


def _like(given: Any, value: Tensor) -> Any:
    return value.to(given.dtype) if isinstance(given, Tensor) else float(value)


def _of(function: str, *values: Any) -> Any:
    """A function of `math`, or of torch for tensors."""
    return getattr(torch if isinstance(values[0], Tensor) else math, function)(*values)


PATHS: dict[str, Path] = {
    "flow": Flow(),
    "cosine": Cosine(),
    "linear": Linear(),
    "scaled-linear": ScaledLinear(),
}
