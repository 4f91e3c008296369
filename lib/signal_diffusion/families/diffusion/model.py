"""The denoiser of a diffusion run: a network between pixels and the process, built from a plain description."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from signal_diffusion.config.diffusion import DiffusionRun, model_module
from signal_diffusion.config.dit import DitExtras
from signal_diffusion.config.hourglass import Attention, HourglassExtras
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.diffusion.process import Process

MIN_STD = 0.02  # of the range [-1, 1]; pixels beside the channels never vary


class Denoiser(nn.Module):
    """A network on standardised pixels, with the statistics that standardise them.

    Pixels in [-1, 1] become (x - mean) / std of the training split, pixel by pixel, so that the process starts
    from data of unit variance and the network need not learn the mean spectrum.
    """

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor):
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(
        self, z: Tensor, time: Tensor, condition: Tensor | None = None, drop: Tensor | None = None
    ) -> Tensor:
        return self.network(z, time, condition, drop)

    def encode(self, images: Tensor) -> Tensor:
        """Levels, uint8 [batch, channels, height, width], to standardised pixels in float32."""
        return (images.float() / 127.5 - 1 - self.mean) / self.std

    def decode(self, pixels: Tensor) -> Tensor:
        """Standardised pixels to levels, uint8, rounded and clipped."""
        levels = (pixels * self.std + self.mean + 1) * 127.5
        return levels.round().clamp(0, 255).to(torch.uint8)


def pixel_statistics(windows: Windows, standardise: str) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the training pixels in [-1, 1], each [channels, height, width]."""
    shape = windows.shape[1:]
    if standardise == "none":
        return torch.zeros(shape), torch.ones(shape)
    total, squares = np.zeros(shape), np.zeros(shape)
    for block in windows.blocks():
        pixels = block.astype(np.float64) / 127.5 - 1
        total += pixels.sum(axis=0)
        squares += np.square(pixels).sum(axis=0)
    mean = total / len(windows)
    std = np.sqrt(np.maximum(squares / len(windows) - mean**2, MIN_STD**2))
    return torch.from_numpy(mean).float(), torch.from_numpy(std).float()


def describe(run: DiffusionRun, shape: tuple[int, ...], condition_width: int) -> dict[str, Any]:
    """The plain description that `build` makes a denoiser of; it travels inside the weights file.

    shape: [channels, height, width] of an image.
    """
    return {
        "model": run.model.name,
        "network": ARGUMENTS[run.model.name](run.model.extras, shape[0], condition_width),
        "image_shape": list(shape),
        "process": process_arguments(run),
    }


def process_arguments(run: DiffusionRun) -> dict[str, Any]:
    objective = run.objective
    return {
        "prediction": objective.prediction_type,
        "preconditioned": objective.precondition,
        "times": objective.times,
        "times_mean": objective.times_mean,
        "times_std": objective.times_std,
        "snr_gamma": run.training.snr_gamma,
    }


def build(description: Mapping[str, Any]) -> tuple[Denoiser, Process]:
    """A denoiser with fresh weights, drawn from torch's global generator, and its process."""
    shape = description["image_shape"]
    network = NETWORKS[description["model"]](**description["network"])
    return Denoiser(network, torch.zeros(shape), torch.ones(shape)), Process(**description["process"])


def _hourglass_arguments(extras: HourglassExtras, channels: int, condition_width: int) -> dict[str, Any]:
    rows = zip(
        extras.depths, extras.widths, extras.d_ffs, extras.self_attns, extras.dropout_rate, strict=True
    )
    return {
        "channels": channels,
        "patch": extras.patch_size,
        "levels": [_level(*row) for row in rows],
        "mapping_width": extras.mapping_width,
        "mapping_depth": extras.mapping_depth,
        "mapping_hidden": extras.mapping_d_ff,
        "mapping_dropout": extras.mapping_dropout_rate,
        "condition_width": condition_width,
    }


def _level(depth: int, width: int, hidden: int, attention: Attention, dropout: float) -> dict[str, Any]:
    return {
        "depth": depth,
        "width": width,
        "hidden": hidden,
        "head_dim": attention.d_head,
        "kernel_size": attention.kernel_size if attention.type == "neighborhood" else None,
        "dropout": dropout,
    }


def _dit_arguments(extras: DitExtras, channels: int, condition_width: int) -> dict[str, Any]:
    return {
        "channels": channels,
        "patch": extras.patch_size,
        "heads": extras.num_attention_heads,
        "head_dim": extras.attention_head_dim,
        "depth": extras.num_layers,
        "mlp_ratio": extras.mlp_ratio,
        "dropout": extras.dropout_rate,
        "condition_width": condition_width,
    }


def _network(name: str, **arguments: Any) -> nn.Module:
    """Imported by name, so that the code of another network makes no run stale."""
    return import_module(model_module(name)).network(**arguments)


ARGUMENTS = {"hourglass": _hourglass_arguments, "dit": _dit_arguments}
NETWORKS = {name: partial(_network, name) for name in ARGUMENTS}
