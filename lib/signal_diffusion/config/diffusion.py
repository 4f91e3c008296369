"""Diffusion runs: a file of config/diffusion/ makes results/diffusion/{name}/."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ValidationInfo, field_serializer, field_validator, model_validator

from signal_diffusion.config.calls import Calls
from signal_diffusion.config.dit import DitExtras
from signal_diffusion.config.extras import Extras
from signal_diffusion.config.fields import Contradiction, Section, key, section
from signal_diffusion.config.hourglass import HourglassExtras
from signal_diffusion.config.images import ImageKeys
from signal_diffusion.config.localmamba import LocalMambaExtras
from signal_diffusion.config.lora import Lora
from signal_diffusion.config.natives import fill_natives
from signal_diffusion.config.objective import Objective
from signal_diffusion.config.sampling import Evaluation, Generation, Inference
from signal_diffusion.config.senseless import refuse_senseless
from signal_diffusion.config.stable_diffusion import (
    Prompted,
    StableDiffusion35Extras,
    StableDiffusionExtras,
)
from signal_diffusion.config.training import Logging, Optimizer, Scheduler, Training

Split = Literal["train", "val", "test"]
EVALUATING = frozenset(
    {f"dataset.{name}" for name in ("val_split", "max_eval_samples", "eval_batch_size")}
    | {f"training.{name}" for name in ("eval_strategy", "eval_num_steps", "initial_eval")}
)
PROMPTED = frozenset(
    {"model.pretrained", "model.revision"} | {f"model.lora.{name}" for name in Lora.model_fields}
)
GENERATING = frozenset(
    {"training.eval_mmd_samples", "training.eval_mmd_fallback_ntrain"}
    | {f"inference.{name}" for name in Inference.model_fields}
)


class SettingsTable(Section):
    """The global settings and the trainer."""

    config: str = key(
        "config/default.toml",
        "Settings file, from the project's folder; `--config settings=` and SIGNAL_DIFFUSION_CONFIG win.",
    )
    trainer: Literal["diffusion"] = key(..., "The family that this file belongs to.")


class DataOverrides(Section):
    """This run's representation, in place of the settings'."""

    output_type: Literal["db-only", "db-iq", "db-polar"] | None = key(
        None, "Channels of a spectrogram; default: the settings'."
    )
    data_type: Literal["spectrogram", "timeseries"] | None = key(
        None, "What a window becomes; default: the settings'."
    )


class Dataset(ImageKeys):
    """What is trained on."""

    name: str = key(
        ...,
        "A recipe of config/dataset/, a synthetic dataset of config/synthetic/, or images from elsewhere: a folder "
        "(its path has a slash) or a hub id, OWNER/NAME.",
        stage=("training", "images"),
        min_length=1,
    )
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
        256,
        "Image resolution; must be the recipe's, and is what images from elsewhere are brought to.",
        stage=("training", "images"),
        unit="pixels",
        ge=8,
    )
    train_split: Split = key("train", "Split to train on.", stage="training")
    val_split: Split | None = key(
        None, "Split of the validation loss; unset: none is computed.", stage="training"
    )
    caption_column: str | None = key(
        "text", "Metadata column of the captions.", stage=("captions", "training", "images")
    )
    class_column: str | None = key(
        None, "Label whose classes the model is told; its name as in the metadata.", stage="training"
    )
    num_classes: int = key(
        0,
        "Number of classes of `class_column`; model.extras.num_classes says the same.",
        stage="training",
        ge=0,
    )
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
        self.check_images(self.name)
        if self.val_split == self.train_split:
            raise Contradiction("val_split", "is the training split; use another, or remove the key")
        self.fill(eval_batch_size=self.eval_batch_size or self.batch_size)
        return self


class Model(Section):
    """The network and its condition."""

    name: Literal["hourglass", "dit", "localmamba", "stable-diffusion", "stable-diffusion-35"] = key(
        ...,
        "The network; stable-diffusion-v1-5 and stable-diffusion-3.5-medium are other names of the last two.",
        stage="training",
    )
    conditioning: Literal["none", "caption", "classes", "gend_hlth_age"] = key(
        "none",
        "What the model is told: nothing, a caption, a class, or gender, health and age.",
        stage="training",
    )
    pretrained: str | None = key(
        None,
        "Hub id or folder of the Stable Diffusion weights to start from; unset: weights from the seed.",
        stage=("captions", "latents", "training"),
    )
    revision: str | None = key(
        None, "Revision of its network, text encoders and VAE.", stage=("captions", "latents", "training")
    )
    sample_size: int | None = key(None, "Image size; must be the recipe's resolution.", unit="pixels", ge=8)
    vae_tiling: bool = key(False, "Decode large images with the VAE tile by tile.", stage="generation")
    lora: Lora = section(Lora)
    extras: (
        HourglassExtras | DitExtras | LocalMambaExtras | StableDiffusionExtras | StableDiffusion35Extras
    ) = section(HourglassExtras)

    @classmethod
    def rename(cls, data: dict[str, Any]) -> dict[str, Any]:
        name = data.get("name")
        named = {"name": NAMES[name]} if isinstance(name, str) and name in NAMES else {}
        return {"extras": {}, **data, **named}

    @classmethod
    def chosen(cls, name: str, data: dict[str, Any]) -> type[Section] | None:
        """The network's name says what `[model.extras]` may hold."""
        network = data.get("name")
        network = NAMES.get(network, network) if isinstance(network, str) else network
        return EXTRAS.get(network) if name == "extras" and isinstance(network, str) else None

    @field_validator("extras", mode="plain")
    @classmethod
    def _of_the_network(cls, value: Any, info: ValidationInfo) -> Any:
        table = cls.chosen("extras", info.data)
        return table.model_validate(value, context=info.context) if table else value

    @field_serializer("extras")
    def _as_table(self, value: Extras) -> dict[str, Any]:
        return value.model_dump(mode="json")


EXTRAS: dict[str, type[Extras]] = {
    "hourglass": HourglassExtras,
    "dit": DitExtras,
    "localmamba": LocalMambaExtras,
    "stable-diffusion": StableDiffusionExtras,
    "stable-diffusion-35": StableDiffusion35Extras,
}
NAMES = {"stable-diffusion-v1-5": "stable-diffusion", "stable-diffusion-3.5-medium": "stable-diffusion-35"}


def model_module(name: str) -> str:
    """The module of a network, dotted, which alone its runs depend on."""
    return f"signal_diffusion.models.{name.replace('-', '_')}"


class DiffusionRun(Section):
    """A diffusion run; `name` and `path` are those of its file."""

    name: str
    path: Path
    extends: str | None = key(
        None, "Preset of config/diffusion/presets.txt to start from; what this file says wins over it."
    )
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
    calls: Calls = section(Calls)

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
        self._same_classes()
        fill_natives(self)
        refuse_senseless(self)
        self.fill(inference=self.inference.model_copy(update=self._resolved_inference()))
        self._check_logging()
        if self.training.keep == "best" and not self.dataset.val_split:
            raise Contradiction("dataset.val_split", 'training.keep is "best"; set it, such as "val"')
        return self

    def unread(self) -> frozenset[str]:
        """How to evaluate, where no weights are chosen by it; what only Stable Diffusion has."""
        others = frozenset() if isinstance(self.model.extras, Prompted) else PROMPTED
        return others if self.training.keep == "best" else others | EVALUATING

    def also_read(self, stage: str) -> frozenset[str]:
        """How images are generated, where the weights are chosen by a score of generated ones."""
        chosen = self.training.keep == "best" and self.training.keep_score.startswith("eval/")
        return GENERATING if chosen and stage == "training" else frozenset()

    def _same_classes(self) -> None:
        said, also = self.dataset.num_classes, self.model.extras.num_classes
        if said and also and said != also:
            raise Contradiction("model.extras.num_classes", f"dataset.num_classes says {said}; remove one")
        self.fill(dataset=self.dataset.model_copy(update={"num_classes": said or also}))

    def _resolved_inference(self) -> dict[str, Any]:
        """Guidance 1 without a condition; one name for what is one solver on flow's straight path."""
        flow, solver = self.objective.noise_schedule == "flow", self.inference.solver
        if flow and solver == "ddim":
            solver = "euler"
        if not flow and "solver" not in self.inference.model_fields_set:
            solver = "ddim"
        scale = 1.0 if self.model.conditioning == "none" else self.inference.cfg_scale
        return {"solver": solver, "cfg_scale": scale}

    def _check_logging(self) -> None:
        if self.logging.run_name not in (None, self.name):
            message = f'the run is called after its file; rename the file, or set "{self.name}"'
            raise Contradiction("logging.run_name", message)
        if self.logging.log_dir and not self.logging.tensorboard:
            raise Contradiction(
                "logging.log_dir", "logging.tensorboard is false; set it to true, or remove the key"
            )
        self.fill(logging=self.logging.model_copy(update={"run_name": self.name}))
