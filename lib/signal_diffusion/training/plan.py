"""How to train, as plain values."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch

from signal_diffusion.errors import UserError
from signal_diffusion.training.ema import EmaPlan
from signal_diffusion.training.optim import OptimizerPlan, SchedulePlan, learning_rate
from signal_diffusion.training.swa import SwaPlan

PRECISIONS = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}
COMPILE_MODES = ("default", "reduce-overhead", "max-autotune")
MEMORY = {"gradient_checkpointing"}  # recomputed activations are the same numbers
CADENCE = {"device", "log_every", "checkpoint_every", "checkpoint_limit"}


@dataclass(frozen=True)
class Plan:
    """How to train; what to train is the task's. Intervals are in optimiser steps, and 0 means never.

    `threads` is torch's CPU threads, part of the numbers; `device` None takes a GPU if there is one.
    `keep` names a score of the evaluations and whether "min" or "max" of it is best: the `keep_count` best weights
    are kept, the evaluation at the last step is then not left out, and training (the part before `swa`) ends after
    `patience` evaluations in a row that were no better than the best, unless that is 0.
    A checkpoint is always written at the end and on SIGTERM or SIGINT; `checkpoint_limit` None keeps all.
    """

    max_steps: int
    accumulation: int = 1
    clip_norm: float | None = 1.0
    precision: str = "bf16"
    seed: int = 42
    threads: int = 2
    device: str | None = None
    log_every: int = 10
    checkpoint_every: int = 0
    checkpoint_limit: int | None = 2
    eval_every: int = 0
    initial_eval: bool = False
    keep: tuple[str, Literal["min", "max"]] | None = None
    keep_count: int = 1
    patience: int = 0
    allow_tf32: bool = True
    gradient_checkpointing: bool = False
    compile_model: bool = False
    compile_mode: str = "default"
    optimizer: OptimizerPlan = field(default_factory=OptimizerPlan)
    schedule: SchedulePlan = field(default_factory=SchedulePlan)
    ema: EmaPlan | None = None
    swa: SwaPlan | None = None

    def numbers(self) -> dict[str, Any]:
        """The part that changes the weights: all but cadence and housekeeping; evaluation if it selects them."""
        unread = CADENCE | MEMORY
        unread |= set() if self.keep else {"eval_every", "initial_eval", "keep_count", "patience"}
        unread |= set() if self.compile_model else {"compile_mode"}
        return {key: value for key, value in asdict(self).items() if key not in unread}

    def check(self) -> None:
        """`UserError` for a value that cannot be."""
        _check_choice("mixed_precision", self.precision, PRECISIONS)
        _check_choice("compile_mode", self.compile_mode, COMPILE_MODES)
        if self.keep and self.keep[1] not in ("min", "max"):
            raise ValueError(f"keep is a score and min or max, not {self.keep}")
        if self.max_steps < 1 or self.accumulation < 1:
            raise UserError(
                "training.max_train_steps and training.gradient_accumulation_steps must be at least 1"
            )
        for step in (0, self.max_steps - 1):
            learning_rate(self.optimizer, self.schedule, step, self.max_steps)


def _check_choice(name: str, value: str, known: Any) -> None:
    if value not in known:
        raise UserError(f"training.{name} = {value!r} is not known; use one of {', '.join(known)}")
