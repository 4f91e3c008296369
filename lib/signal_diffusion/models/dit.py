"""Diffusion transformer with adaLN-Zero blocks, DiT (Peebles & Xie 2023, arXiv 2212.09748)."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signal_diffusion.models.dropout import Dropout
from signal_diffusion.models.groups import decayed
from signal_diffusion.models.layers import merge_patches, padded, recomputed, split_patches
from signal_diffusion.models.mapping import Conditioned

TIME_WIDTH, TIMES, PERIOD = 256, 1000, 10000


def waves(x: Tensor, width: int) -> Tensor:
    """Cosines and sines of x [...] at `width` / 2 frequencies from 1 down to 1 / PERIOD, [..., width]."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, device=x.device) * (-math.log(PERIOD) / half))
    angles = x.float()[..., None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def grid_positions(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Fixed sine-cosine embedding of rows and columns, half the channels each, [height * width, channels]."""
    axes = [torch.arange(side, device=device) for side in (height, width)]
    rows, columns = torch.meshgrid(*axes, indexing="ij")
    return torch.cat([waves(rows, channels // 2), waves(columns, channels // 2)], dim=-1).flatten(0, 1)


class Embedding(Conditioned):
    """(time, condition) to the vector [batch, width] that modulates every block."""

    def __init__(self, width: int, condition_width: int):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(TIME_WIDTH, width), nn.SiLU(), nn.Linear(width, width))
        for layer in (self.time[0], self.time[2]):
            nn.init.normal_(layer.weight, std=0.02)
        self.add_condition(condition_width, width)

    def forward(self, time: Tensor, condition: Tensor | None, drop: Tensor | None) -> Tensor:
        """time [batch] in (0, 1); condition [batch, condition_width] or None; drop bool [batch] or None."""
        return self.with_condition(self.time(waves(time.float() * TIMES, TIME_WIDTH)), condition, drop)


class Modulation(nn.Module):
    """SiLU and a projection, zero at the start, to `parts` vectors of `width` each (adaLN-Zero)."""

    def __init__(self, width: int, parts: int):
        super().__init__()
        self.parts, self.linear = parts, nn.Linear(width, parts * width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, vector: Tensor) -> tuple[Tensor, ...]:
        """[batch, width] to `parts` times [batch, 1, width]."""
        return self.linear(F.silu(vector))[:, None].chunk(self.parts, dim=-1)


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm without parameters, then the condition's scale and shift."""
    x = F.layer_norm(x, (x.shape[-1],), eps=1e-6)
    return x * (1 + scale.to(x.dtype)) + shift.to(x.dtype)


class Block(nn.Module):
    """Self-attention and feed-forward, each on modulated tokens and behind a gate that starts closed."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.modulation = Modulation(width, 6)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.dropout = Dropout(dropout)
        for layer in (self.qkv, self.out, self.up, self.down):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        """x [batch, tokens, width], vector [batch, width]."""
        shift, scale, gate, shift_up, scale_up, gate_up = self.modulation(vector)
        x = x + gate * self._attend(modulated(x, shift, scale))
        hidden = F.gelu(self.up(modulated(x, shift_up, scale_up)), approximate="tanh")
        return x + gate_up * self.dropout(self.down(hidden))

    def _attend(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.dropout(self.out(attended))


class DiT(nn.Module):
    """Diffusion transformer over images of any size.

    A side that the patch does not divide is filled up with zeros inside. With `checkpointing` the activations
    of each block are computed again in backward.

    Args:
        channels: image channels, in and out.
        patch: pixels per token, (rows, columns).
        heads, head_dim: attention heads and their width; the product is the width of the network.
        depth: blocks.
        mlp_ratio: feed-forward width over the width.
        dropout: after attention and feed-forward.
        condition_width: width of the condition vector, 0 for none.
    """

    def __init__(
        self,
        channels: int,
        patch: Sequence[int],
        heads: int,
        head_dim: int,
        depth: int,
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        condition_width: int = 0,
    ):
        super().__init__()
        self.patch, self.checkpointing = tuple(patch), False
        width, pixels = heads * head_dim, channels * self.patch[0] * self.patch[1]
        self.embedding = Embedding(width, condition_width)
        self.patch_in, self.patch_out = nn.Linear(pixels, width), nn.Linear(width, pixels)
        self.blocks = nn.ModuleList(
            Block(width, heads, round(mlp_ratio * width), dropout) for _ in range(depth)
        )
        self.modulation_out = Modulation(width, 2)
        nn.init.xavier_uniform_(self.patch_in.weight)
        for parameter in (self.patch_in.bias, self.patch_out.weight, self.patch_out.bias):
            nn.init.zeros_(parameter)

    def forward(
        self, x: Tensor, time: Tensor, condition: Tensor | None = None, drop: Tensor | None = None
    ) -> Tensor:
        """Prediction [batch, channels, height, width] for noisy x of that shape.

        Args:
            time: noise level in (0, 1), [batch].
            condition: [batch, condition_width] or None.
            drop: bool [batch], where the learned null condition takes its place.
        """
        vector, (height, width) = self.embedding(time, condition, drop), x.shape[2:]
        patches = merge_patches(padded(x, self.patch).movedim(1, -1), self.patch)
        grid = patches.shape[1:3]
        x = self.patch_in(patches.flatten(1, 2))
        x = x + grid_positions(*grid, x.shape[-1], x.device)
        for block in self.blocks:
            x = recomputed(block, self.checkpointing, x, vector)
        x = self.patch_out(modulated(x, *self.modulation_out(vector)))
        x = split_patches(x.unflatten(1, grid), self.patch).movedim(-1, 1)
        return x[..., :height, :width]

    def parameter_groups(self, weight_decay: float) -> list[dict]:
        """Weight decay on matrices alone."""
        return decayed(self.parameters(), weight_decay)

    @staticmethod
    def kernels(device: torch.device) -> dict[str, str]:
        """What computes the network's own operations on `device`."""
        return {"attention": "torch's scaled dot products"}


network = DiT
