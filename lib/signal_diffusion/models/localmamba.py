"""LocalMamba (Huang et al. 2024, arXiv 2403.09338) as a U-net: selective scans over a grid, in several orders.

As in VMamba (Liu et al. 2024, arXiv 2401.10166) a block scans its tokens in every order with weights of its own
and adds the results up; LocalMamba's are the orders within windows, and the attention that weighs each order's
channels and places before the sum.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signal_diffusion.models import mapping
from signal_diffusion.models.layers import AdaRMSNorm, FeedForward, zero_init
from signal_diffusion.models.scan import backend, selective_scan
from signal_diffusion.models.scan_orders import reordered, restored, scan_orders
from signal_diffusion.models.unet import Stack, TokenUNet

STEPS = 1e-3, 1e-1  # step sizes at the start are drawn between these, as in Mamba
REDUCTION = 8  # of the widths inside the attention over scan orders


@dataclass(frozen=True)
class Level:
    """One resolution: blocks, width of the tokens and of the scans, rank of the step sizes, feed-forward width."""

    depth: int
    width: int
    inner: int
    rank: int
    hidden: int


class BiAttention(nn.Module):
    """Gates each order's channels and places, by the mean over all places and by each place, and adds orders up."""

    def __init__(self, width: int):
        super().__init__()
        reduced = max(width // REDUCTION, 1)
        self.norm = nn.LayerNorm(width)
        self.whole, self.local = nn.Linear(width, reduced), nn.Linear(width, reduced)
        self.channels, self.places = nn.Linear(reduced, width), nn.Linear(2 * reduced, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, tokens, orders, width] to [batch, tokens, width]."""
        normed = self.norm(x)
        whole = F.gelu(self.whole(normed.mean(1, keepdim=True)))
        local = F.gelu(self.local(normed))
        places = self.places(torch.cat([local, whole.expand_as(local)], dim=-1))
        gated = x * torch.sigmoid(self.channels(whole))
        return torch.einsum("blkc,blk->blc", gated, torch.sigmoid(places[..., 0]))


class Scans(nn.Module):
    """Selective scans of a grid in each of `directions`, gated and added up."""

    def __init__(self, width: int, states: int, rank: int, directions: Sequence[str]):
        super().__init__()
        orders = len(directions)
        self.directions, self.split = tuple(directions), (rank, states, states)
        self.select = nn.Parameter(_uniform(orders, width, rank + 2 * states))
        self.step = nn.Parameter(_uniform(orders, rank, width))
        steps = torch.empty(orders, width).uniform_(*map(math.log, STEPS)).exp()
        self.step_bias = nn.Parameter(steps + torch.log(-torch.expm1(-steps)))  # softplus gives `steps`
        rates = torch.arange(1, states + 1, dtype=torch.float32).log()
        self.log_rates = nn.Parameter(rates.expand(orders, width, states).clone())
        self.skip = nn.Parameter(torch.ones(orders, width))
        self.gate = BiAttention(width)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, height, width, channels]."""
        orders = scan_orders(self.directions, *x.shape[1:3], x.device)
        u = reordered(x.flatten(1, 2), orders)
        selected = torch.einsum("blkc,kcr->blkr", u, self.select.to(u.dtype))
        low, b, c = selected.split(self.split, dim=-1)
        delta = torch.einsum("blkr,krc->blkc", low, self.step.to(low.dtype))
        y = selective_scan(u, delta, -self.log_rates.float().exp(), b, c, self.skip, self.step_bias)
        return self.gate(restored(y, orders)).unflatten(1, x.shape[1:3])


class ScanBlock(nn.Module):
    """x + W (scans(conv(V x)) gated by SiLU(U x)), then a feed-forward where the level has one.

    In training each half is left out for a sample with probability `drop_path` (Huang et al. 2016).
    """

    def __init__(
        self,
        level: Level,
        condition_width: int,
        states: int,
        kernel: int,
        directions: Sequence[str],
        drop_path: float,
    ):
        super().__init__()
        self.drop_path = drop_path
        self.norm = AdaRMSNorm(level.width, condition_width)
        self.split = nn.Linear(level.width, 2 * level.inner, bias=False)
        self.convolution = nn.Conv2d(
            level.inner, level.inner, kernel, padding=kernel // 2, groups=level.inner
        )
        self.scans = Scans(level.inner, states, level.rank, directions)
        self.norm_scans = nn.LayerNorm(level.inner)
        self.out = zero_init(nn.Linear(level.inner, level.width, bias=False))
        hidden = [FeedForward(level.width, level.hidden, condition_width)] if level.hidden else []
        self.feed_forward = nn.ModuleList(hidden)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        x = self._dropped(x, x + self._scanned(self.norm(x, condition)))
        for feed_forward in self.feed_forward:
            x = self._dropped(x, feed_forward(x, condition))
        return x

    def _scanned(self, x: Tensor) -> Tensor:
        x, gate = self.split(x).chunk(2, dim=-1)
        x = F.silu(self.convolution(x.movedim(-1, 1)).movedim(1, -1))
        return self.out(self.norm_scans(self.scans(x)) * F.silu(gate))

    def _dropped(self, before: Tensor, after: Tensor) -> Tensor:
        if not self.training or not self.drop_path:
            return after
        keep = torch.rand(len(before), 1, 1, 1, device=before.device) >= self.drop_path
        return before + (after - before) * keep.to(after.dtype) / (1 - self.drop_path)


class LocalMamba(TokenUNet):
    """LocalMamba over images of any size.

    Args:
        channels: image channels, in and out.
        patch: pixels per outermost token, (rows, columns).
        levels: outermost first; the last one is the middle, each other one appears before and after it.
        states: of every channel's scan.
        kernel: side of the depthwise convolution before the scans.
        directions: scan orders, see `signal_diffusion.models.scan_orders`.
        drop_path: probability of leaving out the last block; it grows linearly from 0 at the first.
        mapping_width, mapping_depth, mapping_hidden: of the mapping network.
        condition_width: width of the condition vector, 0 for none.
    """

    def __init__(
        self,
        channels: int,
        patch: Sequence[int],
        levels: Sequence[Level],
        states: int = 16,
        kernel: int = 3,
        directions: Sequence[str] = ("h", "h_flip", "v", "v_flip", "w7", "w7_flip"),
        drop_path: float = 0.0,
        mapping_width: int = 256,
        mapping_depth: int = 2,
        mapping_hidden: int | None = None,
        condition_width: int = 0,
        mapping_dropout: float = 0.0,
    ):
        blocks = 2 * sum(level.depth for level in levels) - levels[-1].depth
        rates = iter([drop_path * block / max(blocks - 1, 1) for block in range(blocks)])

        def stack(index: int) -> Stack:
            level, shared = levels[index], (mapping_width, states, kernel, directions)
            return Stack(ScanBlock(level, *shared, next(rates)) for _ in range(level.depth))

        hidden = mapping_hidden or 3 * mapping_width
        vector = mapping.Mapping(mapping_width, mapping_depth, hidden, condition_width, mapping_dropout)
        super().__init__(channels, patch, [level.width for level in levels], stack, vector)

    def undecayed(self) -> Iterable[nn.Parameter]:
        """Rates, skips and step sizes of the scans, as in Mamba."""
        scans = [module for module in self.modules() if isinstance(module, Scans)]
        return [p for each in scans for p in (each.log_rates, each.skip, each.step_bias)]

    @staticmethod
    def kernels(device: torch.device) -> dict[str, str]:
        return {"selective scan": backend(device)}


def network(levels: Sequence[Mapping[str, Any]], **arguments: Any) -> LocalMamba:
    """A LocalMamba of a plain description, whose levels are tables."""
    return LocalMamba(levels=[Level(**level) for level in levels], **arguments)


def _uniform(orders: int, fan_in: int, fan_out: int) -> Tensor:
    return torch.empty(orders, fan_in, fan_out).uniform_(-(fan_in**-0.5), fan_in**-0.5)
