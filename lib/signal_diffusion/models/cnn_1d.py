"""Convolutional backbones of time series."""

from torch import Tensor, nn

from signal_diffusion.errors import UserError
from signal_diffusion.models.dropout import Dropout
from signal_diffusion.models.readout import activation, two_layer_head

POOL = 4


class Cnn1d(nn.Module):
    """Convolutions over time with batch norm, averaged over time at the end.

    `depth` blocks of `layer_repeats` layers, each block a quarter as long as the one before; kernels are longest in
    the first. Time series [batch, channels, samples]; UserError if they are too short.
    """

    separable = False

    def __init__(
        self,
        shape: tuple[int, int],
        embedding_dim: int,
        dropout: float,
        activation_name: str,
        depth: int,
        layer_repeats: int,
    ):
        super().__init__()
        if shape[1] < POOL**depth:
            raise UserError(f"model.depth: windows of {shape[1]} samples are too short for {depth}; lower it")
        self.features = embedding_dim
        widths = [shape[0], *growing_widths(shape[0], embedding_dim, depth)]
        self.blocks = nn.Sequential()
        for level in range(depth):
            kernel = max(3, 1 + 2 * depth - 2 * level)
            layers = [
                self._layer(
                    widths[level if number == 0 else level + 1], widths[level + 1], kernel, activation_name
                )
                for number in range(layer_repeats)
            ]
            self.blocks.append(nn.Sequential(*layers, Dropout(dropout), nn.AvgPool1d(POOL)))
        self.project = nn.Linear(widths[-1], embedding_dim)

    def head(self, outputs: int) -> nn.Module:
        return two_layer_head(self.features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.blocks(x).mean(2))

    def _layer(self, inner: int, outer: int, kernel: int, activation_name: str) -> nn.Sequential:
        if self.separable:
            convolutions = [
                nn.Conv1d(inner, inner, kernel, padding=kernel // 2, groups=inner, bias=False),
                nn.Conv1d(inner, outer, 1, bias=False),
            ]
        else:
            convolutions = [nn.Conv1d(inner, outer, kernel, padding=kernel // 2, bias=False)]
        return nn.Sequential(*convolutions, nn.BatchNorm1d(outer), activation(activation_name))


class Cnn1dLight(Cnn1d):
    """The same with depthwise separable convolutions (Chollet 2017)."""

    separable = True


def growing_widths(channels: int, embedding_dim: int, depth: int) -> list[int]:
    """Channels after each block: from the power of two that holds the input's, at least 8, growing 2 to 4 times."""
    start = max(8, 1 << (channels - 1).bit_length())
    growth = min(4, max(2, round((embedding_dim / start) ** (1 / depth))))
    return [start * growth**level for level in range(depth)]
