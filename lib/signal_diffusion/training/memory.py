"""Memory: what was used at most, less of it by recomputing activations, and a line when there is not enough."""

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from signal_diffusion.errors import UserError

GIB = 2**30
SIGNS = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "out of memory")


def peak_memory(device: torch.device) -> float:
    """The most memory in GiB that tensors on the GPU, or on a CPU the whole process, took so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / GIB
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB


def recompute_activations(model: nn.Module) -> None:
    """Let `model` keep fewer activations and compute them again backwards; `UserError` if it does not offer that.

    Networks offer it by a flag: `checkpointing` in this project, `gradient_checkpointing` in diffusers, which
    also has a method that sets it.
    """
    offered = False
    for module in model.modules():
        if hasattr(module, "checkpointing"):
            module.checkpointing = offered = True
        elif getattr(module, "_supports_gradient_checkpointing", False):
            module.enable_gradient_checkpointing()
            offered = True
    if not offered:
        raise UserError(
            "training.gradient_checkpointing = true, but this model has nothing that can be recomputed; remove the"
            " key, or lower dataset.batch_size and raise training.gradient_accumulation_steps"
        )


@contextmanager
def memory_in_one_line(step: Callable[[], int], checkpointing: bool) -> Iterator[None]:
    """Turn an out-of-memory of CPU or GPU into a `UserError` that says which step it was and what to try."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        flag = "" if checkpointing else "set training.gradient_checkpointing = true, or "
        raise UserError(
            f"out of memory at step {step()} ({first}); {flag}lower dataset.batch_size and raise"
            " training.gradient_accumulation_steps by as much (the last checkpoint is intact)"
        ) from error


def out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)
