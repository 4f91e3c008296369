"""Neighbourhood attention on a grid (Hassani et al. 2023, arXiv 2204.07143), exact on any device.

Every query attends to the `kernel_size` x `kernel_size` keys around it; at an edge the window moves inwards, so
that it always holds the same number of keys. Where NATTEN's compiled kernels exist they are used; elsewhere the
grid is cut into tiles, each of which attends to the keys it can reach by one masked scaled-dot-product call.
"""

from functools import lru_cache
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 16  # larger tiles compute more masked scores, smaller ones copy more keys


def neighborhood_attention(q: Tensor, k: Tensor, v: Tensor, kernel_size: int, scale: float) -> Tensor:
    """Attend within neighbourhoods. All tensors are [batch, height, width, heads, dim]; so is the result."""
    if backend(q.device) == "natten":
        return _natten(q, k, v, kernel_size, scale)
    return tiled_attention(q, k, v, kernel_size, scale)


def backend(device: torch.device) -> str:
    """Which implementation runs on `device`: "natten" (compiled kernels) or "tiled" (masked SDPA)."""
    return "natten" if device.type == "cuda" and _has_natten() else "tiled"


@lru_cache
def _has_natten() -> bool:
    try:
        import natten
    except ImportError:
        return False
    return bool(getattr(natten, "HAS_LIBNATTEN", False))


def _natten(q: Tensor, k: Tensor, v: Tensor, kernel_size: int, scale: float) -> Tensor:
    from natten import na2d

    kernel = tuple(min(kernel_size, side) for side in q.shape[1:3])
    return na2d(q.contiguous(), k.contiguous(), v.contiguous(), kernel_size=kernel, scale=scale)


def neighborhood_flops(height: int, width: int, kernel_size: int, channels: int) -> int:
    """Operations of the scores and of their sums over values, per sample; `channels` of all heads together."""
    keys = min(kernel_size, height) * min(kernel_size, width)
    return 4 * height * width * keys * channels


def window_starts(length: int, kernel_size: int) -> Tensor:
    """First key of each query's window along an axis of `length`, int64 [length]."""
    kernel = min(kernel_size, length)
    return (torch.arange(length) - kernel // 2).clamp(0, length - kernel)


def tiled_attention(
    q: Tensor, k: Tensor, v: Tensor, kernel_size: int, scale: float, tile: int = TILE
) -> Tensor:
    """Exact neighbourhood attention as one masked SDPA per tile of `tile` x `tile` queries."""
    batch, height, width, heads, dim = q.shape
    rows, columns = _axis(height, kernel_size, tile), _axis(width, kernel_size, tile)
    if (rows.padded, columns.padded) != (height, width):
        q = F.pad(q, (0, 0, 0, 0, 0, columns.padded - width, 0, rows.padded - height))
    queries = _Regions.apply(q, rows.queries, columns.queries)
    keys, values = (_Regions.apply(x, rows.keys, columns.keys) for x in (k, v))
    mask = _tile_mask(height, width, kernel_size, tile, q.device)
    out = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=scale)
    out = out.view(rows.tiles, columns.tiles, batch, heads, rows.tile, columns.tile, dim)
    out = out.permute(2, 0, 4, 1, 5, 3, 6).reshape(batch, rows.padded, columns.padded, heads, dim)
    return out[:, :height, :width]


class _Axis:
    """How one axis is cut: `tiles` tiles of `tile` queries, and the slice of keys that each tile can reach."""

    def __init__(self, length: int, kernel_size: int, tile: int):
        self.length, self.kernel, self.tile = length, min(kernel_size, length), min(tile, length)
        self.tiles = -(-length // self.tile)
        self.padded = self.tiles * self.tile
        firsts = [index * self.tile for index in range(self.tiles)]
        reach = min(self.tile + self.kernel - 1, length)
        origins = [min(max(first - self.kernel // 2, 0), length - reach) for first in firsts]
        self.queries = tuple(slice(first, first + self.tile) for first in firsts)
        self.keys = tuple(slice(origin, origin + reach) for origin in origins)

    def mask(self) -> Tensor:
        """Which of its reachable keys each query sees, bool [tiles, tile, reach]."""
        query = torch.arange(self.padded).clamp(max=self.length - 1).view(self.tiles, self.tile)
        first = window_starts(self.length, self.kernel)[query][..., None]
        key = torch.stack([torch.arange(self.length)[part] for part in self.keys])[:, None]
        return (key >= first) & (key < first + self.kernel)


@lru_cache(maxsize=64)
def _axis(length: int, kernel_size: int, tile: int) -> _Axis:
    return _Axis(length, kernel_size, tile)


@lru_cache(maxsize=32)
def _tile_mask(height: int, width: int, kernel_size: int, tile: int, device: torch.device) -> Tensor:
    """Mask of every tile, bool [tiles, 1, queries, keys]."""
    rows, columns = _axis(height, kernel_size, tile).mask(), _axis(width, kernel_size, tile).mask()
    both = rows[:, None, :, None, :, None] & columns[None, :, None, :, None, :]
    return both.reshape(rows.shape[0] * columns.shape[0], 1, rows.shape[1] * columns.shape[1], -1).to(device)


class _Regions(torch.autograd.Function):
    """Copies of rectangular regions of x [batch, height, width, heads, dim] as [regions, batch * heads, tokens, dim].

    One strided copy per region and one strided sum per region backwards, where `Tensor.unfold`
    scatters element by element.
    """

    @staticmethod
    def forward(ctx, x: Tensor, rows: tuple[slice, ...], columns: tuple[slice, ...]) -> Tensor:
        batch, _, _, heads, dim = x.shape
        ctx.rows, ctx.columns, ctx.shape = rows, columns, x.shape
        sides = rows[0].stop - rows[0].start, columns[0].stop - columns[0].start
        regions = x.new_empty(len(rows) * len(columns), batch, heads, *sides, dim)
        for region, (row, column) in zip(regions, product(rows, columns), strict=True):
            region.copy_(x[:, row, column].permute(0, 3, 1, 2, 4))
        return regions.view(len(regions), batch * heads, -1, dim)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        batch, _, _, heads, dim = ctx.shape
        total = gradient.new_zeros(ctx.shape)
        parts = gradient.view(len(gradient), batch, heads, -1, dim)
        for part, (row, column) in zip(parts, product(ctx.rows, ctx.columns), strict=True):
            target = total[:, row, column]
            target += part.unflatten(2, target.shape[1:3]).permute(0, 2, 3, 1, 4)
        return total, None, None
