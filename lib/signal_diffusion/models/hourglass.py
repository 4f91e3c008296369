"""Hourglass diffusion transformer, HDiT (Crowson et al. 2024, arXiv 2401.11605)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from signal_diffusion.models.groups import trunk_and_mapping
from signal_diffusion.models.layers import (
    POSITION_WIDTH,
    FeedForward,
    RMSNorm,
    SelfAttention,
    TokenMerge,
    TokenSplit,
    merge_patches,
    padded,
    position_features,
    recomputed,
    split_patches,
    zero_init,
)
from signal_diffusion.models.mapping import Mapping as MappingNetwork
from signal_diffusion.models.neighborhood import backend


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


class Stack(nn.ModuleList):
    """Blocks of one level, in order."""

    def __init__(self, level: Level, condition_width: int):
        super().__init__(Block(level, condition_width) for _ in range(level.depth))

    def forward(self, x: Tensor, condition: Tensor, checkpointing: bool) -> Tensor:
        for block in self:
            x = recomputed(block, checkpointing, x, condition)
        return x


class Hourglass(nn.Module):
    """Hourglass transformer over images.

    Beside the rotary embedding, which sees only differences, every outer token is told where it stands: a row of a
    spectrogram is a frequency and a column a channel, so position means something that content alone may not show.

    A grid that the patches, doubled over the levels, do not divide is filled up with zeros inside. With
    `checkpointing` the activations of each block are computed again in backward.

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
        super().__init__()
        self.patch, self.checkpointing = tuple(patch), False
        self.cell = tuple(side * 2 ** (len(levels) - 1) for side in patch)
        hidden = mapping_hidden or 3 * mapping_width
        self.mapping = MappingNetwork(mapping_width, mapping_depth, hidden, condition_width, mapping_dropout)
        pixels = channels * self.patch[0] * self.patch[1]
        outer, middle = list(levels[:-1]), levels[-1]
        widths = [level.width for level in levels]
        self.patch_in = nn.Linear(pixels, widths[0], bias=False)
        self.position_in = nn.Linear(POSITION_WIDTH, widths[0], bias=False)
        self.down = nn.ModuleList(Stack(level, mapping_width) for level in outer)
        self.merges = nn.ModuleList(TokenMerge(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.middle = Stack(middle, mapping_width)
        self.splits = nn.ModuleList(TokenSplit(b, a) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.up = nn.ModuleList(Stack(level, mapping_width) for level in outer)
        self.norm_out = RMSNorm(widths[0])
        self.patch_out = zero_init(nn.Linear(widths[0], pixels, bias=False))

    def forward(
        self, x: Tensor, time: Tensor, condition: Tensor | None = None, drop: Tensor | None = None
    ) -> Tensor:
        """Prediction [batch, channels, height, width] for noisy x of that shape.

        Args:
            time: noise level in (0, 1), [batch].
            condition: [batch, condition_width] or None.
            drop: bool [batch], where the learned null condition takes its place.
        """
        vector, (height, width) = self.mapping(time, condition, drop), x.shape[2:]
        x = self.patch_in(merge_patches(padded(x, self.cell).movedim(1, -1), self.patch))
        x = x + self.position_in(position_features(*x.shape[1:3], x.device))
        skips = []
        for stack, merge in zip(self.down, self.merges, strict=True):
            x = stack(x, vector, self.checkpointing)
            skips.append(x)
            x = merge(x)
        x = self.middle(x, vector, self.checkpointing)
        for stack, split in zip(reversed(self.up), reversed(self.splits), strict=True):
            x = stack(split(x, skips.pop()), vector, self.checkpointing)
        x = split_patches(self.patch_out(self.norm_out(x)), self.patch).movedim(-1, 1)
        return x[..., :height, :width]

    def parameter_groups(self, weight_decay: float) -> list[dict]:
        """Weight decay on matrices of the trunk only; the mapping network learns at a third of the rate (HDiT)."""
        return trunk_and_mapping(self, weight_decay)

    @staticmethod
    def kernels(device: torch.device) -> dict[str, str]:
        """What computes the network's own operations on `device`."""
        return {"neighbourhood attention": backend(device)}


def network(levels: Sequence[Mapping[str, Any]], **arguments: Any) -> Hourglass:
    """An hourglass of a plain description, whose levels are tables."""
    return Hourglass(levels=[Level(**level) for level in levels], **arguments)
