"""The noising process and, for each prediction type, its target, its way back and its loss.

Rectified flow (Liu et al. 2022, arXiv 2209.03003; Lipman et al. 2022, arXiv 2210.02747):

    z_t = (1 - t) x + t e,     t in [0, 1],  e ~ N(0, I),     dz/dt = v = e - x,     SNR(t) = ((1 - t) / t)^2

With an exact network each prediction gives the same v; the loss is always taken on v, so that all three
weigh the noise levels alike (Kingma & Gao 2023, arXiv 2303.00848; for x-prediction Li & He 2025, arXiv 2511.13720).

    vector_field   network = v        v = network
    epsilon        network = e        v = (network - z) / (1 - t)
    sample         network = x        v = (z - network) / t

Preconditioned (Karras et al. 2022, arXiv 2206.00364, section 5, for this process and data of unit variance), the
network says only how v differs from the best linear guess, with s = (1 - t)^2 + t^2 the variance of z:

    v = ((2 t - 1) z + sqrt(s) network) / s

so that a network that says nothing samples independent Gaussian pixels, and its target has unit variance at every t.
Guessing e or x in the same way gives the same v, so that preconditioning belongs to vector_field.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

EDGE = 0.05  # 1 - t and t are held above this in divisions, as in arXiv 2511.13720


def expand(t: Tensor, like: Tensor) -> Tensor:
    """t [batch] with trailing axes, so that it multiplies `like` [batch, ...]."""
    return t.view(-1, *[1] * (like.ndim - 1))


def add_noise(x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """z_t = (1 - t) x + t e."""
    t = expand(t, x)
    return (1 - t) * x + t * noise


def _from_vector(network: Tensor, z: Tensor, t: Tensor) -> Tensor:
    return network


def _from_epsilon(network: Tensor, z: Tensor, t: Tensor) -> Tensor:
    return (network - z) / (1 - t).clamp(min=EDGE)


def _from_sample(network: Tensor, z: Tensor, t: Tensor) -> Tensor:
    return (z - network) / t.clamp(min=EDGE)


def _preconditioned(network: Tensor, z: Tensor, t: Tensor) -> Tensor:
    variance = (1 - t) ** 2 + t**2
    return ((2 * t - 1) * z + variance.sqrt() * network) / variance


VELOCITY: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "vector_field": _from_vector,
    "epsilon": _from_epsilon,
    "sample": _from_sample,
}


@dataclass(frozen=True)
class Process:
    """Rectified flow with one prediction type.

    Args:
        prediction: "vector_field", "epsilon" or "sample".
        preconditioned: see above; only with "vector_field".
        times: "logit-normal" (Esser et al. 2024, arXiv 2403.03206) or "uniform".
        snr_gamma: None, or the ceiling of the weight that the loss puts on the error of x:
            the loss on v weighs it by 1 / t^2; with a ceiling g the weight is g / (1 + g t^2),
            min-SNR-gamma (Hang et al. 2023, arXiv 2303.09556) in its soft form (arXiv 2401.11605) for this process.
    """

    prediction: str = "vector_field"
    preconditioned: bool = False
    times: str = "logit-normal"
    times_mean: float = 0.0
    times_std: float = 1.0
    snr_gamma: float | None = None

    def sample_times(self, count: int, generator: torch.Generator) -> Tensor:
        """Training times [count], stratified over the batch (Kingma et al. 2021, arXiv 2107.00630)."""
        device = generator.device
        offset = torch.rand(1, generator=generator, device=device)
        order = torch.randperm(count, generator=generator, device=device)
        u = (order + offset) / count
        u = u.clamp(1e-4, 1 - 1e-4)
        return (
            u
            if self.times == "uniform"
            else torch.sigmoid(self.times_mean + self.times_std * torch.special.ndtri(u))
        )

    def velocity(self, network: Tensor, z: Tensor, t: Tensor) -> Tensor:
        """dz/dt from the network's output at z_t; t [batch]."""
        formula = _preconditioned if self.preconditioned else VELOCITY[self.prediction]
        return formula(network, z, expand(t, z))

    def clean(self, velocity: Tensor, z: Tensor, t: Tensor) -> Tensor:
        """Estimate of x: z - t v."""
        return z - expand(t, z) * velocity

    def weight(self, t: Tensor) -> Tensor:
        """Loss weight on the squared error of v, [batch]."""
        if self.snr_gamma is None:
            return torch.ones_like(t)
        return self.snr_gamma * t**2 / (1 + self.snr_gamma * t**2)

    def loss(self, network: Tensor, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Weighted mean squared error of v over the batch, a scalar in float32."""
        z = add_noise(x, noise, t)
        error = self.velocity(network.float(), z, t) - (noise - x)
        return (self.weight(t) * error.square().flatten(1).mean(1)).mean()
