"""The training loop of every family."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from signal_diffusion.training.checkpoints import Checkpoints, load_checkpoint
from signal_diffusion.training.ema import Ema
from signal_diffusion.training.feed import batches, sample_count, to_device
from signal_diffusion.training.lock import Lock
from signal_diffusion.training.logging import RunLog, Speed, cost
from signal_diffusion.training.meters import Meters
from signal_diffusion.training.numerics import numerics
from signal_diffusion.training.optim import (
    build_optimizer,
    flatten_state,
    learning_rate,
    parameters,
    restore_state,
    set_learning_rate,
)
from signal_diffusion.training.plan import PRECISIONS, Plan
from signal_diffusion.training.seeds import derive, seed_global
from signal_diffusion.training.selection import Best
from signal_diffusion.training.signals import StopRequest
from signal_diffusion.training.task import Task

RANK = 0


def train(
    task: Task, plan: Plan, folder: Path, identity: Mapping[str, Any], log: RunLog
) -> dict[str, dict[str, Tensor]]:
    """Train `task` by `plan`; return the final state dicts on the CPU: `model`, `ema` if it averages, and `best`,
    `best-2` and so on if the plan keeps the weights with the best of a score (averaged ones if it averages).

    Checkpoints live under `folder`, keyed by `identity` (JSON-able: the config and code behind the task's
    numbers), the plan's own numbers, the kind of device and torch's version. Training goes on from the newest
    whole one of that key and ends with the weights of an unbroken run, bit for bit. They stay until
    `checkpoints.discard(folder)`.

    Raises `UserError` if the loss or a gradient stops being finite, `RunHeld` if another process trains this
    run, and `SystemExit` with 143 or 130 after the checkpoint that SIGTERM or SIGINT asks for.
    """
    plan.check()
    with Lock(folder) as lock, StopRequest() as stop, numerics(plan.threads, plan.allow_tf32):
        return _Training(task, plan, Path(folder), identity, log).run(lock, stop)


class _Training:
    def __init__(self, task: Task, plan: Plan, folder: Path, identity: Mapping[str, Any], log: RunLog):
        self.task, self.plan, self.log = task, plan, log
        self.device = torch.device(plan.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = task.model.to(self.device)
        self.forward_model = torch.compile(self.model) if plan.compile_model else self.model
        self.optimizer = build_optimizer(plan.optimizer, task.parameter_groups())
        self.parameters = parameters(self.optimizer)
        self.ema = Ema(plan.ema, self.model) if plan.ema else None
        self.best = Best(*plan.keep, plan.keep_count, plan.patience) if plan.keep else None
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=plan.precision == "fp16")
        self.meters = Meters(["loss"] if plan.precision == "fp16" else ["loss", "grad_norm"])
        self.generator = torch.Generator(self.device)
        key = {
            "task": identity,
            "plan": plan.numbers(),
            "device": self.device.type,
            "torch": torch.__version__,
        }
        self.checkpoints = Checkpoints(folder, key, plan.checkpoint_limit)
        self.speed = Speed()
        self.done = 0

    def run(self, lock: Lock, stop: StopRequest) -> dict[str, dict[str, Tensor]]:
        self._resume()
        self.log.start(self.done, self.plan.max_steps)
        if self.done < self.plan.max_steps:
            self._describe()
        if self.done == 0 and self.plan.initial_eval:
            self._evaluate()
        self.speed.restart()
        self.model.train()
        steps = range(self.done, self.done if self._exhausted else self.plan.max_steps)
        for step, micros in batches(self.task, steps, self.plan.accumulation, self.device):
            lock.check()
            self._step(step, micros)
            self._after_step(stop)
            if self._exhausted:
                break
        return self._final()

    @property
    def _exhausted(self) -> bool:
        return self.best is not None and self.best.exhausted

    def _step(self, step: int, micros: list) -> None:
        rate = learning_rate(self.plan.optimizer, self.plan.schedule, step, self.plan.max_steps)
        set_learning_rate(self.optimizer, rate)
        for micro, batch in enumerate(micros):
            loss, scalars = self._loss(self.forward_model, batch, step, micro)
            self.scaler.scale(loss / len(micros)).backward()
            self.meters.add(step, loss=loss, **scalars)
        norm = self._clip()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.done = step + 1
        if self.ema is not None:
            self.ema.update(self.done)
        self.meters.add(step, grad_norm=norm, lr=rate)
        self.speed.add(sum(sample_count(batch) for batch in micros))

    def _loss(self, model: nn.Module, batch: Any, step: int, micro: int) -> tuple[Tensor, dict[str, Any]]:
        seed_global(self.device, self.plan.seed, RANK, step, micro)
        self.generator.manual_seed(derive(self.plan.seed, RANK, step, micro))
        with self._autocast():
            return self.task.loss(model, batch, self.generator)

    def _clip(self) -> Tensor:
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        if self.plan.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(self.parameters, self.plan.clip_norm, norm)
        return norm

    def _after_step(self, stop: StopRequest) -> None:
        last = self.done == self.plan.max_steps
        shown = self._log_scalars() if last or self._due(self.plan.log_every) else {}
        self.log.step(**shown)
        if self._due(self.plan.eval_every) or (last and self.best is not None):
            self._evaluate()
        if last or stop.signal or self._exhausted or self._due(self.plan.checkpoint_every):
            self._save()
        if stop.signal:
            self.log.say(
                f"stopped by signal {stop.signal} at step {self.done}, checkpoint written; run it again"
            )
            raise SystemExit(stop.exit_code)

    def _due(self, interval: int) -> bool:
        return interval > 0 and self.done % interval == 0

    def _log_scalars(self) -> dict[str, float]:
        means = self.meters.flush()
        speed = self.speed.read()
        self.log.scalars(self.done, {f"train/{name}": value for name, value in means.items()} | speed)
        self.speed.restart()
        return {"loss": means["loss"], "lr": means["lr"], **speed}

    def _evaluate(self) -> None:
        self.meters.check()
        seed_global(self.device, self.plan.seed, RANK, "evaluation", self.done)
        self.model.eval()
        averaged = self.ema.applied() if self.ema is not None else nullcontext()
        with averaged, torch.no_grad(), self._autocast():
            scores = self.task.evaluate(self.model, self.done)
            images = self.task.images(self.model, self.done) if self.log.draws else ()
            if self.best is not None:
                self.best.offer(self.done, scores, self.model.state_dict())
        self.model.train()
        self.log.scalars(self.done, scores)
        self.log.images(self.done, images)
        self.speed.restart()

    def _save(self) -> None:
        self.meters.check()
        tensors = {"model": self.model.state_dict(), "optimizer": flatten_state(self.optimizer)}
        if self.ema is not None:
            tensors["ema"] = self.ema.averages()
        state = {"scaler": self.scaler.state_dict(), "meters": self.meters.state_dict()}
        if self.best is not None:
            tensors |= self.best.states()
            state["best"] = self.best.state_dict()
        self.checkpoints.save(self.done, tensors, state)
        self.speed.restart()

    def _resume(self) -> None:
        self.checkpoints.clear_staging()
        path = self.checkpoints.latest()
        if path is None:
            return
        tensors, state = load_checkpoint(path)
        self.model.load_state_dict(tensors["model"])
        restore_state(self.optimizer, tensors["optimizer"])
        if self.ema is not None:
            self.ema.load(tensors["ema"])
        if self.best is not None:
            self.best.load(state["best"], tensors)
        self.scaler.load_state_dict(state["scaler"])
        self.meters.load_state_dict(state["meters"])
        self.done = state["step"]
        self.log.say(f"goes on from {path}")

    def _describe(self) -> None:
        [batch] = to_device([self.task.batch(self.done, 0)], self.device)

        def forward_backward() -> None:
            self._loss(self.model, batch, self.done, 0)[0].backward()

        self.model.eval()
        found = cost(self.model, forward_backward)
        self.optimizer.zero_grad(set_to_none=True)
        self.log.say(
            f"{found['parameters']:,} parameters, {found['trained']:,} trained;"
            f" {found['flops'] * self.plan.accumulation / 1e9:.3g} GFLOPs a step; {self.device.type},"
            f" {self.plan.threads} threads, mixed precision {self.plan.precision}"
        )

    def _final(self) -> dict[str, dict[str, Tensor]]:
        states = {"model": self.model.state_dict()}
        if self.ema is not None:
            states["ema"] = self.ema.state_dict(self.model)
        if self.best is not None:
            for kept in self.best.kept:
                self.log.say(f"kept the weights of step {kept.step}, {self.best.score} {kept.value:.6g}")
            states |= self.best.states()
        return {
            kind: {name: v.detach().cpu().clone() for name, v in state.items()}
            for kind, state in states.items()
        }

    def _autocast(self) -> AbstractContextManager:
        dtype = PRECISIONS[self.plan.precision]
        return torch.autocast(self.device.type, dtype) if dtype is not None else nullcontext()
