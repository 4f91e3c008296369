"""The training loop of every family."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from signal_diffusion.training.checkpoints import Checkpoints, load_checkpoint
from signal_diffusion.training.feed import Micro, batches, micro_batch
from signal_diffusion.training.learner import Learner
from signal_diffusion.training.lock import Lock
from signal_diffusion.training.logging import RunLog, Speed, cost
from signal_diffusion.training.memory import memory_in_one_line, peak_memory
from signal_diffusion.training.meters import mean_of
from signal_diffusion.training.numerics import numerics
from signal_diffusion.training.plan import Plan
from signal_diffusion.training.processes import Processes, choose_device, joined
from signal_diffusion.training.seeds import seed_global
from signal_diffusion.training.signals import Interrupted, StopRequest
from signal_diffusion.training.task import Task


def train(
    task: Task, plan: Plan, folder: Path, identity: Mapping[str, Any], log: RunLog
) -> dict[str, dict[str, Tensor]]:
    """Train `task` by `plan`; return the final state dicts on the CPU: `model`; `ema` if it averages; `best`,
    `best-2` and so on if it keeps the weights with the best of a score (averaged ones if it averages); and `swa`,
    with BatchNorm statistics of its own, if it ends in stochastic weight averaging.

    Checkpoints live under `folder`, keyed by `identity` (JSON-able: the config and code behind the task's
    numbers), the plan's own numbers, the kind of device, the number of processes and torch's version. Training goes
    on from the newest whole one of that key and ends with the weights of an unbroken run, bit for bit. They stay
    until `checkpoints.discard(folder)`.

    Under `accelerate launch` or `torchrun` the processes share every batch and the first one alone locks, writes,
    evaluates and returns: in the others this ends in `SystemExit(0)`. `folder` is on a disk that all of them see.

    Raises `UserError` if the loss or a gradient stops being finite or memory runs out, `RunHeld` if another
    training of this run goes on, and `SystemExit` with 143 or 130 after the checkpoint that SIGTERM or SIGINT, to
    any of the processes, asks for.
    """
    plan.check()
    device = choose_device(plan.device)
    with joined(device) as processes, _held(folder, processes) as lock, StopRequest() as stop:
        with numerics(plan.threads, plan.allow_tf32):
            learner = Learner(task, plan, processes, device)
            checkpoints = Checkpoints(folder, _key(plan, identity, learner), plan.checkpoint_limit)
            with memory_in_one_line(lambda: learner.done, plan.gradient_checkpointing):
                states = _Training(learner, checkpoints, log, stop).run(lock)
        if not processes.first:
            raise SystemExit(0)
    return states


@contextmanager
def _held(folder: Path, processes: Processes) -> Iterator[Callable[[], None]]:
    """The run is this training's; the result is called now and then, and raises `RunHeld` if it no longer is."""
    lock = Lock(folder)
    with ExitStack() as stack:

        def take() -> None:
            stack.enter_context(lock)

        processes.alone(take)
        yield lock.check if processes.first else lambda: None


def _key(plan: Plan, identity: Mapping[str, Any], learner: Learner) -> dict[str, Any]:
    return {
        "task": identity,
        "plan": plan.numbers(),
        "device": learner.device.type,
        "processes": learner.processes.count,
        "torch": torch.__version__,
    }


class _Training:
    """The course of a training: steps, and between them logs, evaluations and checkpoints."""

    def __init__(self, learner: Learner, checkpoints: Checkpoints, log: RunLog, stop: StopRequest):
        self.learner, self.checkpoints, self.log, self.stop = learner, checkpoints, log, stop
        self.task, self.plan, self.processes = learner.task, learner.plan, learner.processes
        self.pending, self.signal = self.plan.initial_eval, 0
        self.speed = Speed()

    def run(self, lock: Callable[[], None]) -> dict[str, dict[str, Tensor]]:
        learner = self.learner
        self._resume()
        self.log.start(learner.done, learner.end, self.pending)
        if learner.done < learner.end:
            self.processes.alone(self._describe)
        if self.pending:
            self._evaluate()
            self._save_if(learner.done > 0)
        self.speed.restart()
        learner.model.train()
        steps = range(learner.done, learner.end)
        with closing(batches(self.task, steps, learner.share, learner.device)) as source:
            while learner.done < learner.end:
                self._step(source, lock)
                self._after_step()
        return self._final() if self.processes.first else {}

    def _step(self, source: Iterator[tuple[int, list[Micro]]], lock: Callable[[], None]) -> None:
        def gradients() -> int:
            lock()
            with memory_in_one_line(lambda: self.learner.done, self.plan.gradient_checkpointing):
                _, micros = next(source)
                self.learner.gradients(micros)
            self.speed.add(self.learner.share.samples(micros))
            return self.stop.signal or 0

        self.signal = max(self.processes.together(gradients))
        self.learner.step()

    def _after_step(self) -> None:
        last = self.learner.done == self.learner.end
        shown = self._log_scalars() if last or self._due(self.plan.log_every) else {}
        self.log.step(**shown)
        self.pending = self._evaluation_due()
        if self.pending and not self.signal:
            self._evaluate()
        self._save_if(self.learner.done >= self.learner.end or self._due(self.plan.checkpoint_every))

    def _due(self, interval: int) -> bool:
        return interval > 0 and self.learner.done % interval == 0

    def _evaluation_due(self) -> bool:
        learner = self.learner
        if learner.done > learner.planned:
            return learner.averaged_now and self.plan.eval_every > 0
        chooses = learner.done == learner.planned and learner.best is not None
        return chooses or self._due(self.plan.eval_every)

    def _log_scalars(self) -> dict[str, float]:
        learner = self.learner
        self.processes.together(learner.meters.check)
        means = mean_of(self.processes.exchange(learner.meters.flush()))
        speed = self.speed.read()
        memory = {"peak_memory_gib": round(peak_memory(learner.device), 3)}
        self.log.scalars(learner.done, {f"train/{name}": v for name, v in means.items()} | speed | memory)
        self.speed.restart()
        return {"loss": means["loss"], "lr": means["lr"], **speed}

    def _evaluate(self) -> None:
        self.processes.together(self.learner.meters.check)
        found = self.processes.alone(self._judge)
        self.signal, self.pending = found["signal"], bool(found["signal"])
        if found["exhausted"]:
            self.learner.planned = self.learner.done
        self.speed.restart()

    def _judge(self) -> dict[str, Any]:
        """Score the weights; a stop signal ends it at once, and the resumed run does it anew."""
        learner = self.learner
        learner.model.eval()
        try:
            with learner.averaged(), torch.no_grad(), learner.autocast():
                seed_global(learner.device, self.plan.seed, 0, "evaluation", learner.done)
                with self.stop.interrupts():
                    scores = self.task.evaluate(learner.model, learner.done)
                    images = self.task.images(learner.model, learner.done) if self.log.draws else ()
                learner.choose(scores)
        except Interrupted:
            return {"signal": self.stop.signal, "exhausted": False}
        finally:
            learner.model.train()
        self.log.scalars(learner.done, scores)
        self.log.images(learner.done, images)
        return {"signal": 0, "exhausted": learner.exhausted}

    def _save_if(self, wanted: bool) -> None:
        learner = self.learner
        if wanted or self.signal:
            self.processes.together(learner.meters.check)
            meters = self.processes.exchange(learner.meters.state_dict())
            self.processes.alone(lambda: self._save(meters))
            self.speed.restart()
        if self.signal:
            self.log.say(
                f"stopped by signal {self.signal} at step {learner.done}, checkpoint written; run it again"
            )
            raise SystemExit(128 + self.signal)

    def _save(self, meters: list[dict]) -> None:
        tensors, state = self.learner.capture()
        self.checkpoints.save(
            self.learner.done, tensors, {**state, "pending": self.pending, "meters": meters}
        )

    def _resume(self) -> None:
        def newest() -> str | None:
            self.checkpoints.prepare()
            path = self.checkpoints.latest()
            return None if path is None else str(path)

        path = self.processes.alone(newest)
        if path is not None:
            self.processes.together(lambda: self._restore(Path(path)))
            self.log.say(f"goes on from {path}")

    def _restore(self, path: Path) -> None:
        tensors, state = load_checkpoint(path)
        self.learner.restore(tensors, state)
        self.learner.meters.load_state_dict(state["meters"][self.processes.rank])
        self.pending = state["pending"]

    def _describe(self) -> None:
        learner, share = self.learner, self.learner.share
        micro = micro_batch(self.task, learner.done, share.numbers[0], share, learner.device)
        learner.model.eval()
        found = cost(learner.model, lambda: learner.loss(learner.model, micro, learner.done)[0].backward())
        learner.optimizer.zero_grad(set_to_none=True)
        flops = found["flops"] * len(share.numbers) * share.count
        others = f", {share.count} processes" if share.count > 1 else ""
        self.log.say(
            f"{found['parameters']:,} parameters, {found['trained']:,} trained; {flops / 1e9:.3g} GFLOPs a step;"
            f" {learner.device.type}, {self.plan.threads} threads, mixed precision {self.plan.precision}{others}"
        )

    def _final(self) -> dict[str, dict[str, Tensor]]:
        best = self.learner.best
        for kept in best.kept if best is not None else ():
            self.log.say(f"kept the weights of step {kept.step}, {best.score} {kept.value:.6g}")
        return self.learner.final()
