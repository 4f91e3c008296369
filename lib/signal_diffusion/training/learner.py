"""What is trained: the model with its optimiser and averages, one step at a time, and all that a checkpoint holds."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from signal_diffusion.training.compiling import GRAPHED, compiled, own_gradients
from signal_diffusion.training.ema import Ema
from signal_diffusion.training.feed import Micro, Share, micro_batch
from signal_diffusion.training.memory import recompute_activations
from signal_diffusion.training.meters import Meters
from signal_diffusion.training.optim import (
    build_optimizer,
    flatten_state,
    learning_rate,
    parameters,
    restore_state,
    set_learning_rate,
)
from signal_diffusion.training.plan import PRECISIONS, Plan
from signal_diffusion.training.processes import Processes
from signal_diffusion.training.seeds import derive, seed_global
from signal_diffusion.training.selection import Best
from signal_diffusion.training.swa import Swa, batch_norms
from signal_diffusion.training.task import Task


class Learner:
    """`done` steps of the `planned` ones, which early stopping brings forward, and of those of `plan.swa` after."""

    def __init__(self, task: Task, plan: Plan, processes: Processes, device: torch.device):
        self.task, self.plan, self.processes, self.device = task, plan, processes, device
        self.share = Share(plan.accumulation, processes.rank, processes.count)
        self.model = task.model.to(device)
        processes.spread(list(self.model.state_dict().values()))
        if plan.gradient_checkpointing:
            recompute_activations(self.model)
        self.forward_model = (
            compiled(self.model, device, plan.compile_mode) if plan.compile_model else self.model
        )
        self.graphed = plan.compile_model and plan.compile_mode in GRAPHED
        scaled = plan.precision == "fp16"
        self.optimizer = build_optimizer(plan.optimizer, task.parameter_groups(), scaled)
        self.parameters = parameters(self.optimizer)
        self.ema = Ema(plan.ema, self.model) if plan.ema else None
        self.swa = Swa(plan.swa, self.model) if plan.swa else None
        self.best = Best(*plan.keep, plan.keep_count, plan.patience) if plan.keep else None
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)
        self.meters = Meters(["loss"] if scaled else ["loss", "grad_norm"])
        self.generator = torch.Generator(device)
        self.done, self.planned = 0, plan.max_steps

    @property
    def end(self) -> int:
        return self.planned + (self.plan.swa.steps if self.plan.swa else 0)

    @property
    def averaged_now(self) -> bool:
        """Whether the last step ended a cycle of stochastic weight averaging."""
        extra = self.done - self.planned
        return self.swa is not None and extra > 0 and extra % self.plan.swa.every == 0

    def gradients(self, micros: list[Micro]) -> None:
        """This process's part of the step's gradients."""
        for micro in micros:
            loss, scalars = self.loss(self.forward_model, micro, self.done)
            self.scaler.scale(loss * micro.part / self.plan.accumulation).backward()
            self.meters.add(self.done, loss=loss, **scalars)
            if self.graphed and micro is not micros[-1]:
                own_gradients(self.parameters)

    def loss(self, model: nn.Module, micro: Micro, step: int) -> tuple[Tensor, dict[str, Any]]:
        stream = (self.plan.seed, self.share.stream, step, micro.number)
        seed_global(self.device, *stream)
        self.generator.manual_seed(derive(*stream))
        with self.autocast():
            return self.task.loss(model, micro.batch, self.generator)

    def step(self) -> None:
        """Add up all processes' gradients and move the weights, the same in each of them."""
        self._share_gradients()
        rate = self._rate(self.done)
        set_learning_rate(self.optimizer, rate)
        norm = self._clip()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.meters.add(self.done, grad_norm=norm, lr=rate)
        self.done += 1
        self._share_statistics()
        if self.ema is not None:
            self.ema.update(self.done)
        if self.averaged_now:
            self.swa.update()

    def autocast(self) -> AbstractContextManager:
        dtype = PRECISIONS[self.plan.precision]
        return torch.autocast(self.device.type, dtype) if dtype is not None else nullcontext()

    def averaged(self) -> AbstractContextManager:
        """The model runs on the weights that count: averages where the plan averages."""
        if self.swa is not None and self.swa.count:
            return self.swa.with_statistics(self.model, self._last_cycle())
        return self.ema.applied() if self.ema is not None else nullcontext()

    def choose(self, scores: Mapping[str, float]) -> None:
        """Keep the present weights, those that `scores` are of, if they are among the best of the planned steps."""
        if self.best is not None and self.done <= self.planned:
            self.best.offer(self.done, scores, self.model.state_dict())

    @property
    def exhausted(self) -> bool:
        return self.best is not None and self.best.exhausted and self.done < self.planned

    def capture(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        """Tensors and JSON-able state of everything that the next step depends on."""
        tensors = {"model": self.model.state_dict(), "optimizer": flatten_state(self.optimizer)}
        state = {"scaler": self.scaler.state_dict(), "planned": self.planned}
        if self.ema is not None:
            tensors["ema"] = self.ema.averages()
        if self.swa is not None:
            tensors["swa"], state["swa"] = self.swa.averages(), self.swa.count
        if self.best is not None:
            tensors |= self.best.states()
            state["best"] = self.best.state_dict()
        return tensors, state

    def restore(self, tensors: Mapping[str, dict[str, Tensor]], state: Mapping[str, Any]) -> None:
        """Undo `capture`; `state` also says the `step`."""
        self.model.load_state_dict(tensors["model"])
        restore_state(self.optimizer, tensors["optimizer"])
        if self.ema is not None:
            self.ema.load(tensors["ema"])
        if self.swa is not None:
            self.swa.load(tensors["swa"])
            self.swa.count = state["swa"]
        if self.best is not None:
            self.best.load(state["best"], tensors)
        self.scaler.load_state_dict(state["scaler"])
        self.done, self.planned = state["step"], state["planned"]

    def final(self) -> dict[str, dict[str, Tensor]]:
        """State dicts on the CPU: `model`, and `ema`, `best`, `swa` where the plan makes them."""
        states = {"model": _copied(self.model.state_dict())}
        if self.ema is not None:
            states["ema"] = _copied(self.ema.state_dict(self.model))
        if self.best is not None:
            states |= {name: _copied(state) for name, state in self.best.states().items()}
        if self.swa is not None:
            with self.averaged(), torch.no_grad():
                states["swa"] = _copied(self.model.state_dict())
        return states

    def _share_gradients(self) -> None:
        if self.processes.count == 1:
            return
        reached = self.processes.anywhere([p.grad is not None for p in self.parameters])
        trained = [p for p, anywhere in zip(self.parameters, reached, strict=True) if anywhere]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.processes.add_up([p.grad for p in trained])

    def _share_statistics(self) -> None:
        """Running statistics of batches are the mean over processes, each of which saw its own part."""
        if self.processes.count > 1:
            found = [s for norm in batch_norms(self.model) for s in (norm.running_mean, norm.running_var)]
            self.processes.add_up(found)
            for statistic in found:
                statistic.div_(self.processes.count)

    def _rate(self, step: int) -> float:
        rates = self.plan.optimizer, self.plan.schedule
        if step < self.planned:
            return learning_rate(*rates, step, self.plan.max_steps)
        start = learning_rate(*rates, self.planned, self.plan.max_steps)
        return self.plan.swa.rate(start, self.plan.optimizer.lr, step - self.planned)

    def _clip(self) -> Tensor:
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        if self.plan.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(self.parameters, self.plan.clip_norm, norm)
        return norm

    def _last_cycle(self) -> Iterator[Callable[[], Any]]:
        """Forward passes over the micro-batches of the cycle that ended with the last step."""
        share = Share(self.plan.accumulation)
        for step in range(self.done - self.plan.swa.every, self.done):
            for number in share.numbers:
                micro = micro_batch(self.task, step, number, share, self.device)
                yield lambda micro=micro, step=step: self.loss(self.model, micro, step)


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}
