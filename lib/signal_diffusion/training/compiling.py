"""`torch.compile`, refused in one line where it cannot work."""

import shutil
from collections.abc import Iterable

import torch
from torch import nn

from signal_diffusion.errors import UserError

COMPILERS = ("c++", "g++", "clang++")
GRAPHED = ("reduce-overhead", "max-autotune")  # modes that record CUDA graphs


def compiled(model: nn.Module, device: torch.device, mode: str) -> nn.Module:
    """`model` compiled on its first batch; `UserError` on a CPU without a C++ compiler to do it with."""
    if device.type == "cpu" and not any(map(shutil.which, COMPILERS)):
        raise UserError(
            "training.compile_model = true needs a C++ compiler on CPUs, and there is no"
            f" {', '.join(COMPILERS)}; install one, or set it to false"
        )
    import torch._inductor.config  # seconds to import, for nothing where nothing is compiled

    torch._inductor.config.deterministic = torch.are_deterministic_algorithms_enabled()
    return torch.compile(model, mode=mode, dynamic=False)  # batches are all of one shape


def own_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Copy gradients out of the memory of a CUDA graph, which its next run writes again (pytorch #169545)."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad = parameter.grad.clone()
