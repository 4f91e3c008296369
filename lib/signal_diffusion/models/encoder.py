"""A small convolutional encoder of spectrogram images, for distances between sets of them."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Strided 3x3 convolution, group norm, SiLU: halves height and width."""

    def __init__(self, inner: int, outer: int):
        super().__init__()
        self.convolution = nn.Conv2d(inner, outer, 3, stride=2, padding=1, bias=False)
        self.norm = nn.GroupNorm(math.gcd(8, outer), outer)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.norm(self.convolution(x)))


class SpectrogramEncoder(nn.Module):
    """Images [batch, channels, height, width] in [-1, 1] to features [batch, dim].

    `depth` blocks, `width` channels after the first and up to four times as many later. The last map is
    averaged to `grid` (rows, columns) cells, not to one: in a spectrogram of tiled channels the row is a
    frequency and the column an electrode, and their place is what the picture says.
    """

    def __init__(self, channels: int, width: int, dim: int, depth: int, grid: tuple[int, int] = (8, 4)):
        super().__init__()
        widths = [width * min(2**level, 4) for level in range(depth)]
        self.blocks = nn.Sequential(*map(ConvBlock, [channels, *widths], widths))
        self.grid = tuple(grid)
        self.project = nn.Linear(widths[-1] * grid[0] * grid[1], dim)

    def forward(self, images: Tensor) -> Tensor:
        maps = F.adaptive_avg_pool2d(self.blocks(images), self.grid)
        return self.project(maps.flatten(1))


def unit_range(images: Tensor) -> Tensor:
    """uint8 [0, 255] to float32 [-1, 1]."""
    return images.to(torch.float32) / 127.5 - 1
