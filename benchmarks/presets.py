"""One training step of presets of diffusion runs: steps per second, memory and model FLOPs utilisation.

    python benchmarks/presets.py [PRESET ...] [--size flagship] [--batch 8] [--precision bf16] [--recompute] [--compile]
                                 [--steps 10] [--peak 989]

Without names, the presets of `--size` for db-only and timeseries. Where NATTEN's or mamba-ssm's kernels exist each is
measured with and without them. Utilisation is three times the forward operations of the definitions (as in
results/model-costs) over what the device could do: `--peak` in TFLOP/s (989 for bf16 on an H200), else the rate of a
large matrix product measured here. Memory is the GPU's peak; on a CPU it is not measured.
"""

import argparse
import time
from contextlib import ExitStack
from unittest.mock import patch

import torch
from signal_diffusion.config.presets import presets
from signal_diffusion.families.diffusion.costs import described, network_cost
from signal_diffusion.models import neighborhood, scan

CONDITION, SERIES = 2048, (19, 2048)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("presets", nargs="*")
    parser.add_argument("--size", default="flagship")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", choices=("bf16", "no"), default="bf16")
    parser.add_argument("--recompute", action="store_true", help="with gradient checkpointing")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--peak", type=float, help="TFLOP/s of the device")
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    peak = args.peak * 1e12 if args.peak else matmul_rate(device, args.precision)
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{name}, {args.precision}, batch {args.batch}, peak {peak / 1e12:.3g} TFLOP/s", flush=True)
    print(f"{'preset':32} {'kernels':>10} {'steps/s':>8} {'windows/s':>9} {'GiB':>6} {'utilisation':>11}")
    tables = presets("diffusion")
    kinds = ("db-only", "timeseries")
    chosen = args.presets or [each for each in tables if f"-{args.size}-" in each and each.endswith(kinds)]
    for preset in chosen:
        for fast in (True, False) if has_kernels(preset, device) else (False,):
            row(preset, tables[preset], fast, device, peak, args)


def row(preset, tables, fast, device, peak, args):
    network, grid, condition = described(tables, preset, CONDITION, SERIES)
    flops = 3 * args.batch * network_cost(preset, network, grid, condition).flops
    with ExitStack() as stack:
        if not fast:
            stack.enter_context(patch.object(neighborhood, "_has_natten", lambda: False))
            stack.enter_context(patch.object(scan, "_has_kernels", lambda: False))
        seconds, memory = measured(tables, preset, device, args)
    kernels = "compiled" if fast else "torch"
    rate = flops / seconds / peak
    print(
        f"{preset:32} {kernels:>10} {1 / seconds:8.2f} {args.batch / seconds:9.1f} {memory:6.1f} {rate:11.1%}",
        flush=True,
    )


def measured(tables, preset, device, args):
    """Seconds per optimiser step, the median of several after two that do not count, and the peak memory in GiB."""
    network, grid, condition = described(tables, preset, CONDITION, SERIES, device)
    network.checkpointing = args.recompute
    model = torch.compile(network) if args.compile else network
    optimizer = torch.optim.AdamW(network.parameter_groups(0.01), lr=1e-4, fused=device.type == "cuda")
    x = torch.randn(args.batch, *grid, device=device)
    inputs = x, torch.rand(args.batch, device=device), torch.randn(args.batch, condition, device=device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(args.steps + 2):
        start = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=args.precision == "bf16"):
            loss = (model(*inputs).float() - x).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        wait(device)
        times.append(time.perf_counter() - start)
    memory = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else float("nan")
    return sorted(times[2:])[args.steps // 2], memory


def has_kernels(preset, device):
    """Whether the network's own operations have compiled kernels here."""
    ask = {"hourglass": (neighborhood, "natten"), "localmamba": (scan, "mamba-ssm")}
    module, kernels = ask.get(preset.split("-")[0], (None, None))
    return module is not None and module.backend(device) == kernels


def matmul_rate(device, precision):
    """Operations per second of a large matrix product."""
    side = 8192 if device.type == "cuda" else 1024
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, times = torch.randn(side, side, device=device, dtype=kind), []
    for _ in range(6):
        start = time.perf_counter()
        a @ a
        wait(device)
        times.append(time.perf_counter() - start)
    return 2 * side**3 / min(times)


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
