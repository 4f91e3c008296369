"""A denoiser and its process, built from a plain description; the registry of networks."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.diffusion.process import Process
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.conditioning import Conditioning
from signal_diffusion.families.diffusion.denoiser import Denoiser, grid_shape, kind_of
from signal_diffusion.families.diffusion.networks import ARGUMENTS, NETWORKS
from signal_diffusion.families.diffusion.pretrained import pretrained_arguments
from signal_diffusion.families.diffusion.prompts import packing


def describe(run: DiffusionRun, windows: Windows, conditioning: Conditioning) -> dict[str, Any]:
    """The plain description that `build` makes a denoiser of; it travels inside the weights file."""
    shape = grid_shape(windows)
    _check_channels(run, shape[0])
    return {
        "model": run.model.name,
        "network": network_arguments(run, shape, conditioning),
        "image_shape": list(shape),
        "kind": kind_of(windows),
        "conditioning": asdict(conditioning),
        "process": process_arguments(run),
    }


def network_arguments(
    run: DiffusionRun, shape: tuple[int, ...], conditioning: Conditioning
) -> dict[str, Any]:
    """What the registry builds the run's network of for windows [channels, height, width]."""
    text = None if conditioning.text is None else packing(conditioning.text)
    if run.model.pretrained is not None:
        return pretrained_arguments(run, shape, conditioning.width, text)
    told_by = {} if text is None else {"text": text}
    return ARGUMENTS[run.model.name](run.model.extras, shape[0], conditioning.width, **told_by)


def _check_channels(run: DiffusionRun, channels: int) -> None:
    for name in ("in_channels", "out_channels"):
        found = getattr(run.model.extras, name)
        if found not in (None, channels):
            raise UserError(
                f"{run.path} [model.extras] {name}: found {found}, but the data have {channels}; set that"
            )


def process_arguments(run: DiffusionRun) -> dict[str, Any]:
    objective = run.objective
    return {
        "prediction": objective.prediction_type,
        "schedule": objective.noise_schedule,
        "preconditioned": objective.precondition,
        "told": run.model.extras.told,
        "times": objective.times,
        "times_mean": objective.times_mean,
        "times_std": objective.times_std,
        "times_shift": objective.times_shift,
        "snr_gamma": run.training.snr_gamma,
        "snr_weight": objective.snr_weight,
    }


def build(description: Mapping[str, Any]) -> tuple[Denoiser, Process]:
    """A denoiser with fresh weights, drawn from torch's global generator, and its process."""
    shape, conditioning = description["image_shape"], told(description)
    network = NETWORKS[description["model"]](**description["network"])
    denoiser = Denoiser(
        network,
        conditioning.module(),
        torch.zeros(shape),
        torch.ones(shape),
        description["kind"],
    )
    return denoiser, Process(**description["process"])


def told(description: Mapping[str, Any]) -> Conditioning:
    """What a described model is told."""
    return Conditioning(
        **{**description["conditioning"], "classes": tuple(description["conditioning"]["classes"])}
    )
