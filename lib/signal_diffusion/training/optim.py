"""Optimisers, and learning rates as pure functions of the step."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn, optim

from signal_diffusion.errors import UserError
from signal_diffusion.packages import absence

if TYPE_CHECKING:
    from signal_diffusion.config.training import Optimizer, Scheduler


@dataclass(frozen=True)
class OptimizerPlan:
    """`name` is adamw (decoupled weight decay), adamw_8bit (the same with moments of 8 bits, by bitsandbytes), adam
    (L2) or sgd, whose momentum is the first of `betas`."""

    name: str = "adamw"
    lr: float = 1e-4
    weight_decay: float = 1e-2
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    @classmethod
    def of(cls, section: "Optimizer") -> "OptimizerPlan":
        """The plan of a run's `[optimizer]`."""
        given = section.learning_rate, section.weight_decay, tuple(section.betas), section.eps
        return cls(section.name, *given)


@dataclass(frozen=True)
class SchedulePlan:
    """A schedule of diffusers by its name, with its keywords; linear and cosine also take `min_lr_ratio`."""

    name: str = "constant"
    warmup_steps: int = 0
    kwargs: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, section: "Scheduler") -> "SchedulePlan":
        """The plan of a run's `[scheduler]`."""
        return cls(section.name, section.warmup_steps, section.kwargs)


KEYWORDS: dict[str, dict[str, float]] = {
    "constant": {},
    "constant_with_warmup": {},
    "linear": {"min_lr_ratio": 0.0},
    "cosine": {"min_lr_ratio": 0.0, "num_cycles": 0.5},
    "polynomial": {"lr_end": 1e-7, "power": 1.0},
}


def build_optimizer(
    plan: OptimizerPlan, groups: list[dict[str, Any]], scaled: bool = False
) -> optim.Optimizer:
    """The fused torch optimiser over `groups` (`Task.parameter_groups`); float32 parameters only.

    `scaled`: whether steps may be skipped, as fp16's are. Fused SGD then begins with momentum that nobody wrote.
    `UserError` for a name that is not known, or adamw_8bit where bitsandbytes is not installed.
    """
    groups = [_group(plan, group) for group in groups]
    _check_master_weights(groups)
    if plan.name == "adamw_8bit":
        return _adamw_8bit(plan, groups)
    common = {"lr": plan.lr, "weight_decay": plan.weight_decay, "fused": True}
    if plan.name == "sgd":
        return optim.SGD(groups, momentum=plan.betas[0], **common | {"fused": not scaled})
    makers = {"adamw": optim.AdamW, "adam": optim.Adam}
    if plan.name not in makers:
        raise UserError(f"optimizer.name = {plan.name!r} is not known; use adamw, adamw_8bit, adam or sgd")
    return makers[plan.name](groups, betas=tuple(plan.betas), eps=plan.eps, **common)


def _adamw_8bit(plan: OptimizerPlan, groups: list[dict[str, Any]]) -> optim.Optimizer:
    message = absence("bitsandbytes", 'set optimizer.name = "adamw" (found "adamw_8bit")')
    if message is not None:
        raise UserError(message)
    import bitsandbytes

    common = {"lr": plan.lr, "weight_decay": plan.weight_decay}
    return bitsandbytes.optim.AdamW8bit(groups, betas=tuple(plan.betas), eps=plan.eps, **common)


def parameters(optimizer: optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def set_learning_rate(optimizer: optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["lr_scale"]


def learning_rate(optimizer: OptimizerPlan, schedule: SchedulePlan, step: int, max_steps: int) -> float:
    """The learning rate of step `step`, counted from 0, of `max_steps`.

    The formulas are those of `diffusers.optimization.get_scheduler` (its warm-up starts from 0); a
    `min_lr_ratio` lifts the floor of linear and cosine to that part of the peak.
    """
    options = schedule_options(schedule)
    if step < schedule.warmup_steps:
        return optimizer.lr * step / schedule.warmup_steps
    done = (step - schedule.warmup_steps) / max(1, max_steps - schedule.warmup_steps)
    if schedule.name == "polynomial":
        return _polynomial(optimizer.lr, done, **options)
    if schedule.name in ("constant", "constant_with_warmup"):
        return optimizer.lr
    fall = max(0.0, 1 - done)
    if schedule.name == "cosine":
        fall = 0.5 * (1 + math.cos(2 * math.pi * options["num_cycles"] * done))
    floor = options["min_lr_ratio"]
    return optimizer.lr * (floor + (1 - floor) * fall)


def schedule_options(schedule: SchedulePlan) -> dict[str, float]:
    """The schedule's keywords with defaults filled in; `UserError` for a name or keyword that it has not."""
    if schedule.name not in KEYWORDS:
        raise UserError(f"scheduler.name = {schedule.name!r} is not known; use one of {', '.join(KEYWORDS)}")
    if schedule.name == "constant" and schedule.warmup_steps:
        raise UserError('scheduler.warmup_steps has no part in "constant"; use name = "constant_with_warmup"')
    known = KEYWORDS[schedule.name]
    unknown = sorted(set(schedule.kwargs) - set(known))
    if unknown:
        names = ", ".join(known) or "none"
        raise UserError(
            f"scheduler.kwargs.{unknown[0]} has no part in {schedule.name!r}, which takes: {names}"
        )
    return {**known, **schedule.kwargs}


def flatten_state(optimizer: optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's moments as tensors named `{parameter number}.{name}`; whole numbers become int64 scalars.

    bitsandbytes keeps some in dicts: `{parameter number}.{dict}.{name}`.
    """
    flat: dict[str, Tensor] = {}
    waiting = [(str(number), values) for number, values in optimizer.state_dict()["state"].items()]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(f"{path}.{name}", each) for name, each in value.items() if each is not None]
        else:
            flat[path] = torch.tensor(value) if isinstance(value, int) else value
    return flat


def restore_state(optimizer: optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `flatten_state`; hyper-parameters stay as they were built."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        number, *tables, name = key.split(".")
        place = state.setdefault(int(number), {})
        for table in tables:
            place = place.setdefault(table, {})
        whole = value.dtype == torch.int64 and not value.ndim
        place[name] = int(value) if whole else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _group(plan: OptimizerPlan, group: dict[str, Any]) -> dict[str, Any]:
    unknown = set(group) - {"params", "weight_decay", "lr_scale"}
    if unknown:
        raise ValueError(
            f"a parameter group holds {sorted(unknown)}; it takes params, weight_decay, lr_scale"
        )
    return {"weight_decay": plan.weight_decay, "lr_scale": 1.0, **group, "params": list(group["params"])}


def _check_master_weights(groups: list[dict[str, Any]]) -> None:
    kinds = {str(p.dtype) for group in groups for p in group["params"]} - {"torch.float32"}
    if kinds:
        raise ValueError(
            f"trained parameters are {sorted(kinds)}; master weights are float32, autocast does the rest"
        )


def _polynomial(peak: float, done: float, lr_end: float, power: float) -> float:
    if peak <= lr_end:
        raise UserError(f"scheduler.kwargs.lr_end = {lr_end} is not below optimizer.learning_rate = {peak}")
    return lr_end if done > 1 else (peak - lr_end) * (1 - done) ** power + lr_end
