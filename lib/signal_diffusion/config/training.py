"""The sections that say how a run trains: optimiser, schedule, loop, logging."""

from typing import Literal, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key

KWARGS = {
    "linear": ("min_lr_ratio",),
    "cosine": ("min_lr_ratio", "num_cycles"),
    "polynomial": ("lr_end", "power"),
}
WARMING = ("ema_power", "ema_inv_gamma")
AVERAGING = (*WARMING, "ema_update_after_step", "ema_use_ema_warmup")
CHOOSING = ("keep_score", "keep_better", "max_best_checkpoints", "early_stopping_patience")


class Optimizer(Section):
    """How the weights follow the gradient."""

    name: Literal["adamw", "adamw_8bit", "adam", "sgd"] = key(
        "adamw",
        "The optimiser; adamw_8bit keeps its moments in 8 bits and needs bitsandbytes.",
        stage="training",
    )
    learning_rate: float = key(1e-4, "Learning rate after warm-up.", stage="training", gt=0)
    weight_decay: float = key(1e-2, "Weight decay.", stage="training", ge=0)
    betas: list[float] = key(
        [0.9, 0.999],
        "Adam's betas; the first is sgd's momentum.",
        stage="training",
        min_length=2,
        max_length=2,
    )
    eps: float = key(1e-8, "Adam's epsilon.", stage="training", gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not all(0 <= beta < 1 for beta in self.betas):
            raise Contradiction("betas", "are not in 0 to 1; use such as [0.9, 0.999]")
        if self.name == "sgd" and "eps" in self.model_fields_set:
            raise Contradiction("eps", "sgd has none; remove the key")
        return self


class Scheduler(Section):
    """The learning rate over the steps."""

    name: Literal["constant", "constant_with_warmup", "linear", "cosine", "polynomial"] = key(
        "constant", "Course of the learning rate; all but constant warm up first.", stage="training"
    )
    warmup_steps: int = key(0, "Steps from 0 to the learning rate.", stage="training", unit="steps", ge=0)
    kwargs: dict[str, float] = key(
        {},
        "linear: min_lr_ratio; cosine: min_lr_ratio, num_cycles; polynomial: lr_end, power.",
        stage="training",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.kwargs:
            if name not in KWARGS.get(self.name, ()):
                known = ", ".join(KWARGS.get(self.name, ())) or "nothing"
                raise Contradiction(f"kwargs.{name}", f"{self.name} takes {known}; correct or remove the key")
        if self.name == "constant" and self.warmup_steps:
            raise Contradiction("warmup_steps", 'constant has no warm-up; set name = "constant_with_warmup"')
        return self


class Training(Section):
    """The loop: numbers first, cadence after."""

    seed: int = key(42, "Seed of weights, noise, dropout and order.", stage="training", ge=0)
    threads: int = key(2, "CPU threads of torch; they are part of the numbers.", stage="training", ge=1)
    output_dir: str | None = key(None, "Output folder of scripts run by hand. Refused under the workflow.")
    mixed_precision: Literal["no", "fp16", "bf16"] = key(
        "bf16", "Autocast; weights and EMA stay float32.", stage="training"
    )
    gradient_checkpointing: bool = key(
        False, "Recompute activations: less memory, more time, the same weights."
    )
    compile_model: bool = key(False, "Compile the network.", stage="training")
    compile_mode: Literal["default", "reduce-overhead", "max-autotune"] = key(
        "default", "How torch compiles it.", stage="training"
    )
    gradient_accumulation_steps: int = key(1, "Batches per optimiser step.", stage="training", ge=1)
    epochs: int = key(1, "Passes over the training split.", stage="training", ge=1)
    max_train_steps: int | None = key(
        None, "Optimiser steps, in place of `epochs`.", stage="training", unit="steps", ge=1
    )
    log_every_steps: int = key(10, "Steps between log lines.", unit="steps", ge=1)
    checkpoint_interval: int | None = key(
        None, "Steps between checkpoints; unset: only when stopped.", unit="steps", ge=1
    )
    checkpoint_total_limit: int | None = key(None, "Checkpoints that are kept; unset: all.", ge=1)
    resume: str | None = key(
        None,
        "Checkpoint folder for scripts run by hand. Refused under the workflow, which resumes by itself.",
    )
    gradient_clip_norm: float = key(1.0, "Largest gradient norm; 0: no clipping.", stage="training", ge=0)
    ema_decay: float = key(
        0.999, "Largest decay of the weight average; 0: no average.", stage="training", ge=0, lt=1
    )
    ema_power: float = key(0.75, "Power of the average's warm-up.", stage="training", gt=0)
    ema_inv_gamma: float = key(1.0, "Inverse gamma of its warm-up.", stage="training", gt=0)
    ema_update_after_step: int = key(5000, "Step at which it starts.", stage="training", unit="steps", ge=0)
    ema_use_ema_warmup: bool = key(True, "Whether its decay warms up.", stage="training")
    allow_tf32: bool = key(True, "TF32 products on GPUs that have it.", stage="training")
    snr_gamma: float | None = key(
        None,
        "Min-SNR: cap of the weight on the error of the data, by objective.snr_weight; unset: none.",
        stage="training",
        gt=0,
    )
    eval_num_examples: int = key(0, "Images generated at each evaluation.", ge=0)
    eval_mmd_samples: int = key(0, "Images generated for the MMD at each evaluation.", ge=0)
    eval_mmd_fallback_ntrain: int = key(
        0, "Training windows for the MMD where no validation split is set.", ge=0
    )
    keep: Literal["last", "best"] = key(
        "last",
        "Weights that training ends with: the last, or those with the best keep_score, for long runs.",
        stage="training",
    )
    keep_score: Literal["val/loss", "eval/kid"] = key(
        "val/loss",
        "Score of the evaluations that the best weights have: val/loss, or eval/kid with eval_mmd_samples.",
        stage="training",
    )
    keep_better: Literal["lower", "higher"] = key(
        "lower", "Which value of keep_score is better.", stage="training"
    )
    max_best_checkpoints: int = key(
        1,
        'With keep = "best", how many of the best weights stay beside the model, as best-2 and so on.',
        ge=1,
    )
    early_stopping_patience: int = key(
        0,
        'With keep = "best", evaluations in a row without a better one after which training ends; 0: none.',
        stage="training",
        ge=0,
    )
    eval_strategy: Literal["epoch", "steps"] = key("epoch", "When to evaluate.", stage="training")
    eval_num_steps: int = key(0, "Steps between evaluations.", stage="training", unit="steps", ge=0)
    eval_batch_size: int = key(
        0, "Batch size of generation at evaluations; 0: the training batch size.", ge=0
    )
    initial_eval: bool = key(True, "Evaluate before training.", stage="training")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max_train_steps is not None and "epochs" in self.model_fields_set:
            raise Contradiction("epochs", "max_train_steps is given too; remove one of them")
        if self.keep == "last":
            self._refuse_said(CHOOSING, 'goes with keep = "best"; set that, or remove the key')
        if not self.ema_decay:
            self._refuse_said(AVERAGING, "ema_decay is 0, so nothing is averaged; set it, or remove the key")
        if not self.ema_use_ema_warmup:
            self._refuse_said(WARMING, "goes with ema_use_ema_warmup = true; set that, or remove the key")
        if self.compile_mode != "default" and not self.compile_model:
            raise Contradiction("compile_mode", "goes with compile_model = true; set that, or remove the key")
        if self.eval_strategy == "steps" and not self.eval_num_steps:
            raise Contradiction("eval_num_steps", 'eval_strategy is "steps"; set 1 or more')
        if self.eval_strategy == "epoch" and self.eval_num_steps:
            raise Contradiction(
                "eval_num_steps", 'eval_strategy is "epoch"; set it to "steps", or remove the key'
            )
        self._check_distance()
        return self

    def _check_distance(self) -> None:
        if self.eval_mmd_samples == 1:
            raise Contradiction("eval_mmd_samples", "one image has no distance; set 2 or more, or 0")
        if self.eval_mmd_samples:
            return
        if self.keep_score == "eval/kid":
            raise Contradiction("keep_score", "eval/kid is the MMD's; set eval_mmd_samples, such as 100")
        if self.eval_mmd_fallback_ntrain:
            raise Contradiction(
                "eval_mmd_fallback_ntrain", "goes with eval_mmd_samples; set that, or remove the key"
            )

    def _refuse_said(self, names: tuple[str, ...], message: str) -> None:
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise Contradiction(name, message)


class Logging(Section):
    """Stats.jsonl is always written."""

    tensorboard: bool = key(False, "Also write TensorBoard events.")
    log_dir: str | None = key(None, "TensorBoard folder of scripts run by hand. Refused under the workflow.")
    wandb_project: str | None = key(None, "W&B project; unset: no W&B.")
    wandb_entity: str | None = key(None, "W&B entity.")
    mlflow_experiment: str | None = key(
        None, "MLflow experiment, at the environment's MLFLOW_TRACKING_URI; unset: no MLflow."
    )
    run_name: str | None = key(None, "Name in the logs; it is that of the file.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.wandb_entity and not self.wandb_project:
            raise Contradiction("wandb_entity", "goes with wandb_project; set that, or remove the key")
        return self
