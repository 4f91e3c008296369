"""Neighbourhood attention, forward and backward, against a dense-mask SDPA and a gather reference.

    python benchmarks/attention.py [--grid 64] [--kernel 7] [--batch 8] [--heads 2] [--dim 64] [--runs 5]

Prints the median of several runs in milliseconds and each reference's ratio to the tiled implementation.
All three are exact; the largest difference of their outputs is printed too.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from signal_diffusion.models.neighborhood import tiled_attention, window_starts


def dense(q, k, v, kernel, scale):
    """One SDPA over all tokens with the neighbourhoods as a boolean mask."""
    length = q.shape[1]
    first = window_starts(length, kernel)[:, None]
    axis = (torch.arange(length) >= first) & (torch.arange(length) < first + kernel)
    mask = (axis[:, None, :, None] & axis[None, :, None, :]).reshape(length**2, length**2)
    flat = (x.flatten(1, 2).transpose(1, 2) for x in (q, k, v))
    out = F.scaled_dot_product_attention(*flat, attn_mask=mask, scale=scale)
    return out.transpose(1, 2).unflatten(1, (length, length))


def gathered(q, k, v, kernel, scale):
    """Each query's keys and values collected one by one, then a softmax over them."""
    length = q.shape[1]
    near = window_starts(length, kernel)[:, None] + torch.arange(kernel)
    rows, columns = near[:, None, :, None], near[None, :, None, :]
    keys, values = (x[:, rows, columns].flatten(3, 4) for x in (k, v))
    weights = torch.einsum("bijhd,bijnhd->bijhn", q, keys).mul(scale).softmax(-1)
    return torch.einsum("bijhn,bijnhd->bijhd", weights, values)


def median_ms(function, inputs, runs):
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        function(*inputs).sum().backward()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("grid", 64), ("kernel", 7), ("batch", 8), ("heads", 2), ("dim", 64), ("runs", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    shape = (args.batch, args.grid, args.grid, args.heads, args.dim)
    qkv = [torch.randn(shape, requires_grad=True) for _ in range(3)]
    methods = {"tiled": tiled_attention, "dense mask": dense, "gather": gathered}
    calls = {name: lambda *x, f=f: f(*x, args.kernel, args.dim**-0.5) for name, f in methods.items()}
    with torch.no_grad():
        outputs = [call(*qkv) for call in calls.values()]
    times = {name: median_ms(call, qkv, args.runs) for name, call in calls.items()}
    print(
        f"{args.grid}x{args.grid} tokens, kernel {args.kernel}, batch {args.batch}, {args.heads} heads of {args.dim}, "
        f"{torch.get_num_threads()} threads, float32, forward and backward"
    )
    for name, value in times.items():
        print(f"{name:12} {value:8.1f} ms   {value / times['tiled']:6.2f} x tiled")
    print(f"largest difference {max(float((a - outputs[0]).abs().max()) for a in outputs):.1e}")


if __name__ == "__main__":
    main()
