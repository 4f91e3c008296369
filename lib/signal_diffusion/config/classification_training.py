"""How a classification run trains: losses, optimiser, schedule, loop, augmentations."""

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from signal_diffusion.config import training
from signal_diffusion.config.fields import Contradiction, Section, key


class ClassifierOptimizer(training.Optimizer):
    """How the weights follow the gradient."""

    learning_rate: float = key(3e-4, "Learning rate after warm-up.", stage="training", gt=0)
    weight_decay: float = key(1e-4, "Weight decay.", stage="training", ge=0)


class ClassifierScheduler(training.Scheduler):
    """The learning rate over the batches; every course may warm up."""

    @classmethod
    def rename(cls, data: dict[str, Any]) -> dict[str, Any]:
        """A constant rate that warms up has a name of its own."""
        if data.get("name", "constant") == "constant" and data.get("warmup_steps"):
            data = {**data, "name": "constant_with_warmup"}
        return super().rename(data)


class Losses(Section):
    """What is minimised: the sum over the tasks of weight times loss; a row without a label counts for the others.

    Classes have cross-entropy or, for those of `focal_tasks`, the focal loss (Lin et al. 2017); ages a Huber loss
    of the age standardised on the training split.
    """

    label_smoothing: float = key(
        0.0, "Share of a label that is spread over all classes.", stage="training", ge=0, lt=1
    )
    class_weights: Literal["none", "balanced"] = key(
        "none",
        "balanced: a class weighs by the inverse of its training windows, each as often as it is drawn.",
        stage="training",
    )
    focal_tasks: list[str] = key([], "Tasks of classes with the focal loss.", stage="training")
    focal_gamma: float = key(2.0, "Focal: power of what is missing to certainty.", stage="training", ge=0)
    focal_alpha: dict[str, list[float]] = key(
        {},
        "Focal: per task one weight for each class, such as `health = [0.25, 0.75]`; unset: 1.",
        stage="training",
    )
    huber_delta: float = key(
        1.0,
        "Error at which the Huber loss turns straight.",
        stage="training",
        unit="standard deviations",
        gt=0,
    )
    task_weights: dict[str, float] = key({}, "Weight of each task; unset: 1.", stage="training")
    task_weighting: Literal["fixed", "uncertainty"] = key(
        "fixed",
        "uncertainty: the weights are learned, from `task_weights` on (Kendall et al. 2018).",
        stage="training",
    )

    @model_validator(mode="after")
    def _check_losses(self) -> Self:
        for task in self.focal_alpha:
            if task not in self.focal_tasks:
                raise Contradiction(f"focal_alpha.{task}", "is not among focal_tasks; add it there")
        for name, weights in (("task_weights", self.task_weights), *_alphas(self.focal_alpha)):
            if any(weight < 0 for weight in weights.values()):
                raise Contradiction(name, "holds a negative weight; use 0 or more")
        return self


class ClassifierTraining(Losses):
    """The loop: length and numbers, evaluation, checkpoints, averaging, then the losses."""

    aliases: ClassVar[dict[str, str]] = {"log_every": "log_every_batches"}

    epochs: int = key(25, "Passes over the training windows.", stage="training", ge=1)
    max_steps: int = key(-1, "Batches at most; -1: no limit.", stage="training", unit="batches", ge=-1)
    clip_grad_norm: float | None = key(
        1.0, 'Largest gradient norm; "" or 0: no clipping.', stage="training", ge=0
    )
    device: str | None = key(None, "Such as cpu or cuda:0; unset: a GPU if there is one.")
    log_every_batches: int = key(10, "Batches between log lines.", unit="batches", ge=1)
    eval_strategy: Literal["epoch", "steps", "none"] = key("epoch", "When to evaluate.", stage="training")
    eval_steps: int | None = key(None, "Batches between evaluations.", stage="training", unit="batches", ge=1)
    output_dir: str | None = key(None, "Output folder of scripts run by hand. Refused under the workflow.")
    log_dir: str | None = key(None, "TensorBoard folder of scripts run by hand. Refused under the workflow.")
    tensorboard: bool = key(False, "Also write TensorBoard events.")
    wandb_project: str | None = key(None, "W&B project; unset: no W&B.")
    wandb_entity: str | None = key(None, "W&B entity.")
    wandb_tags: list[str] = key([], "W&B tags.")
    run_name: str | None = key(None, "Name in the logs; it is that of the file.")
    checkpoint_total_limit: int | None = key(None, "Checkpoints that are kept; unset: all.", ge=1)
    checkpoint_strategy: Literal["epoch", "steps", "none"] = key(
        "epoch", "When to write checkpoints; none: only when stopped."
    )
    checkpoint_steps: int | None = key(None, "Batches between checkpoints.", unit="batches", ge=1)
    use_amp: bool = key(False, "Autocast to bfloat16; weights stay float32.", stage="training")
    metrics_summary_path: str | None = key(
        None, "CSV of every evaluation, of scripts run by hand. Refused under the workflow."
    )
    keep: Literal["best", "last"] = key(
        "best", "Weights that training ends with: the best evaluated, or the last.", stage="training"
    )
    max_best_checkpoints: int = key(1, "Best evaluated weights that stay beside the checkpoints.", ge=1)
    early_stopping: bool = key(False, "End when evaluations no longer improve.", stage="training")
    early_stopping_patience: int = key(
        5, "Evaluations in a row without a better one before it.", stage="training", ge=1
    )
    compile_model: bool = key(True, "Compile the network.", stage="training")
    compile_mode: Literal["default", "reduce-overhead", "max-autotune"] = key(
        "default", "How torch compiles it.", stage="training"
    )
    swa_enabled: bool = key(
        False,
        "Average weights over extra epochs (Izmailov et al. 2018), and end with the average.",
        stage="training",
    )
    swa_extra_ratio: float = key(
        1 / 3, "Extra epochs, as a share of `epochs`, rounded up.", stage="training", gt=0
    )
    swa_lr_frac: float = key(
        0.25,
        "Learning rate of the extra epochs, as a share of `optimizer.learning_rate`.",
        stage="training",
        gt=0,
    )
    seed: int = key(42, "Seed of weights, dropout, augmentation and order.", stage="training", ge=0)
    threads: int = key(2, "CPU threads of torch; they are part of the numbers.", stage="training", ge=1)

    @model_validator(mode="after")
    def _check_loop(self) -> Self:
        if self.max_steps == 0:
            raise Contradiction("max_steps", "trains nothing; set 1 or more, or -1 for no limit")
        for strategy, steps in (("eval_strategy", "eval_steps"), ("checkpoint_strategy", "checkpoint_steps")):
            by_steps = getattr(self, strategy) == "steps"
            if by_steps and getattr(self, steps) is None:
                raise Contradiction(steps, f'{strategy} is "steps"; set 1 or more')
            if not by_steps and getattr(self, steps) is not None:
                raise Contradiction(steps, f'goes with {strategy} = "steps"; set that, or remove the key')
        if self.eval_strategy == "none" and self.selects:
            wanted = "early_stopping" if self.early_stopping else "keep"
            raise Contradiction(
                wanted, 'eval_strategy is "none", so nothing is evaluated; change one of them'
            )
        self._check_logging()
        return self

    @property
    def selects(self) -> bool:
        """Whether evaluations decide which weights training ends with."""
        return self.early_stopping or self.keep == "best"

    def _check_logging(self) -> None:
        if self.log_dir and not self.tensorboard:
            raise Contradiction("log_dir", "tensorboard is false; set it to true, or remove the key")
        for name in ("wandb_entity", "wandb_tags"):
            if getattr(self, name) and not self.wandb_project:
                raise Contradiction(name, "goes with wandb_project; set that, or remove the key")


class Augmentation(Section):
    """Changes of training windows, drawn anew for each; none reorders channels or time.

    A masked, dropped or cut part becomes 0, the training mean.
    """

    frequency_mask: float = key(
        0.0, "Spectrograms: widest band of rows that is masked, as a share.", stage="training", ge=0, lt=1
    )
    time_mask: float = key(
        0.0,
        "Spectrograms: longest stretch of frames that is masked in all channels, as a share.",
        stage="training",
        ge=0,
        lt=1,
    )
    noise: float = key(0.0, "Time series: white noise.", stage="training", unit="standard deviations", ge=0)
    channel_dropout: float = key(
        0.0, "Time series: share of the channels that are dropped.", stage="training", ge=0, lt=1
    )
    crop: float = key(
        1.0, "Time series: least share of a window that is kept, in one piece.", stage="training", gt=0, le=1
    )
    SPECTROGRAM: ClassVar[tuple[str, ...]] = ("frequency_mask", "time_mask")
    TIMESERIES: ClassVar[tuple[str, ...]] = ("noise", "channel_dropout", "crop")

    def check_data(self, timeseries: bool) -> None:
        """Raise Contradiction for a change that the representation does not know."""
        kind, strange = ("time series", self.SPECTROGRAM) if timeseries else ("spectrograms", self.TIMESERIES)
        for name in strange:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise Contradiction(f"augmentation.{name}", f"the run trains on {kind}; remove the key")


def _alphas(alphas: dict[str, list[float]]) -> list[tuple[str, dict[str, float]]]:
    return [
        (f"focal_alpha.{task}", {str(place): value for place, value in enumerate(values)})
        for task, values in alphas.items()
    ]
