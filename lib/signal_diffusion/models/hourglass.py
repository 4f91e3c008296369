"""Hourglass diffusion transformer, HDiT (Crowson et al. 2024, arXiv 2401.11605)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from signal_diffusion.models import mapping
from signal_diffusion.models.layers import FeedForward, SelfAttention
from signal_diffusion.models.neighborhood import backend
from signal_diffusion.models.unet import Stack, TokenUNet


@dataclass(frozen=True)
class Level:
    """One resolution of the hourglass; `kernel_size` None attends globally."""

    depth: int
    width: int
    hidden: int
    head_dim: int = 64
    kernel_size: int | None = None
    dropout: float = 0.0


class Block(nn.Module):
    """Self-attention, then feed-forward."""

    def __init__(self, level: Level, condition_width: int):
        super().__init__()
        self.attention = SelfAttention(
            level.width, level.head_dim, condition_width, level.kernel_size, level.dropout
        )
        self.feed_forward = FeedForward(level.width, level.hidden, condition_width, level.dropout)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self.feed_forward(self.attention(x, condition), condition)


class Hourglass(TokenUNet):
    """Hourglass transformer over images of any size.

    Beside the rotary embedding, which sees only differences, every outer token is told where it stands.

    Args:
        channels: image channels, in and out.
        patch: pixels per outermost token, (rows, columns).
        levels: outermost first; the last one is the middle, each other one appears before and after it.
        mapping_width, mapping_depth, mapping_hidden: of the mapping network.
        condition_width: width of the condition vector, 0 for none.
    """

    def __init__(
        self,
        channels: int,
        patch: Sequence[int],
        levels: Sequence[Level],
        mapping_width: int = 256,
        mapping_depth: int = 2,
        mapping_hidden: int | None = None,
        condition_width: int = 0,
        mapping_dropout: float = 0.0,
    ):
        hidden = mapping_hidden or 3 * mapping_width
        super().__init__(
            channels,
            patch,
            [level.width for level in levels],
            lambda index: Stack(Block(levels[index], mapping_width) for _ in range(levels[index].depth)),
            mapping.Mapping(mapping_width, mapping_depth, hidden, condition_width, mapping_dropout),
        )

    @staticmethod
    def kernels(device: torch.device) -> dict[str, str]:
        return {"neighbourhood attention": backend(device)}


def network(levels: Sequence[Mapping[str, Any]], **arguments: Any) -> Hourglass:
    """An hourglass of a plain description, whose levels are tables."""
    return Hourglass(levels=[Level(**level) for level in levels], **arguments)
