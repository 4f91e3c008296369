"""Diffusion runs: a file of config/diffusion/ makes results/diffusion/{name}/."""

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key, section
from signal_diffusion.config.hourglass import HourglassExtras
from signal_diffusion.config.sampling import Evaluation, Generation, Inference
from signal_diffusion.config.training import Logging, Optimizer, Scheduler, Training

Split = Literal["train", "val", "test"]
_LATER_OUTPUT = {"db-iq": "use db-only", "db-polar": "use db-only"}
_LATER_DATA = {"timeseries": "use spectrogram"}
_COLUMNS = "metadata has the canonical columns gender, health and age; remove the key"
EVALUATING = frozenset(
    {f"dataset.{name}" for name in ("val_split", "max_eval_samples", "eval_batch_size")}
    | {f"training.{name}" for name in ("eval_strategy", "eval_num_steps", "initial_eval")}
)
_LORA = "adapters need a pretrained stable-diffusion model; train hourglass in full"


class SettingsTable(Section):
    """The global settings and the trainer."""

    config: str = key(
        "config/default.toml",
        "Settings file, from the project's folder; `--config settings=` and SIGNAL_DIFFUSION_CONFIG win.",
    )
    trainer: Literal["diffusion"] = key(..., "The family that this file belongs to.")


class DataOverrides(Section):
    """This run's representation, in place of the settings'."""

    output_type: Literal["db-only"] | None = key(
        None, "Channels of a spectrogram; default: the settings'.", later=_LATER_OUTPUT
    )
    data_type: Literal["spectrogram"] | None = key(
        None, "What a window becomes; default: the settings'.", later=_LATER_DATA
    )


class Dataset(Section):
    """What is trained on."""

    name: str = key(..., "A recipe of config/dataset/.", stage="training", min_length=1)
    batch_size: int = key(4, "Training batch size.", stage="training", unit="windows", ge=1)
    eval_batch_size: int | None = key(
        None,
        "Batch size of the validation loss; default: `batch_size`.",
        stage="training",
        unit="windows",
        ge=1,
    )
    num_workers: int = key(
        0,
        "Loader processes.",
        refused="batches come whole from a memory map, without workers; remove the key",
    )
    resolution: int = key(
        256, "Image resolution; must be the recipe's.", stage="training", unit="pixels", ge=8
    )
    train_split: Split = key("train", "Split to train on.", stage="training")
    val_split: Split | None = key(
        None, "Split of the validation loss; unset: none is computed.", stage="training"
    )
    cache_dir: str | None = key(None, "Dataset cache.", refused="datasets are read in place; remove the key")
    center_crop: bool = key(
        False,
        "Crop the centre.",
        refused="images have the recipe's resolution; set spectrogram.resolution there",
    )
    random_flip: bool = key(
        False, "Flip images.", refused="a flip would reverse channel order and time; remove it"
    )
    image_column: str = key(
        "image", "Column of the images.", refused="arrays have no columns; remove the key"
    )
    caption_column: str | None = key(
        "text", "Metadata column of the captions.", stage=("captions", "training")
    )
    class_column: str | None = key(None, "Column of class labels.", refused='use conditioning = "caption"')
    gender_column: str = key("gender", "Column of the gender.", refused=_COLUMNS)
    health_column: str = key("health", "Column of the health status.", refused=_COLUMNS)
    age_column: str = key("age", "Column of the age.", refused=_COLUMNS)
    num_classes: int = key(0, "Number of classes.", refused='use conditioning = "caption"')
    dataset_type: str = key(
        "auto", "Kind of dataset.", refused="a recipe says what its data are; remove the key"
    )
    standardise: Literal["pixel", "none"] = key(
        "pixel",
        "Whether each pixel is brought to mean 0 and variance 1 by the training split's statistics.",
        stage="training",
    )
    max_train_samples: int | None = key(None, "Train on this many windows at most.", stage="training", ge=1)
    max_eval_samples: int | None = key(
        None, "Windows of the validation loss at most.", stage="training", ge=1
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.val_split == self.train_split:
            raise Contradiction("val_split", "is the training split; use another, or remove the key")
        self.fill(eval_batch_size=self.eval_batch_size or self.batch_size)
        return self


class Lora(Section):
    """Adapters."""

    enabled: bool = key(False, "Train adapters.", refused=_LORA)
    rank: int = key(4, "Rank.", refused=_LORA)
    alpha: float = key(4.0, "Scaling.", refused=_LORA)
    dropout: float = key(0.0, "Dropout.", refused=_LORA)
    target_modules: list[str] = key(
        ["to_q", "to_k", "to_v", "to_out.0"], "Modules that adapt.", refused=_LORA
    )
    bias: str = key("none", "Biases that train.", refused=_LORA)
    scaling: float | None = key(None, "Custom scaling.", refused=_LORA)


class Model(Section):
    """The network and its condition."""

    name: Literal["hourglass"] = key(
        ...,
        "The network.",
        stage="training",
        later={
            name: "use hourglass"
            for name in (
                "dit",
                "localmamba",
                "stable-diffusion",
                "stable-diffusion-35",
                "stable-diffusion-v1-5",
                "stable-diffusion-3.5-medium",
            )
        },
    )
    conditioning: Literal["none", "caption"] = key(
        "none",
        "What the model is told.",
        stage="training",
        later={"classes": "use caption", "gend_hlth_age": "use caption"},
    )
    pretrained: str | None = key(
        None, "Pretrained weights.", refused="hourglass trains from scratch; remove the key"
    )
    revision: str | None = key(
        None, "Their revision.", refused="hourglass trains from scratch; remove the key"
    )
    sample_size: int | None = key(None, "Image size; must be the recipe's resolution.", unit="pixels", ge=8)
    vae_tiling: bool = key(False, "Tile the VAE.", refused="no VAE is used; remove the key")
    lora: Lora = section(Lora)
    extras: HourglassExtras = section(HourglassExtras)


class Objective(Section):
    """Rectified flow; `scheduler` is another name of `inference.solver`."""

    prediction_type: Literal["epsilon", "sample", "vector_field"] = key(
        "epsilon", "What the model predicts.", stage="training"
    )
    precondition: bool = key(
        False,
        "Let the network predict what a linear guess of the vector field leaves (Karras et al. 2022).",
        stage="training",
    )
    num_timesteps: int = key(1000, "Timesteps.", refused="times are continuous here; remove the key")
    times: Literal["logit-normal", "uniform"] = key(
        "logit-normal", "Distribution of training times (Esser et al. 2024).", stage="training"
    )
    times_mean: float = key(0.0, "Mean of the logit.", stage="training")
    times_std: float = key(1.0, "Standard deviation of the logit.", stage="training", gt=0)
    aliases: ClassVar[dict[str, str]] = {"flow_match_timesteps": "num_timesteps"}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.precondition and self.prediction_type != "vector_field":
            raise Contradiction(
                "precondition", 'goes with prediction_type = "vector_field"; remove one of them'
            )
        for name in ("times_mean", "times_std"):
            if self.times == "uniform" and name in self.model_fields_set:
                raise Contradiction(
                    name, 'uniform times have none; remove the key, or set times = "logit-normal"'
                )
        return self


class DiffusionRun(Section):
    """A diffusion run; `name` and `path` are those of its file."""

    name: str
    path: Path
    settings: SettingsTable
    data: DataOverrides = section(DataOverrides)
    dataset: Dataset
    model: Model
    objective: Objective = section(Objective)
    optimizer: Optimizer = section(Optimizer)
    scheduler: Scheduler = section(Scheduler)
    training: Training = section(Training)
    logging: Logging = section(Logging)
    inference: Inference = section(Inference)
    generation: Generation = section(Generation)
    evaluation: Evaluation = section(Evaluation)

    @classmethod
    def rename(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Move `objective.scheduler` to the name that it is another one of."""
        objective, inference = data.get("objective"), data.get("inference", {})
        if not (isinstance(objective, dict) and "scheduler" in objective and isinstance(inference, dict)):
            return data
        if "solver" in inference:
            raise Contradiction(
                "objective.scheduler", "is another name of inference.solver, which is given; remove it"
            )
        rest = {name: value for name, value in objective.items() if name != "scheduler"}
        return {**data, "objective": rest, "inference": {**inference, "solver": objective["scheduler"]}}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.model.conditioning == "none":
            self._check_unconditional()
        else:
            self._check_conditional()
        _check_channels(self.model.extras)
        self._check_logging()
        if self.training.keep == "best" and not self.dataset.val_split:
            raise Contradiction("dataset.val_split", 'training.keep is "best"; set it, such as "val"')
        return self

    def unread(self) -> frozenset[str]:
        """How to evaluate, where no weights are chosen by it."""
        return frozenset() if self.training.keep == "best" else EVALUATING

    def _check_unconditional(self) -> None:
        extras = self.model.extras
        for name in ("cfg_dropout", "text_encoder", "mapping_cond_dim"):
            if getattr(extras, name):
                message = f'model.conditioning is "none"; set it to "caption", or remove {name}'
                raise Contradiction(f"model.extras.{name}", message)
        if "cfg_scale" in self.inference.model_fields_set and self.inference.cfg_scale != 1:
            message = 'model.conditioning is "none", so there is nothing to guide; set 1.0, or remove the key'
            raise Contradiction("inference.cfg_scale", message)
        self.fill(inference=self.inference.model_copy(update={"cfg_scale": 1.0}))

    def _check_conditional(self) -> None:
        if not self.dataset.caption_column:
            message = 'is empty, but model.conditioning is "caption"; set it to "text"'
            raise Contradiction("dataset.caption_column", message)
        if self.inference.cfg_scale != 1 and self.model.extras.cfg_dropout == 0:
            message = (
                f"guidance of {self.inference.cfg_scale:g} needs a trained null condition; "
                "set model.extras.cfg_dropout, such as 0.1, or 1.0 here"
            )
            raise Contradiction("inference.cfg_scale", message)

    def _check_logging(self) -> None:
        if self.logging.run_name not in (None, self.name):
            message = f'the run is called after its file; rename the file, or set "{self.name}"'
            raise Contradiction("logging.run_name", message)
        if self.logging.log_dir and not self.logging.tensorboard:
            raise Contradiction(
                "logging.log_dir", "logging.tensorboard is false; set it to true, or remove the key"
            )
        self.fill(logging=self.logging.model_copy(update={"run_name": self.name}))


def _check_channels(extras: HourglassExtras) -> None:
    for name in ("in_channels", "out_channels"):
        if getattr(extras, name) not in (None, 1):
            raise Contradiction(
                f"model.extras.{name}", "a db-only image has 1 channel; set 1, or remove the key"
            )
    extras.fill(in_channels=1, out_channels=1)
