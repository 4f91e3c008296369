"""A network between a dataset's windows and the process."""

import numpy as np
import torch
from torch import Tensor, nn

from signal_diffusion.datasets.storage import Windows
from signal_diffusion.families.diffusion.prompts import TrainedText

MIN_STD = 0.02  # of the range [-1, 1]; pixels beside the channels never vary
LEVELS, SERIES, LATENTS = "levels", "series", "latents"  # what windows hold: uint8, z-scores, a VAE's


class Denoiser(nn.Module):
    """A network on standardised windows, with the statistics that standardise them and what embeds their labels.

    Pixels in [-1, 1], or latents, become (x - mean) / std of the training split, pixel by pixel, so that the process
    starts from data of unit variance and the network need not learn the mean spectrum. Time series are z-scores
    already, and are shown as [batch, 1, channels, samples].

    Args:
        kind: what windows hold, "levels", "series" or "latents".
        conditioner: from labels [batch, ...] to vectors [batch, width]; None where there are vectors already.
        mean, std: [channels, height, width] each.
    """

    def __init__(
        self,
        network: nn.Module,
        conditioner: nn.Module | None,
        mean: Tensor,
        std: Tensor,
        kind: str = LEVELS,
    ):
        super().__init__()
        self.network, self.conditioner = network, conditioner
        self.kind = kind
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(
        self, z: Tensor, time: Tensor, condition: Tensor | None = None, drop: Tensor | None = None
    ) -> Tensor:
        """Prediction for noisy windows z [batch, channels, height, width] at noise levels `time` [batch].

        condition: [batch, ...] as the run's conditioning gives it; drop: bool [batch], where it is replaced by the
        network's null condition.
        """
        if drop is not None and isinstance(self.conditioner, TrainedText):
            condition, drop = self.conditioner.emptied(condition, drop), None
        if self.conditioner is not None:
            condition = self.conditioner(condition)
        return self.network(z, time, condition, drop)

    def encode(self, windows: Tensor) -> Tensor:
        """Windows as a dataset stores them to standardised float32 [batch, channels, height, width]."""
        return (_numbers(windows, self.kind) - self.mean) / self.std

    def decode(self, standardised: Tensor) -> Tensor:
        """Inverse of `encode`; levels are rounded and clipped."""
        values = standardised * self.std + self.mean
        if self.kind == LEVELS:
            return ((values + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        return values[:, 0] if self.kind == SERIES else values

    def parameter_groups(self, weight_decay: float, told_rate: float = 1.0) -> list[dict]:
        """The network's, and what embeds labels or captions, without decay and at `told_rate` times the rate."""
        groups = self.network.parameter_groups(weight_decay)
        own = [] if self.conditioner is None else list(self.conditioner.parameters())
        own = [parameter for parameter in own if parameter.requires_grad]
        return groups + ([{"params": own, "weight_decay": 0.0, "lr_scale": told_rate}] if own else [])


def kind_of(windows: Windows) -> str:
    """What the windows of a dataset or of a folder of latents hold."""
    if windows.spec["representation"] == LATENTS:
        return LATENTS
    return LEVELS if len(windows.shape) == 4 else SERIES


def grid_shape(windows: Windows) -> tuple[int, ...]:
    """[channels, height, width] of what a network sees of windows."""
    return windows.shape[1:] if len(windows.shape) == 4 else (1, *windows.shape[1:])


def statistics(windows: Windows, standardise: str) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each training pixel, in [-1, 1] or of latents: [channels, height, width] each."""
    kind, shape = kind_of(windows), grid_shape(windows)
    if standardise == "none" or kind == SERIES:
        return torch.zeros(shape), torch.ones(shape)
    total, squares = np.zeros(shape), np.zeros(shape)
    for block in windows.blocks():
        pixels = block.astype(np.float64)
        pixels = pixels / 127.5 - 1 if kind == LEVELS else pixels
        total += pixels.sum(axis=0)
        squares += np.square(pixels).sum(axis=0)
    mean = total / len(windows)
    std = np.sqrt(np.maximum(squares / len(windows) - mean**2, MIN_STD**2))
    return torch.from_numpy(mean).float(), torch.from_numpy(std).float()


def _numbers(windows: Tensor, kind: str) -> Tensor:
    if kind == LEVELS:
        return windows.float() / 127.5 - 1
    return windows[:, None] if kind == SERIES else windows
