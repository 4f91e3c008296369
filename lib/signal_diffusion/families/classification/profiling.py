"""Where the time and the memory of a classifier's training go: a few steps, taken apart."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.classification_evaluation import SPLIT, TRUE
from signal_diffusion.families.classification.task import ClassificationTask
from signal_diffusion.families.classification.train import make_task, plan
from signal_diffusion.training.logging import parameter_count
from signal_diffusion.training.memory import peak_memory
from signal_diffusion.training.numerics import numerics
from signal_diffusion.training.optim import build_optimizer
from signal_diffusion.training.plan import PRECISIONS
from signal_diffusion.training.processes import choose_device

PHASES = ("read", "move", "augment", "network", "losses", "backward", "optimiser")
OPERATORS = 12
WARM_UP = 3


class Stepper:
    """One optimiser step of a task at a time, with the seconds of each of `PHASES`."""

    def __init__(self, task: ClassificationTask, run: ClassificationRun, precision: str = "no"):
        self.task, self.device, self._dtype = task, choose_device(run.training.device), PRECISIONS[precision]
        self.model: nn.Module = task.model.to(self.device).train()
        self._optimizer = build_optimizer(plan(run, 1).optimizer, task.parameter_groups())
        self._generator = torch.Generator(self.device)
        self._step = 0

    def __call__(self) -> dict[str, float]:
        clock = _Clock(self.device)
        batch = clock("read", lambda: self.task.batch(self._step, 0))
        batch = clock("move", lambda: self._moved(batch))
        with torch.autocast(self.device.type, self._dtype, enabled=self._dtype is not None):
            x = clock("augment", lambda: self.task.prepared(batch, self._generator))
            outputs = clock("network", lambda: self.model(x))
            loss = clock("losses", lambda: self.task.losses(outputs, batch)[0])
        clock("backward", loss.backward)
        clock("optimiser", self._update)
        self._step += 1
        return clock.seconds

    def _moved(self, batch: dict[str, Any]) -> dict[str, Any]:
        labels = {name: torch.as_tensor(values).to(self.device) for name, values in batch["labels"].items()}
        return {"windows": torch.as_tensor(batch["windows"]).to(self.device), "labels": labels}

    def _update(self) -> None:
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)


class _Clock:
    def __init__(self, device: torch.device):
        self.seconds: dict[str, float] = {}
        self._device = device

    def __call__(self, phase: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self.seconds[phase] = time.perf_counter() - start
        return result


def profile_run(run: ClassificationRun, dataset: Path, steps: int) -> dict[str, Any]:
    """Medians over `steps` steps on the recipe's split: `milliseconds` by phase, `windows_per_second`, `flops` of a
    step, `peak_gib`, and the `operators` that take longest, with their milliseconds a step."""
    task, _ = make_task(run, dataset, SPLIT, TRUE)
    precision = "bf16" if run.training.use_amp else "no"
    with numerics(run.training.threads, allow_tf32=True):
        step = Stepper(task, run, precision)
        with FlopCounterMode(display=False) as counter:
            step()
        times = phases(step, steps)
        operators = _operators(step, min(steps, 5))
    seconds = sum(times.values())
    return {
        "run": run.name,
        "device": str(step.device),
        "threads": run.training.threads,
        "precision": precision,
        "batch_size": run.dataset.batch_size,
        "parameters": parameter_count(task.model),
        "flops": counter.get_total_flops(),
        "windows_per_second": run.dataset.batch_size / seconds,
        "milliseconds": {name: 1e3 * value for name, value in times.items()},
        "peak_gib": peak_memory(step.device),
        "operators": operators,
    }


def phases(step: Stepper, steps: int) -> dict[str, float]:
    """Median seconds of each phase over `steps` steps, after a few that warm up."""
    for _ in range(WARM_UP):
        step()
    found = [step() for _ in range(steps)]
    return {name: median(each[name] for each in found) for name in PHASES}


def _operators(step: Stepper, steps: int) -> list[dict[str, Any]]:
    cuda = step.device.type == "cuda"
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]) as profiler:
        for _ in range(steps):
            step()
    own = "self_device_time_total" if cuda else "self_cpu_time_total"
    events = sorted(profiler.key_averages(), key=lambda event: -getattr(event, own))[:OPERATORS]
    return [
        {"name": e.key, "milliseconds": getattr(e, own) / 1e3 / steps, "calls": int(np.ceil(e.count / steps))}
        for e in events
    ]
