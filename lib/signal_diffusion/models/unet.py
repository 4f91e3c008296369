"""The U of token grids that the hourglass transformer and LocalMamba share; they differ in their blocks."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from signal_diffusion.models.groups import decayed
from signal_diffusion.models.layers import (
    POSITION_WIDTH,
    RMSNorm,
    TokenMerge,
    TokenSplit,
    merge_patches,
    padded,
    position_features,
    recomputed,
    split_patches,
    zero_init,
)
from signal_diffusion.models.mapping import Mapping


class Stack(nn.ModuleList):
    """Blocks of one level, in order: each takes tokens [batch, height, width, channels] and the mapping vector."""

    def forward(self, x: Tensor, vector: Tensor, checkpointing: bool) -> Tensor:
        for block in self:
            x = recomputed(block, checkpointing, x, vector)
        return x


class TokenUNet(nn.Module):
    """Patches in, stacks of blocks down and up again with skip connections, patches out.

    Every outer token is told where it stands: a row of a spectrogram is a frequency and a column a channel, so
    position means something that content alone may not show. A grid that the patches, doubled over the levels, do
    not divide is filled up with zeros inside. With `checkpointing` the activations of each block are computed
    again in backward. The output is zero at the start.

    Args:
        channels: image channels, in and out.
        patch: pixels per outermost token, (rows, columns).
        widths: of the levels, outermost first; the last one is the middle.
        stack: makes the stack of a level; called in the order in which tokens pass.
        mapping: network of time and condition.
    """

    def __init__(
        self,
        channels: int,
        patch: Sequence[int],
        widths: Sequence[int],
        stack: Callable[[int], Stack],
        mapping: Mapping,
    ):
        super().__init__()
        self.patch, self.checkpointing = tuple(patch), False
        self.cell = tuple(side * 2 ** (len(widths) - 1) for side in patch)
        self.mapping = mapping
        pixels, outer, steps = channels * patch[0] * patch[1], range(len(widths) - 1), list(_pairs(widths))
        self.patch_in = nn.Linear(pixels, widths[0], bias=False)
        self.position_in = nn.Linear(POSITION_WIDTH, widths[0], bias=False)
        self.down = nn.ModuleList(stack(level) for level in outer)
        self.merges = nn.ModuleList(TokenMerge(a, b) for a, b in steps)
        self.middle = stack(len(widths) - 1)
        self.splits = nn.ModuleList(TokenSplit(b, a) for a, b in steps)
        self.up = nn.ModuleList([stack(level) for level in reversed(outer)][::-1])
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
        mapping = list(self.mapping.parameters())
        known = {id(p) for p in mapping}
        trunk = [p for p in self.parameters() if id(p) not in known]
        groups = decayed(trunk, weight_decay, self.undecayed())
        return groups + decayed(mapping, weight_decay, lr_scale=1 / 3)

    def undecayed(self) -> Iterable[nn.Parameter]:
        """Matrices that weight decay would harm."""
        return ()

    @staticmethod
    def kernels(device: torch.device) -> dict[str, str]:
        """What computes the network's own operations on `device`."""
        return {}


def _pairs(widths: Sequence[int]) -> Iterable[tuple[int, int]]:
    return zip(widths[:-1], widths[1:], strict=True)
