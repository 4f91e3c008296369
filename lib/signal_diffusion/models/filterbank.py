"""ShallowFBCSPNet and Deep4Net (Schirrmeister et al. 2017, Human Brain Mapping 38:5391), for time series.

Both begin with a convolution over time and one over all electrodes without anything between them. The paper's lengths
are those of 250 Hz; the shallow network's follow the rate, for they are times of a rhythm.
"""

from torch import Tensor, nn

from signal_diffusion.errors import UserError
from signal_diffusion.models.dropout import Dropout

PAPER_RATE = 250.0
SHALLOW_FILTERS, SHALLOW_KERNEL, SHALLOW_POOL, SHALLOW_STRIDE = 40, 25, 75, 15
DEEP_FILTERS, DEEP_KERNEL, DEEP_POOL = (25, 50, 100, 200), 10, 3
LEAST_POWER = 1e-6


class ShallowFBCSPNet(nn.Module):
    """Log band power of learned filters: convolutions, square, mean over 300 ms every 60 ms, logarithm.

    Time series [batch, channels, samples] at `fs` Hz; the features are the flattened powers.
    """

    def __init__(self, shape: tuple[int, int], fs: float, dropout: float):
        super().__init__()
        kernel, pool, stride = (
            max(1, round(n * fs / PAPER_RATE)) for n in (SHALLOW_KERNEL, SHALLOW_POOL, SHALLOW_STRIDE)
        )
        pools = (shape[1] - kernel + 1 - pool) // stride + 1
        if pools < 1:
            raise UserError(f"model.backbone: shallowfbcspnet needs windows of {kernel + pool - 1} samples")
        self.filters = _filters(shape[0], SHALLOW_FILTERS, kernel)
        self.norm = nn.BatchNorm2d(SHALLOW_FILTERS)
        self.pool = nn.AvgPool2d((1, pool), (1, stride))
        self.dropout = Dropout(dropout)
        self.features = SHALLOW_FILTERS * pools

    def head(self, outputs: int) -> nn.Module:
        return nn.Linear(self.features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        power = self.pool(self.norm(self.filters(x[:, None])).square())
        return self.dropout(power.clamp(min=LEAST_POWER).log()).flatten(1)


class Deep4Net(nn.Module):
    """Four blocks of convolution, batch norm, ELU and maximum over three samples.

    Time series [batch, channels, samples]; UserError if nothing of a window is left after the last block.
    """

    def __init__(self, shape: tuple[int, int], dropout: float):
        super().__init__()
        self.blocks = nn.Sequential(
            _filters(shape[0], DEEP_FILTERS[0], DEEP_KERNEL), *_deep_end(DEEP_FILTERS[0])
        )
        for inner, outer in zip(DEEP_FILTERS, DEEP_FILTERS[1:], strict=False):
            convolution = nn.Conv2d(inner, outer, (1, DEEP_KERNEL), bias=False)
            self.blocks.append(nn.Sequential(Dropout(dropout), convolution, *_deep_end(outer)))
        length = shape[1]
        for _ in DEEP_FILTERS:
            length = (length - DEEP_KERNEL + 1) // DEEP_POOL
        if length < 1:
            raise UserError(
                "model.backbone: deep4net needs windows of 441 samples; use another, or longer ones"
            )
        self.dropout = Dropout(dropout)
        self.features = DEEP_FILTERS[-1] * length

    def head(self, outputs: int) -> nn.Module:
        return nn.Linear(self.features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.blocks(x[:, None]).flatten(1))


def _filters(channels: int, count: int, kernel: int) -> nn.Sequential:
    """[batch, 1, channels, samples] to [batch, count, 1, samples - kernel + 1]."""
    temporal = nn.Conv2d(1, count, (1, kernel))
    return nn.Sequential(temporal, nn.Conv2d(count, count, (channels, 1), bias=False))


def _deep_end(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.ELU(), nn.MaxPool2d((1, DEEP_POOL))]
