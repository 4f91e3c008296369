"""From noise level and condition to the vector that modulates every block."""

import math

import torch
from torch import Tensor, nn

from signal_diffusion.models.dropout import Dropout
from signal_diffusion.models.layers import GEGLU, RMSNorm, zero_init


class FourierFeatures(nn.Module):
    """Random Fourier features (Tancik et al. 2020) of a scalar; the frequencies are part of the checkpoint."""

    def __init__(self, width: int, std: float = 1.0):
        super().__init__()
        self.register_buffer("frequencies", torch.randn(width // 2) * std)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch] to [batch, width]."""
        angles = 2 * math.pi * x[:, None] * self.frequencies
        return torch.cat([angles.cos(), angles.sin()], dim=-1)


class MappingBlock(nn.Module):
    """Residual gated feed-forward layer on the mapping vector."""

    def __init__(self, width: int, hidden: int, dropout: float):
        super().__init__()
        self.norm = RMSNorm(width)
        self.up = GEGLU(width, hidden)
        self.dropout = Dropout(dropout)
        self.down = zero_init(nn.Linear(hidden, width, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(self.dropout(self.up(self.norm(x))))


class Conditioned(nn.Module):
    """A module that adds a condition to a vector of `width`.

    A dropped condition is replaced by the learned `null` vector, the same in training and in sampling.
    """

    def add_condition(self, condition_width: int, width: int) -> None:
        """Make the layers for a condition of that width; none for 0."""
        if condition_width:
            self.null = nn.Parameter(torch.zeros(condition_width))
            self.condition_norm = RMSNorm(condition_width)
            self.condition_in = nn.Linear(condition_width, width, bias=False)

    def with_condition(self, x: Tensor, condition: Tensor | None, drop: Tensor | None) -> Tensor:
        """x [batch, width]; condition [batch, condition_width] or None; drop bool [batch] or None."""
        if condition is None:
            return x
        if drop is not None:
            condition = torch.where(drop[:, None], self.null, condition)
        return x + self.condition_in(self.condition_norm(condition))


class Mapping(Conditioned):
    """Mapping network: (time, condition) to [batch, width]."""

    def __init__(self, width: int, depth: int, hidden: int, condition_width: int, dropout: float = 0.0):
        super().__init__()
        self.time = FourierFeatures(width)
        self.time_in = nn.Linear(width, width, bias=False)
        self.add_condition(condition_width, width)
        self.norm_in, self.norm_out = RMSNorm(width), RMSNorm(width)
        self.blocks = nn.Sequential(*[MappingBlock(width, hidden, dropout) for _ in range(depth)])

    def forward(self, time: Tensor, condition: Tensor | None, drop: Tensor | None) -> Tensor:
        """time [batch] in (0, 1); condition [batch, condition_width] or None; drop bool [batch] or None."""
        x = self.time_in(self.time(torch.logit(time.float(), eps=1e-3) / 4))
        x = self.with_condition(x, condition, drop)
        return self.norm_out(self.blocks(self.norm_in(x)))
