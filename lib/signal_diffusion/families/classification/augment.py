"""Changes of training windows, drawn anew for each; none reorders channels or time.

Windows are standardised, so that what is masked, dropped or cut becomes 0, the training mean.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from signal_diffusion.config.classification_training import Augmentation
from signal_diffusion.signals.images import content_columns


class Augmenter:
    """The changes that a run asks for, on the windows that `spec` (dataset.json) describes."""

    def __init__(self, config: Augmentation, spec: Mapping[str, Any]):
        self._config = config
        self._frames = None if spec["representation"] == "timeseries" else _frames_of_columns(spec)

    @property
    def idle(self) -> bool:
        """Whether windows stay as they are."""
        return self._config == Augmentation()

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        """Images [batch, planes, height, width] or time series [batch, channels, samples], changed."""
        config = self._config
        if self._frames is not None:
            if config.frequency_mask:
                x = x * ~stretches(len(x), x.shape[2], config.frequency_mask, generator)[:, None, :, None]
            if config.time_mask:
                frames = self._frames.to(x.device)
                masked = stretches(len(x), int(frames.max()) + 1, config.time_mask, generator)
                x = x * ~(masked[:, frames.clamp(min=0)] & (frames >= 0))[:, None, None, :]
            return x
        if config.noise:
            x = x + config.noise * torch.randn(x.shape, generator=generator, device=x.device)
        if config.channel_dropout:
            drawn = torch.rand(x.shape[:2], generator=generator, device=x.device)
            x = x * (drawn >= config.channel_dropout)[:, :, None]
        if config.crop < 1:
            x = x * ~outside(len(x), x.shape[2], config.crop, generator)[:, None, :]
        return x


def stretches(batch: int, length: int, share: float, generator: Generator) -> Tensor:
    """One stretch of up to `share` of `length` places per window, anywhere: bool [batch, length] (SpecAugment)."""
    size, start = torch.rand(2, batch, 1, generator=generator, device=generator.device)
    size = (size * (int(share * length) + 1)).floor()
    start = (start * (length - size + 1)).floor()
    places = torch.arange(length, device=generator.device)
    return (places >= start) & (places < start + size)


def outside(batch: int, length: int, least: float, generator: Generator) -> Tensor:
    """All but one stretch of `least` of `length` places or more: bool [batch, length]."""
    size, start = torch.rand(2, batch, 1, generator=generator, device=generator.device)
    size = (length * (least + (1 - least) * size)).round().clamp(min=1)
    start = (start * (length - size + 1)).floor()
    places = torch.arange(length, device=generator.device)
    return (places < start) | (places >= start + size)


def _frames_of_columns(spec: Mapping[str, Any]) -> Tensor:
    """The frame that each image column shows, int64 [width], -1 beside the channels."""
    columns = content_columns(spec["resolution"], len(spec["channels"]), spec["frames"])
    found = torch.full((spec["resolution"],), -1)
    found[columns] = torch.arange(columns.stop - columns.start) % spec["frames"]
    return found
