"""Drawing windows from a denoiser."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.diffusion.guidance import Guided, rectified_cfgpp
from signal_diffusion.diffusion.noise import sample_noise
from signal_diffusion.diffusion.process import Process
from signal_diffusion.diffusion.solvers import SOLVERS, time_grid
from signal_diffusion.families.diffusion.denoiser import Denoiser

RECTIFIED = "rectified-cfg++"
Decode = Callable[[np.ndarray], np.ndarray]


def unchanged(drawn: np.ndarray) -> np.ndarray:
    """In pixel space what is drawn is what a dataset stores."""
    return drawn


@dataclass(frozen=True)
class Sampling:
    """How to draw: `solver`, number of `steps` and their `shift`, guidance `scale` (1 is none), `seed` of the noise.

    `guidance` is "cfg" or "rectified-cfg++", whose strength grows by `power`.
    """

    solver: str
    steps: int
    shift: float
    scale: float
    seed: int = 0
    batch_size: int = 64
    guidance: str = "cfg"
    power: float = 0.0


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
        settings.guidance,
        settings.guidance_power,
    )


@torch.no_grad()
def draw(
    denoiser: Denoiser,
    process: Process,
    conditions: Tensor | None,
    indices: Sequence[int],
    sampling: Sampling,
    done: Callable[[int], None] = lambda n: None,
    decode: Decode = unchanged,
) -> np.ndarray:
    """Windows as a dataset stores them, [n, ...]; window i depends on (seed, indices[i]) and conditions[i] alone.

    conditions: [n, ...] or None. `done` is told the size of each finished batch; `decode` makes windows of what a
    denoiser of latents draws.
    """
    windows = []
    for start in range(0, len(indices), sampling.batch_size):
        chosen = slice(start, start + sampling.batch_size)
        part = None if conditions is None else conditions[chosen].to(denoiser.mean.device)
        windows.append(decode(_draw_batch(denoiser, process, part, indices[chosen], sampling)))
        done(len(windows[-1]))
    return np.concatenate(windows)


def _draw_batch(
    denoiser: Denoiser,
    process: Process,
    conditions: Tensor | None,
    indices: Sequence[int],
    sampling: Sampling,
) -> np.ndarray:
    noise = sample_noise(sampling.seed, indices, denoiser.mean.shape).to(denoiser.mean.device)
    return (
        denoiser.decode(_solve(Guided(denoiser, process, conditions), process, noise, sampling)).cpu().numpy()
    )


def _solve(guided: Guided, process: Process, noise: Tensor, sampling: Sampling) -> Tensor:
    times = time_grid(sampling.steps, sampling.shift, process.path)
    if sampling.guidance == RECTIFIED and guided.conditional and sampling.scale not in (0, 1):
        return rectified_cfgpp(guided, noise, times, sampling.scale, sampling.power)

    def velocity(z: Tensor, t: float) -> Tensor:
        return guided.cfg(z, t, sampling.scale)

    return SOLVERS[sampling.solver](velocity, noise, times, process.path)
