"""Sampling noise as a function of (seed, sample index), so that batch size changes nothing but rounding."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def sample_noise(seed: int, indices: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Standard normal noise [len(indices), *shape] in float32 on the CPU; row i depends on (seed, indices[i]) alone."""
    return torch.stack([torch.randn(tuple(shape), generator=generator_for(seed, index)) for index in indices])


def generator_for(*key: int) -> torch.Generator:
    """A CPU generator whose stream is a function of the given integers."""
    state = np.random.SeedSequence([int(k) for k in key]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))
