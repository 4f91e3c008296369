"""What the process must be set to for the numbers to be a function of the plan."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def numerics(threads: int, allow_tf32: bool) -> Iterator[None]:
    """Deterministic kernels, `threads` CPU threads and TF32 as asked, and as before after the block.

    An operation that has no deterministic kernel on the device warns by name and runs.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = _read()
    try:
        _write((threads, "warn", False, allow_tf32, allow_tf32, False))
        yield
    finally:
        _write(before)


def _read() -> tuple:
    return (
        torch.get_num_threads(),
        torch.get_deterministic_debug_mode(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
    )


def _write(values: tuple) -> None:
    threads, deterministic, fill, matmul_tf32, cudnn_tf32, benchmark = values
    torch.set_num_threads(threads)
    # use_deterministic_algorithms tells the compiler too, and imports it: 2 s of a process that compiles nothing.
    torch.set_deterministic_debug_mode(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = fill
    torch.backends.cuda.matmul.allow_tf32 = matmul_tf32
    torch.backends.cudnn.allow_tf32 = cudnn_tf32
    torch.backends.cudnn.benchmark = benchmark
