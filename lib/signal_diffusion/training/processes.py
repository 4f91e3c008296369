"""Several processes that train one run: who they are, how they agree, and how they add up.

`accelerate launch` and `torchrun` start them and say who is who in RANK, WORLD_SIZE and LOCAL_RANK.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from signal_diffusion.errors import RunHeld, UserError

T = TypeVar("T")
BUCKET = 2**23  # numbers that are added up at once, 32 MiB
PATIENCE = timedelta(hours=2)  # others wait while the first evaluates
CRASH, MISTAKE, HELD = 1, 2, 75


def environment_rank() -> int:
    """The rank that the launcher gave this process; 0 without one."""
    return int(os.environ.get("RANK", "0"))


class Processes:
    """The processes of a training as one of them, `rank` of `count`, sees them; alone, everything is a no-op."""

    def __init__(self, rank: int = 0, count: int = 1):
        self.rank, self.count = rank, count

    @property
    def first(self) -> bool:
        return self.rank == 0

    def exchange(self, value: Any) -> list[Any]:
        """`value`, JSON-able, of every process in the order of their ranks."""
        if self.count == 1:
            return [value]
        data = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.count)]
        dist.all_gather(sizes, torch.tensor([len(data)]))
        longest = int(max(sizes))
        padded = torch.cat([data, torch.zeros(longest - len(data), dtype=torch.uint8)])
        found = [torch.empty_like(padded) for _ in range(self.count)]
        dist.all_gather(found, padded)
        texts = (bytes(text[: int(size)].tolist()) for text, size in zip(found, sizes, strict=True))
        return [json.loads(text) for text in texts]

    def together(self, work: Callable[[], T]) -> list[T]:
        """What `work` returns, JSON-able, in each process; if it fails in one, all end and one of them says why."""
        if self.count == 1:
            return [work()]
        value, error = None, None
        try:
            value = work()
        except Exception as caught:
            error = caught
        found = self.exchange({"value": value, "fault": _described(error)})
        faults = [(rank, each["fault"]) for rank, each in enumerate(found) if each["fault"]]
        if faults:
            self._end(error, *faults[0])
        return [each["value"] for each in found]

    def alone(self, work: Callable[[], T]) -> T:
        """What `work` returns, JSON-able, in the first process, the only one that runs it."""
        return self.together(work if self.first else lambda: None)[0]

    def add_up(self, tensors: list[Tensor]) -> None:
        """Each tensor, of the same dtype, becomes the sum of those of all processes.

        The buckets are the same at every step, which DistributedDataParallel's are not (it lays them out anew
        after the first): a resumed run adds in the same order as an unbroken one.
        """
        for bucket in _buckets(tensors) if self.count > 1 else ():
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
            dist.all_reduce(flat)
            for tensor, part in zip(bucket, flat.split([t.numel() for t in bucket]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def spread(self, tensors: list[Tensor]) -> None:
        """Every process gets the first one's values."""
        for tensor in tensors if self.count > 1 else ():
            dist.broadcast(tensor, 0)

    def anywhere(self, flags: list[bool]) -> list[bool]:
        """For each flag whether it is set in any process."""
        if self.count == 1:
            return flags
        found = torch.tensor(flags, dtype=torch.uint8)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return [bool(flag) for flag in found.tolist()]

    def _end(self, mine: Exception | None, rank: int, fault: dict[str, Any]) -> None:
        if mine is not None and (self.first or not isinstance(mine, UserError)):
            raise mine
        if not self.first:
            raise SystemExit(fault["code"])
        raise UserError(f"{fault['text']} (process {rank} of {self.count})")


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes that the launcher started, connected while the block runs; one without a launcher.

    A group that is there already is used and left. Tensors on CPUs go through gloo, those on GPUs through nccl.
    """
    if dist.is_available() and dist.is_initialized():
        yield Processes(dist.get_rank(), dist.get_world_size())
        return
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Processes(environment_rank(), count)
    finally:
        dist.destroy_process_group()


def choose_device(name: str | None = None) -> torch.device:
    """The device `name`, or this process's GPU, or the CPU where there is none."""
    kind = name or ("cuda" if torch.cuda.is_available() else "cpu")
    if kind != "cuda" or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return torch.device(kind)
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local >= torch.cuda.device_count():
        raise UserError(
            f"{local + 1} processes or more on a machine with {torch.cuda.device_count()} GPUs;"
            " start one for each GPU (--num_processes)"
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def _buckets(tensors: list[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and sum(t.numel() for t in bucket) + tensor.numel() > BUCKET:
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def _described(error: Exception | None) -> dict[str, Any] | None:
    if error is None:
        return None
    if isinstance(error, UserError):
        return {"text": str(error), "code": HELD if isinstance(error, RunHeld) else MISTAKE}
    return {"text": f"{type(error).__name__}: {error}", "code": CRASH}
