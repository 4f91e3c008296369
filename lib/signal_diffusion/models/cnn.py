"""Convolutional backbones of spectrogram images."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signal_diffusion.errors import UserError
from signal_diffusion.models.dropout import Dropout
from signal_diffusion.models.readout import activation, two_layer_head

GRID = (8, 8)  # rows and columns that `Cnn` reads out: frequencies and electrodes keep their places


class CnnLight(nn.Module):
    """Few, plain convolutions and a global average, at widths that grow to `embedding_dim`.

    A stem (5x5 convolution, activation, one-group norm, dropout, halving) and `depth` blocks (one-group norm,
    `layer_repeats` times 3x3 convolution and activation, dropout, halving). Two planes of coordinates (Liu et al.
    2018) join the image, for the average would forget frequency and electrode. Images [batch, planes, height,
    width]; UserError if they are too small to be halved so often.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        embedding_dim: int,
        dropout: float,
        activation_name: str,
        depth: int,
        layer_repeats: int,
    ):
        super().__init__()
        _check_size(shape, depth + 1)
        self.features = embedding_dim
        widths = light_widths(embedding_dim, depth)
        self.stem = nn.Sequential(
            nn.Conv2d(shape[0] + 2, widths[0], 5, padding=2),
            activation(activation_name),
            nn.GroupNorm(1, widths[0]),
            Dropout(dropout),
            nn.AvgPool2d(2),
        )
        steps = zip(widths, widths[1:], strict=False)
        self.blocks = nn.Sequential(
            *(_light_block(a, b, layer_repeats, activation_name, dropout) for a, b in steps)
        )

    def head(self, outputs: int) -> nn.Module:
        return two_layer_head(self.features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.stem(with_coordinates(x))).mean((2, 3))


class Cnn(nn.Module):
    """Residual convolutions (He et al. 2016), read out as a grid of places instead of one average.

    A 3x3 stem, `depth` stages of `layer_repeats` residual blocks, each stage half the height and width and twice the
    channels of the one before; averages over 8 x 8 cells; a linear layer to `embedding_dim`.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        embedding_dim: int,
        dropout: float,
        activation_name: str,
        depth: int,
        layer_repeats: int,
    ):
        super().__init__()
        _check_size(shape, depth)
        self.features = embedding_dim
        widths = [max(16, embedding_dim // 2 ** (depth - level)) for level in range(depth)]
        self.stem = nn.Conv2d(shape[0], widths[0], 3, padding=1)
        self.stages = nn.Sequential()
        for inner, outer in zip([widths[0], *widths], widths, strict=False):
            blocks = [
                Residual(inner if n == 0 else outer, outer, activation_name) for n in range(layer_repeats)
            ]
            self.stages.append(nn.Sequential(*blocks, nn.AvgPool2d(2)))
        self.dropout = Dropout(dropout)
        self.grid = tuple(min(cells, size // 2**depth) for cells, size in zip(GRID, shape[1:], strict=True))
        self.project = nn.Linear(widths[-1] * math.prod(self.grid), embedding_dim)

    def head(self, outputs: int) -> nn.Module:
        return two_layer_head(self.features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        maps = cell_averages(self.stages(self.stem(x)), self.grid)
        return self.project(self.dropout(maps.flatten(1)))


class Residual(nn.Module):
    """x + convolution(activation(norm(convolution(activation(norm(x))))))."""

    def __init__(self, inner: int, outer: int, activation_name: str):
        super().__init__()
        self.first = _normed_convolution(inner, outer, activation_name)
        self.second = _normed_convolution(outer, outer, activation_name)
        self.skip = nn.Conv2d(inner, outer, 1) if inner != outer else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.second(self.first(x))


def light_widths(embedding_dim: int, depth: int) -> list[int]:
    """Channels after the stem and each block: growth by 4, or by 2 where that would begin below 8."""
    growth = 4 if embedding_dim / 4**depth >= 8 else 2
    return [max(8, round(embedding_dim / growth ** (depth - level))) for level in range(depth)] + [
        embedding_dim
    ]


def with_coordinates(x: Tensor) -> Tensor:
    """Images [batch, planes, height, width] with two planes more: row and column, each from -1 to 1."""
    rows, columns = (torch.linspace(-1, 1, n, device=x.device, dtype=x.dtype) for n in x.shape[2:])
    planes = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    return torch.cat([x, planes.expand(len(x), -1, -1, -1)], dim=1)


def cell_averages(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    """Averages of maps [batch, channels, height, width] over a grid of cells of one size, [..., rows, columns].

    What does not fill a cell at the lower and right edge is left out. Unlike adaptive pooling it has a deterministic
    gradient on every device.
    """
    size = [n // cells for n, cells in zip(maps.shape[2:], grid, strict=True)]
    return F.avg_pool2d(maps, size)[:, :, : grid[0], : grid[1]]


def _light_block(inner: int, outer: int, repeats: int, activation_name: str, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = [nn.GroupNorm(1, inner)]
    for number in range(repeats):
        layers += [
            nn.Conv2d(inner if number == 0 else outer, outer, 3, padding=1),
            activation(activation_name),
        ]
    return nn.Sequential(*layers, Dropout(dropout), nn.AvgPool2d(2))


def _normed_convolution(inner: int, outer: int, activation_name: str) -> nn.Sequential:
    norm = nn.GroupNorm(math.gcd(8, inner), inner)
    return nn.Sequential(norm, activation(activation_name), nn.Conv2d(inner, outer, 3, padding=1))


def _check_size(shape: tuple[int, int, int], halvings: int) -> None:
    if min(shape[1:]) < 2**halvings:
        raise UserError(
            f"model.depth: images of {shape[1]} x {shape[2]} cannot be halved {halvings} times; lower it"
        )
