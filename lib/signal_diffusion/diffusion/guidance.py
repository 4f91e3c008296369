"""Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598)."""

import torch
from torch import Tensor, nn

from signal_diffusion.diffusion.process import Process


def guided_velocity(
    model: nn.Module, process: Process, z: Tensor, t: float, condition: Tensor | None, scale: float
):
    """v_null + scale (v_condition - v_null); scale 1 (or no condition) is one plain call, 0 is unconditional."""
    time = torch.full([len(z)], t, device=z.device)
    if condition is None:
        return process.velocity(model(z, time).float(), z, time)
    if scale in (0.0, 1.0):
        drop = None if scale else torch.ones(len(z), dtype=torch.bool, device=z.device)
        return process.velocity(model(z, time, condition, drop).float(), z, time)
    drop = torch.arange(2 * len(z), device=z.device) >= len(z)
    both = model(z.repeat(2, 1, 1, 1), time.repeat(2), condition.repeat(2, 1), drop).float()
    with_condition, without = (process.velocity(part, z, time) for part in both.chunk(2))
    return without + scale * (with_condition - without)
