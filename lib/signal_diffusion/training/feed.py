"""Batches on their way to the device, one ahead of the loop."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from signal_diffusion.training.task import Task


def batches(task: Task, steps: range, accumulation: int, device: torch.device) -> Iterator[tuple[int, list]]:
    """For each step its micro-batches on `device`; a thread prepares the next while the loop works.

    Batches are functions of (step, micro), so being early changes nothing.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        ahead = None
        for step in steps:
            now = ahead or pool.submit(_prepare, task, step, accumulation, device)
            ahead = pool.submit(_prepare, task, step + 1, accumulation, device) if step + 1 in steps else None
            yield step, [to_device(batch, device) for batch in now.result()]


def to_device(batch: Any, device: torch.device) -> Any:
    """`batch` with every tensor, at any depth, moved to `device` without waiting for the copy."""
    return _map(batch, lambda tensor: tensor.to(device, non_blocking=True))


def sample_count(batch: Any) -> int:
    """The leading length of the first tensor in `batch`; 0 if it holds none."""
    sizes: list[int] = []
    _map(batch, lambda tensor: sizes.append(len(tensor)) if tensor.ndim else None)
    return sizes[0] if sizes else 0


def _prepare(task: Task, step: int, accumulation: int, device: torch.device) -> list[Any]:
    found = [task.batch(step, micro) for micro in range(accumulation)]
    pinned = device.type == "cuda"
    return _map(found, lambda tensor: tensor.pin_memory() if pinned else tensor)


def _map(batch: Any, function: Any) -> Any:
    if isinstance(batch, np.ndarray):
        batch = torch.from_numpy(batch)
    if isinstance(batch, torch.Tensor):
        return function(batch)
    if isinstance(batch, Mapping):
        return {key: _map(value, function) for key, value in batch.items()}
    if isinstance(batch, list | tuple):
        values = [_map(value, function) for value in batch]
        return values if isinstance(batch, list) else tuple(values)
    return batch
