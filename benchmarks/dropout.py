"""Dropout as the models use it against PyTorch's, forward and backward, in one run.

    python benchmarks/dropout.py [--p 0.1] [--threads 2] [--repeats 20]

Times are medians. On a GPU both are PyTorch's own.
"""

import argparse
import statistics
import time

import torch
from signal_diffusion.environment import keep_freed_memory
from signal_diffusion.models.dropout import Dropout
from torch import nn

SHAPES = {"demo, feed-forward": (16, 64, 576), "cnn_light, stem": (64, 8, 64, 64)}


def seconds(layer: nn.Module, shape: tuple[int, ...], repeats: int) -> float:
    """The median of one forward and backward."""
    x, times = torch.randn(shape, requires_grad=True), []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        layer(x).sum().backward()
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--p", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    keep_freed_memory()  # as every script does
    torch.set_num_threads(args.threads)
    for name, shape in SHAPES.items():
        own, theirs = (seconds(kind(args.p), shape, args.repeats) for kind in (Dropout, nn.Dropout))
        print(
            f"{name:20} {own * 1e3:7.2f} ms, PyTorch's {theirs * 1e3:7.2f} ms: {theirs / own:.1f} times as fast"
        )


if __name__ == "__main__":
    main()
