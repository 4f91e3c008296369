"""Drawing images from a denoiser."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.diffusion.guidance import guided_velocity
from signal_diffusion.diffusion.noise import sample_noise
from signal_diffusion.diffusion.process import Process
from signal_diffusion.diffusion.solvers import SOLVERS, time_grid
from signal_diffusion.families.diffusion.model import Denoiser


@dataclass(frozen=True)
class Sampling:
    """How to draw: `solver`, number of `steps` and their `shift`, guidance `scale` (1 is none), `seed` of the noise."""

    solver: str
    steps: int
    shift: float
    scale: float
    seed: int = 0
    batch_size: int = 64


def sampling_of(run: DiffusionRun, seed: int = 0, batch_size: int = 64) -> Sampling:
    """The run's `[inference]`."""
    settings = run.inference
    return Sampling(
        settings.solver,
        settings.denoising_steps,
        settings.timestep_shift,
        settings.cfg_scale,
        seed,
        batch_size,
    )


@torch.no_grad()
def draw(
    denoiser: Denoiser,
    process: Process,
    conditions: Tensor | None,
    indices: Sequence[int],
    sampling: Sampling,
    done: Callable[[int], None] = lambda n: None,
) -> np.ndarray:
    """Images uint8 [n, channels, height, width]; image i depends on (seed, indices[i]) and conditions[i] alone.

    conditions: [n, width] or None. `done` is told the size of each finished batch.
    """
    images = []
    for start in range(0, len(indices), sampling.batch_size):
        chosen = slice(start, start + sampling.batch_size)
        part = None if conditions is None else conditions[chosen].to(denoiser.mean.device)
        images.append(_draw_batch(denoiser, process, part, indices[chosen], sampling))
        done(len(images[-1]))
    return np.concatenate(images)


def _draw_batch(
    denoiser: Denoiser,
    process: Process,
    conditions: Tensor | None,
    indices: Sequence[int],
    sampling: Sampling,
) -> np.ndarray:
    device = denoiser.mean.device

    def velocity(z: Tensor, t: float) -> Tensor:
        return guided_velocity(denoiser, process, z, t, conditions, sampling.scale)

    noise = sample_noise(sampling.seed, indices, denoiser.mean.shape).to(device)
    return (
        denoiser.decode(SOLVERS[sampling.solver](velocity, noise, time_grid(sampling.steps, sampling.shift)))
        .cpu()
        .numpy()
    )
