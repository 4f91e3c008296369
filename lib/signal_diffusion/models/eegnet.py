"""EEGNet (Lawhern et al. 2018, J. Neural Eng. 15 056013, table 2), for time series."""

from torch import Tensor, nn

from signal_diffusion.errors import UserError
from signal_diffusion.models.dropout import Dropout
from signal_diffusion.models.readout import BoundedConv2d, BoundedLinear

TEMPORAL, DEPTH, POINTWISE = 8, 2, 16  # F1, D and F2 of the paper: EEGNet-8,2
POOLS = (4, 8)


class EEGNet(nn.Module):
    """EEGNet-8,2 at any rate: kernels last half a second, as the paper's do at 128 Hz.

    Time series [batch, channels, samples] at `fs` Hz; the features are the flattened last maps, which a linear layer
    of bounded norm reads. UserError if the windows are shorter than 32 samples.
    """

    def __init__(self, shape: tuple[int, int], fs: float, dropout: float):
        super().__init__()
        channels, samples = shape
        if samples < POOLS[0] * POOLS[1]:
            raise UserError(f"model.backbone: eegnet needs windows of 32 samples, these have {samples}")
        maps = TEMPORAL * DEPTH
        self.temporal = nn.Sequential(*_same_length(1, TEMPORAL, round(fs / 2), 1), nn.BatchNorm2d(TEMPORAL))
        self.spatial = nn.Sequential(
            BoundedConv2d(TEMPORAL, maps, (channels, 1), groups=TEMPORAL, bias=False, limit=1.0),
            nn.BatchNorm2d(maps),
            nn.ELU(),
            nn.AvgPool2d((1, POOLS[0])),
            Dropout(dropout),
        )
        self.separable = nn.Sequential(
            *_same_length(maps, maps, round(fs / 8), maps),
            nn.Conv2d(maps, POINTWISE, 1, bias=False),
            nn.BatchNorm2d(POINTWISE),
            nn.ELU(),
            nn.AvgPool2d((1, POOLS[1])),
            Dropout(dropout),
        )
        self.features = POINTWISE * (samples // POOLS[0] // POOLS[1])

    def head(self, outputs: int) -> nn.Module:
        return BoundedLinear(self.features, outputs, limit=0.25)

    def forward(self, x: Tensor) -> Tensor:
        return self.separable(self.spatial(self.temporal(x[:, None]))).flatten(1)


def _same_length(inner: int, outer: int, kernel: int, groups: int) -> list[nn.Module]:
    """A convolution over time and the zeros around its input that leave the length as it is."""
    padding = nn.ZeroPad2d(((kernel - 1) // 2, kernel // 2, 0, 0))
    return [padding, nn.Conv2d(inner, outer, (1, kernel), groups=groups, bias=False)]
