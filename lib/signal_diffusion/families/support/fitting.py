"""What the support runs share: their short trainings."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from torch import Tensor

from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import Plan, train
from signal_diffusion.training.optim import OptimizerPlan, SchedulePlan
from signal_diffusion.training.task import Task

if TYPE_CHECKING:
    from signal_diffusion.config.support import SupportTraining


def fit(task: Task, training: "SupportTraining", label: str, weight_decay: float) -> dict[str, Tensor]:
    """Final weights of `task` after a short warm-up and a cosine to zero.

    It takes seconds to minutes, so its checkpoints are thrown away: a killed support run starts again.
    """
    plan = Plan(
        max_steps=training.steps,
        precision="no",
        seed=training.seed,
        threads=training.threads,
        optimizer=OptimizerPlan(lr=training.learning_rate, weight_decay=weight_decay),
        schedule=SchedulePlan("cosine", warmup_steps=training.steps // 20),
    )
    with TemporaryDirectory() as folder, RunLog(Path(folder), label=label) as log:
        return train(task, plan, Path(folder), {"task": label}, log)["model"]
