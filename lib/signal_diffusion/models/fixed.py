"""Features that are computed, not learned, under linear heads: log spectra, and covariances of frequency bands.

With few subjects these are what networks have to beat. Both are standardised by the training windows (`fit`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from signal_diffusion.errors import UserError
from signal_diffusion.models.dropout import Dropout

SEGMENT_S = 1.0  # of Welch's method: bins of 1 Hz
SPECTRUM = (1.0, 45.0)  # Hz, both inclusive
BANDS = ((2, 4), (4, 8), (8, 13), (13, 20), (20, 30), (30, 45))  # Hz, both inclusive
SHRINKAGE = 0.1  # towards the mean power, for an average reference leaves one direction empty
LEAST_POWER, LEAST_STD = 1e-6, 1e-6


class FixedFeatures(nn.Module, ABC):
    """Windows to standardised features [batch, features], of which dropout leaves some out.

    Kinds say what the features are in `measure`; nothing before the heads is learned.
    """

    def __init__(self, features: int, dropout: float):
        super().__init__()
        self.features = features
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.dropout = Dropout(dropout)

    @abstractmethod
    def measure(self, x: Tensor) -> Tensor:
        """Windows to features [batch, features], float32."""

    @torch.no_grad()
    def fit(self, blocks: Iterable[Tensor]) -> Tensor:
        """Take mean and standard deviation of the features of all training windows, given in blocks; returns these
        features as the heads read them, [windows, features]."""
        found = torch.cat([self.measure(block) for block in blocks])
        self.centre.copy_(found.double().mean(0))
        self.scale.copy_(found.double().std(0, correction=0).clamp(min=LEAST_STD))
        return (found - self.centre) / self.scale

    def head(self, outputs: int) -> nn.Module:
        """A linear layer that begins at zero: random weights of so many features would stay in what it says."""
        head = nn.Linear(self.features, outputs)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        return head

    def forward(self, x: Tensor) -> Tensor:
        """Windows, or features that `fit` gave [batch, features]."""
        return self.dropout(x if x.ndim == 2 else self._standardised(x))

    def _standardised(self, x: Tensor) -> Tensor:
        """Windows to features [batch, features] as the heads read them, but for the dropout."""
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            return (self.measure(x.float()) - self.centre) / self.scale


class ImageSpectrum(FixedFeatures):
    """The mean over the frames of each channel and row of the first plane, which is in dB.

    Images [batch, planes, height, width] whose `columns` (first, behind the last) hold channels of `frames` columns.
    """

    def __init__(self, shape: Sequence[int], dropout: float, columns: Sequence[int], frames: int):
        self.columns, self.frames = slice(*columns), frames
        super().__init__(shape[1] * ((columns[1] - columns[0]) // frames), dropout)

    def measure(self, x: Tensor) -> Tensor:
        return x[:, 0, :, self.columns].unflatten(2, (-1, self.frames)).mean(3).flatten(1)


class SeriesFeatures(FixedFeatures):
    """What is computed from the Fourier transforms of segments of 1 s (Hann windows, half overlapping)."""

    def __init__(self, shape: Sequence[int], fs: float, features: int, dropout: float):
        self.segment = round(SEGMENT_S * fs)
        if shape[1] < self.segment:
            raise UserError(f"model.backbone: windows of {shape[1]} samples are shorter than {SEGMENT_S:g} s")
        super().__init__(features, dropout)
        self.register_buffer("taper", torch.hann_window(self.segment, periodic=False), persistent=False)

    def transform(self, x: Tensor) -> Tensor:
        """Time series [batch, channels, samples] to complex [batch, channels, segments, 1 Hz bins]."""
        return torch.fft.rfft(x.unfold(2, self.segment, self.segment // 2) * self.taper)


class SeriesSpectrum(SeriesFeatures):
    """Log power of each channel at each frequency of `SPECTRUM` (Welch 1967) of time series."""

    def __init__(self, shape: Sequence[int], dropout: float, fs: float):
        bins = torch.fft.rfftfreq(round(SEGMENT_S * fs), 1 / fs)
        self.bins = ((bins >= SPECTRUM[0]) & (bins <= SPECTRUM[1])).nonzero()[:, 0].tolist()
        super().__init__(shape, fs, shape[0] * len(self.bins), dropout)

    def measure(self, x: Tensor) -> Tensor:
        power = self.transform(x).abs().square().mean(2)[:, :, self.bins]
        return power.clamp(min=LEAST_POWER).log().flatten(1)


class Covariance(SeriesFeatures):
    """Covariances of the channels in each band of `BANDS`, as vectors of the tangent space at the identity.

    The upper triangle of the matrix logarithm, its off-diagonal times the square root of 2: distances between these
    vectors are the log-Euclidean ones between the covariances (Arsigny et al. 2006; for EEG, Barachant et al. 2012).
    Bands above half the rate are left out.
    """

    def __init__(self, shape: Sequence[int], dropout: float, fs: float):
        channels = shape[0]
        self.bands = [band for band in BANDS if band[1] < fs / 2]
        super().__init__(shape, fs, len(self.bands) * channels * (channels + 1) // 2, dropout)
        upper = torch.triu_indices(channels, channels)
        self.register_buffer("upper", upper, persistent=False)
        weights = torch.where(upper[0] == upper[1], 1.0, 2**0.5)
        self.register_buffer("weights", weights, persistent=False)

    def measure(self, x: Tensor) -> Tensor:
        logs = log_matrix(shrunk(self.covariances(x)))
        return (logs[..., self.upper[0], self.upper[1]] * self.weights).flatten(1)

    def covariances(self, x: Tensor) -> Tensor:
        """The real part of the cross-spectra, summed over each band: [batch, bands, channels, channels]."""
        found = self.transform(x)
        parts = [found[..., low : high + 1].flatten(2) for low, high in self.bands]
        return torch.stack([(part @ part.mH).real for part in parts], dim=1)


def shrunk(covariances: Tensor) -> Tensor:
    """Covariances [..., n, n] moved by `SHRINKAGE` towards their mean power times the identity."""
    power = covariances.diagonal(dim1=-2, dim2=-1).mean(-1).clamp(min=LEAST_POWER)
    identity = torch.eye(covariances.shape[-1], device=covariances.device)
    return (1 - SHRINKAGE) * covariances + SHRINKAGE * power[..., None, None] * identity


def log_matrix(matrices: Tensor) -> Tensor:
    """The matrix logarithm of symmetric positive definite matrices [..., n, n]."""
    values, vectors = torch.linalg.eigh(matrices)
    return (vectors * values.clamp(min=LEAST_POWER).log()[..., None, :]) @ vectors.mT


def spectrum(shape: Sequence[int], dropout: float, **arguments: float | Sequence[int]) -> FixedFeatures:
    """Log spectra of images or time series, by the number of dimensions of a window."""
    return (ImageSpectrum if len(shape) == 3 else SeriesSpectrum)(shape, dropout, **arguments)
