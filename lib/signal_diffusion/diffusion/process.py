"""What a network predicts, the way back to data and noise, and the weight of its error.

On a path (`diffusion.paths`: z = a x + s e and y = g e - h x, with a g + h s = 1) each prediction is a target
n = c x + d e, and all else follows from its two coefficients: solved with z for y,

    y = (n - (c g + d h) z) / (d a - c s),        x = g z - s y,        e = h z + a y.

    prediction     n         c    d    flow                                    variance-preserving
    vector_field   e - x    -1    1    y = n                                   y = (n + (a - s) z) / (a + s)
    epsilon        e         0    1    y = (n - z) / (1 - t)                   y = (n - s z) / a
    sample         x         1    0    y = (z - n) / t                         y = (a z - n) / s
    v              a e - s x -s   a    y = (n + (2 t - 1) z) / (a^2 + s^2)     y = n

Sources: e Ho et al. 2020 (arXiv 2006.11239), v Salimans & Ho 2022 (2202.00512), e - x Lipman et al. 2022 (2210.02747).

The loss is the squared error of y whatever is predicted, so that all predictions weigh the noise levels alike (Kingma
& Gao 2023, arXiv 2303.00848; for x-prediction Li & He 2025, arXiv 2511.13720). In terms of the network's own error it
is weighed by 1 / (d a - c s)^2. As an error of x is 1 / s as large in y, the error of x has weight 1 / s^2; Min-SNR
(Hang et al. 2023, arXiv 2303.09556) caps that at gamma:

    hard   weight of the error of x  min(1 / s^2, gamma)      of y  min(1, gamma s^2)
    soft                             1 / (s^2 + 1 / gamma)          gamma s^2 / (1 + gamma s^2)

The paper's cap is min(SNR, gamma). With it the weight of y falls to nothing at pure noise too, where a flow has to
learn the mean and, with v, a zero terminal SNR; 1 / s^2 is SNR + 1 on variance-preserving paths and (1 + SNR^1/2)^2 on
flow's, so that nothing is lost there. Towards the data the weight of y falls as gamma s^2 by the meaning of the cap.
The soft form is that of Crowson et al. 2024 (arXiv 2401.11605).

Preconditioned (Karras et al. 2022, arXiv 2206.00364, section 5, for flow and data of unit variance), the network says
only how y differs from the best linear guess, with r = a^2 + s^2 the variance of z:

    y = ((2 t - 1) z + sqrt(r) n) / r

so that a network that says nothing samples independent Gaussian pixels, and its target has unit variance at every t;
it is v with an output of unit variance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from signal_diffusion.diffusion.paths import PATHS, Path

EDGE = 0.05  # d a - c s is held above this in size, as in arXiv 2511.13720


def expand(t: Tensor, like: Tensor) -> Tensor:
    """t [batch] with trailing axes, so that it multiplies `like` [batch, ...]."""
    return t.view(-1, *[1] * (like.ndim - 1))


TARGETS: dict[str, Callable[[Path, Any], tuple[Any, Any]]] = {
    "vector_field": lambda path, t: (-1.0, 1.0),
    "epsilon": lambda path, t: (0.0, 1.0),
    "sample": lambda path, t: (1.0, 0.0),
    "v": lambda path, t: (-path.s(t), path.a(t)),
}


@dataclass(frozen=True)
class Process:
    """A path with one prediction type.

    Args:
        prediction: "vector_field", "epsilon", "sample" or "v".
        schedule: "flow", "cosine" or "linear", the path.
        preconditioned: see above; only with "vector_field" and "flow".
        times: "logit-normal" (Esser et al. 2024, arXiv 2403.03206) or "uniform".
        times_shift: factor on the noise-to-data ratio of each time (`Path.shifted`; arXiv 2403.03206, section 5.3.2).
        snr_gamma: None, or the cap of the weight on the error of x; `snr_weight` "soft" or "hard".
        told: what networks are told of the time, the noise "level", or the "time" itself, as those of diffusers are.
    """

    prediction: str = "vector_field"
    schedule: str = "flow"
    preconditioned: bool = False
    times: str = "logit-normal"
    times_mean: float = 0.0
    times_std: float = 1.0
    times_shift: float = 1.0
    snr_gamma: float | None = None
    snr_weight: str = "soft"
    told: str = "level"

    @property
    def path(self) -> Path:
        return PATHS[self.schedule]

    def sample_times(self, count: int, generator: torch.Generator) -> Tensor:
        """Training times [count], stratified over the batch (Kingma et al. 2021, arXiv 2107.00630)."""
        device = generator.device
        offset = torch.rand(1, generator=generator, device=device)
        order = torch.randperm(count, generator=generator, device=device)
        t = ((order + offset) / count).clamp(1e-4, 1 - 1e-4)
        if self.times == "logit-normal":
            t = torch.sigmoid(self.times_mean + self.times_std * torch.special.ndtri(t))
        return t if self.times_shift == 1 else self.path.shifted(t, self.times_shift).clamp(1e-4, 1 - 1e-4)

    def add_noise(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """z_t = a x + s e; t [batch]."""
        t = expand(t, x)
        return self.path.a(t) * x + self.path.s(t) * noise

    def network_time(self, t: Tensor) -> Tensor:
        """What the network is told of t [batch]: the noise level in [0, 1], on all paths alike, or t."""
        return t if self.told == "time" else self.path.noise_level(t)

    def target(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """y of known data and noise: g e - h x."""
        t = expand(t, x)
        return self.path.g(t) * noise - self.path.h(t) * x

    def velocity(self, network: Tensor, z: Tensor, t: Tensor) -> Tensor:
        """y from the network's output at z_t; t [batch]."""
        t, path = expand(t, z), self.path
        if self.preconditioned:
            variance = path.a(t) ** 2 + path.s(t) ** 2
            return ((2 * t - 1) * z + variance.sqrt() * network) / variance
        c, d = TARGETS[self.prediction](path, t)
        scale = d * path.a(t) - c * path.s(t)
        held = torch.where(scale < 0, scale.clamp(max=-EDGE), scale.clamp(min=EDGE))
        return (network - (c * path.g(t) + d * path.h(t)) * z) / held

    def clean(self, velocity: Tensor, z: Tensor, t: Tensor) -> Tensor:
        """Estimate of x: g z - s y."""
        t = expand(t, z)
        return self.path.g(t) * z - self.path.s(t) * velocity

    def weight(self, t: Tensor) -> Tensor:
        """Loss weight on the squared error of y, [batch]."""
        if self.snr_gamma is None:
            return torch.ones_like(t)
        capped = self.snr_gamma * self.path.s(t) ** 2
        return capped.clamp(max=1) if self.snr_weight == "hard" else capped / (1 + capped)

    def loss(self, network: Tensor, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Weighted mean squared error of y over the batch, a scalar in float32."""
        z = self.add_noise(x, noise, t)
        error = self.velocity(network.float(), z, t) - self.target(x, noise, t)
        return (self.weight(t) * error.square().flatten(1).mean(1)).mean()
