"""Batches on their way to the device, one ahead of the loop."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from signal_diffusion.errors import UserError
from signal_diffusion.training.task import Task


@dataclass(frozen=True)
class Micro:
    """A micro-batch, or this process's `part` of it; `rows` are those of the whole."""

    number: int
    batch: Any
    rows: int
    part: float = 1.0


@dataclass(frozen=True)
class Share:
    """What one of `count` processes takes of each step, so that together they take what one would.

    Whole micro-batches where the processes divide `accumulation`: losses, noise and dropout are then the very same
    as one process's. Otherwise rows of every micro-batch, with draws of each process's own.
    """

    accumulation: int
    rank: int = 0
    count: int = 1

    @property
    def whole(self) -> bool:
        return self.accumulation % self.count == 0

    @property
    def stream(self) -> int:
        """Which random stream the draws of a micro-step come from."""
        return 0 if self.whole else self.rank

    @property
    def numbers(self) -> range:
        """The micro-steps that this process takes part in."""
        if not self.whole:
            return range(self.accumulation)
        each = self.accumulation // self.count
        return range(self.rank * each, (self.rank + 1) * each)

    def take(self, number: int, batch: Any) -> Micro:
        """This process's part of micro-batch `number`; `UserError` if there are fewer rows than processes."""
        rows = sample_count(batch)
        if self.whole:
            return Micro(number, batch, rows)
        if rows < self.count:
            raise UserError(
                f"{self.count} processes cannot share batches of {rows} rows; raise dataset.batch_size or"
                " training.gradient_accumulation_steps, or start fewer processes"
            )
        start, stop = self.rank * rows // self.count, (self.rank + 1) * rows // self.count
        return Micro(number, _map(batch, lambda t: _rows(t, rows, start, stop)), rows, (stop - start) / rows)

    def samples(self, micros: list[Micro]) -> int:
        """Rows of the step in all processes."""
        return sum(micro.rows for micro in micros) * (self.count if self.whole else 1)


def batches(
    task: Task, steps: range, share: Share, device: torch.device
) -> Iterator[tuple[int, list[Micro]]]:
    """For each step its micro-batches on `device`; a thread prepares the next while the loop works.

    Batches are functions of (step, micro), so being early changes nothing.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        ahead = None
        for step in steps:
            now = ahead or pool.submit(_prepare, task, step, share, device)
            ahead = pool.submit(_prepare, task, step + 1, share, device) if step + 1 in steps else None
            yield step, [_to_device(micro, device) for micro in now.result()]


def micro_batch(task: Task, step: int, number: int, share: Share, device: torch.device) -> Micro:
    """One micro-batch of `step` on `device`, fetched at once."""
    return _to_device(share.take(number, task.batch(step, number)), device)


def sample_count(batch: Any) -> int:
    """The leading length of the first tensor in `batch`; 0 if it holds none."""
    sizes: list[int] = []
    _map(batch, lambda tensor: sizes.append(len(tensor)) if tensor.ndim else None)
    return sizes[0] if sizes else 0


def _prepare(task: Task, step: int, share: Share, device: torch.device) -> list[Micro]:
    found = [share.take(number, task.batch(step, number)) for number in share.numbers]
    pinned = device.type == "cuda"
    return [_with(micro, lambda tensor: tensor.pin_memory() if pinned else tensor) for micro in found]


def _to_device(micro: Micro, device: torch.device) -> Micro:
    """Every tensor, at any depth, is moved to `device` without waiting for the copy."""
    return _with(micro, lambda tensor: tensor.to(device, non_blocking=True))


def _with(micro: Micro, function: Any) -> Micro:
    return Micro(micro.number, _map(micro.batch, function), micro.rows, micro.part)


def _rows(tensor: torch.Tensor, rows: int, start: int, stop: int) -> torch.Tensor:
    if not tensor.ndim:
        return tensor
    if len(tensor) != rows:
        raise ValueError(
            f"a batch of {rows} rows holds a tensor of {len(tensor)}; processes share it by rows"
        )
    return tensor[start:stop]


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
