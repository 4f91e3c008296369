"""Training steps a second of a diffusion run's model, by the real loop's step on random images.

    python benchmarks/training.py [config/diffusion/demo.toml] [--steps 30]

Prints steps and images a second, and the floating-point rate that torch's own counter gives for them.
"""

import argparse
import statistics
import time
from pathlib import Path
from types import SimpleNamespace

import torch
from signal_diffusion.config import load_recipe, load_run
from signal_diffusion.environment import keep_freed_memory
from signal_diffusion.families.diffusion.conditioning import Conditioning
from signal_diffusion.families.diffusion.model import build, describe
from signal_diffusion.families.diffusion.task import flow_loss
from signal_diffusion.training.optim import OptimizerPlan, build_optimizer
from torch.utils.flop_counter import FlopCounterMode

TEXT_WIDTH = 64
PRECISIONS = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def stepper(run):
    """A function that takes one optimiser step of the run's model on one random batch."""
    resolution = load_recipe(run.dataset.name).spectrogram.resolution
    conditioned = run.model.conditioning == "caption"
    windows = SimpleNamespace(shape=(1, 1, resolution, resolution), spec={"representation": "db-only"})
    conditioning = Conditioning("caption", TEXT_WIDTH, guided=True) if conditioned else Conditioning("none")
    denoiser, process = build(describe(run, windows, conditioning))
    optimizer = build_optimizer(OptimizerPlan(lr=1e-4), denoiser.network.parameter_groups(0.0))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(run.dataset.batch_size, 1, resolution, resolution)
    condition = torch.randn(len(x), TEXT_WIDTH) if conditioned else None
    dtype = PRECISIONS[run.training.mixed_precision]

    def step():
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            loss = flow_loss(denoiser, process, x, condition, run.model.extras.cfg_dropout, generator)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step, sum(p.numel() for p in denoiser.parameters())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", type=Path, default=Path("config/diffusion/demo.toml"))
    parser.add_argument("--steps", type=int, default=30)
    args = parser.parse_args()
    keep_freed_memory()  # as every script does
    run = load_run(args.run)
    torch.set_num_threads(run.training.threads)
    step, parameters = stepper(run)
    with FlopCounterMode(display=False) as counter:
        step()
    times = []
    for _ in range(args.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    second = statistics.median(times)
    print(
        f"{run.name}: {parameters:,} parameters, batch {run.dataset.batch_size}, {run.training.threads} threads, "
        f"mixed precision {run.training.mixed_precision}"
    )
    print(
        f"{1 / second:.2f} steps/s   {run.dataset.batch_size / second:.1f} images/s   "
        f"{counter.get_total_flops() / second / 1e9:.1f} GFLOP/s"
    )


if __name__ == "__main__":
    main()
