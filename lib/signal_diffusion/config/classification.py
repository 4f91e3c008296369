"""Classification runs: a file of config/classification/ makes results/classification/{name}/."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, model_validator

from signal_diffusion.config.classification_evaluation import Evaluation
from signal_diffusion.config.classification_selection import Selection
from signal_diffusion.config.classification_training import (
    Augmentation,
    ClassifierOptimizer,
    ClassifierScheduler,
    ClassifierTraining,
)
from signal_diffusion.config.fields import Contradiction, Section, key, section

# `dataset.val_split` is none of them: it decides who is held out, too.
EVALUATING = frozenset({"training.eval_strategy", "training.eval_steps"})
SELECTING = frozenset({"selection.candidates", "selection.inner_folds", "selection.seed"})
FEWEST_GROUPS = 3  # groups: to train on, to choose weights by, held out
TOO_FEW = (
    f"evaluations choose the weights, which takes {FEWEST_GROUPS} groups or more; set that, or training.keep = "
    '"last" without early_stopping'
)
IMAGES = ("cnn_light", "cnn")
SERIES = ("cnn_1d", "cnn_1d_light", "eegnet", "shallowfbcspnet", "deep4net", "covariance")
FIXED = ("eegnet", "shallowfbcspnet", "deep4net", "spectrum", "covariance")  # of one shape


def _canonical_split(value: Any) -> Any:
    return "val" if value == "validation" else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Split = Annotated[Literal["train", "val", "test"], BeforeValidator(_canonical_split)]
Backbone = Annotated[
    Literal[
        "cnn_light",
        "cnn",
        "cnn_1d",
        "cnn_1d_light",
        "transformer",
        "eegnet",
        "shallowfbcspnet",
        "deep4net",
        "spectrum",
        "covariance",
    ],
    BeforeValidator(_lower),
]


class ClassifierSettings(Section):
    """The global settings and the trainer."""

    config: str = key(
        "config/default.toml",
        "Settings file, from the project's folder; `--config settings=` and SIGNAL_DIFFUSION_CONFIG win.",
    )
    trainer: Literal["classification"] = key(..., "The family that this file belongs to.")


class ClassifierData(Section):
    """This run's representation, in place of the settings'."""

    output_type: Literal["db-only", "db-iq", "db-polar"] | None = key(
        None, "Planes of a spectrogram; default: the settings'."
    )
    data_type: Literal["spectrogram", "timeseries"] | None = key(
        None, "What a window becomes; default: the settings'."
    )


class ClassifierDataset(Section):
    """What is trained on, and which labels."""

    name: str = key(..., "A recipe of config/dataset/.", stage="training", min_length=1)
    tasks: list[str] = key(
        ..., "Labels to predict, of docs/datasets.md; one head each.", stage="training", min_length=1
    )
    train_split: Split = key("train", "Split to train on.", stage="training")
    val_split: Split = key(
        "val",
        "Split that chooses the best weights and ends training early; the one left over is held out.",
        stage="training",
    )
    batch_size: int = key(32, "Training batch size.", stage="training", unit="windows", ge=1)
    num_workers: int = key(
        0,
        "Loader processes.",
        refused="batches come whole from a memory map, without workers; remove the key",
    )
    pin_memory: bool = key(
        True,
        "Pin batches for a GPU.",
        refused="batches are always pinned where there is a GPU; remove the key",
    )
    shuffle: bool = key(True, "Shuffle the training windows; else they come in order.", stage="training")
    weighted: bool = key(
        True,
        "Draw training windows by the recipe's weights; all alike in folds and where `shuffle` is false.",
        stage="training",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.tasks)) < len(self.tasks):
            raise Contradiction("tasks", "names a task twice; keep one")
        if self.val_split == self.train_split:
            raise Contradiction("val_split", "is the training split; use another")
        if self.weighted and "weighted" in self.model_fields_set and not self.shuffle:
            raise Contradiction("weighted", "shuffle is false, so that nothing is drawn; remove one of them")
        return self

    @property
    def told_apart(self) -> list[str]:
        """Tasks in whose classes groups of subjects are alike: all but the number."""
        return [name for name in self.tasks if name != "age"]

    @property
    def held_out_split(self) -> str:
        """The split that a training on the recipe's splits does not see."""
        [left] = {"train", "val", "test"} - {self.train_split, self.val_split}
        return left


class BackboneExtras(Section):
    """Of the transformer alone."""

    aliases: ClassVar[dict[str, str]] = {"heads": "num_heads"}

    pooling: Literal["class_token", "mean"] = key(
        "mean", "What stands for a window: a token of its own, or the mean of all.", stage="training"
    )
    num_heads: int = key(4, "Attention heads; they divide `embedding_dim`.", stage="training", ge=1)
    patch_size: int | list[int] | None = key(
        None,
        "Pixels of a patch, [height, width] or one number for both, or samples of a time series; unset: 8, or 64.",
        stage="training",
    )
    input_dim: int | None = key(
        None, "Width of the input.", refused="it follows from the dataset; remove the key"
    )
    seq_length: int | None = key(
        None, "Length of the input.", refused="it follows from the dataset; remove the key"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        sizes = self.patch_size if isinstance(self.patch_size, list) else [self.patch_size]
        if self.patch_size is not None and (len(sizes) not in (1, 2) or min(sizes) < 1):
            raise Contradiction("patch_size", "is one number or [height, width], each 1 or more; correct it")
        return self


class ClassifierModel(Section):
    """The network that all heads share."""

    backbone: Backbone = key(..., "The network.", stage="training")
    input_channels: int | None = key(
        None, "Planes of an image, or channels of a time series; unset: the dataset's.", ge=1
    )
    embedding_dim: int = key(256, "Features that the backbone gives the heads.", stage="training", ge=8)
    dropout: float = key(0.3, "Dropout.", stage="training", ge=0, lt=1)
    activation: Literal["relu", "lrelu", "sigmoid", "tanh", "gelu", "prelu"] = key(
        "gelu", "Activation.", stage="training"
    )
    depth: int = key(3, "Blocks.", stage="training", ge=1)
    layer_repeats: int = key(2, "Layers of a block.", stage="training", ge=1)
    extras: BackboneExtras = section(BackboneExtras)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.backbone in FIXED:
            for name in ("embedding_dim", "activation", "depth", "layer_repeats"):
                if name in self.model_fields_set:
                    raise Contradiction(name, f"{self.backbone} has one shape alone; remove the key")
        if self.backbone != "transformer":
            for name in sorted(self.extras.model_fields_set):
                raise Contradiction(f"extras.{name}", f"{self.backbone} has none; remove the key")
        elif self.embedding_dim % self.extras.num_heads:
            raise Contradiction("extras.num_heads", f"does not divide embedding_dim = {self.embedding_dim}")
        return self


class ClassificationRun(Section):
    """A classification run; `name` and `path` are those of its file."""

    name: str
    path: Path
    extends: str | None = key(
        None, "A row of config/classification/presets.txt to start from; what the run says itself wins."
    )
    settings: ClassifierSettings
    data: ClassifierData = section(ClassifierData)
    dataset: ClassifierDataset
    model: ClassifierModel
    augmentation: Augmentation = section(Augmentation)
    optimizer: ClassifierOptimizer = section(ClassifierOptimizer)
    scheduler: ClassifierScheduler = section(ClassifierScheduler)
    training: ClassifierTraining = section(ClassifierTraining)
    evaluation: Evaluation = section(Evaluation)
    selection: Selection = section(Selection)

    @model_validator(mode="after")
    def _check(self) -> Self:
        named = {"task_weights": self.training.task_weights, "focal_tasks": self.training.focal_tasks}
        for name, tasks in named.items():
            for task in tasks:
                if task not in self.dataset.tasks:
                    message = f"{task} is not among dataset.tasks; correct the name, or add it there"
                    raise Contradiction(f"training.{name}", message)
        evaluation = self.evaluation
        if self.training.selects and evaluation.folds == "subject" and evaluation.n_folds < FEWEST_GROUPS:
            raise Contradiction("evaluation.n_folds", TOO_FEW)
        if self.training.run_name not in (None, self.name):
            message = f'the run is called after its file; rename the file, or set "{self.name}"'
            raise Contradiction("training.run_name", message)
        self.fill(training=self.training.model_copy(update={"run_name": self.name}))
        return self

    def unread(self) -> frozenset[str]:
        """How to evaluate, where no weights are chosen by it; how to choose among candidates, where there are none."""
        evaluating = frozenset() if self.training.selects else EVALUATING
        return evaluating | (frozenset() if self.selection.candidates else SELECTING)

    def check_data(self, representation: str) -> None:
        """Raise Contradiction where network or augmentations do not fit the windows."""
        timeseries, backbone = representation == "timeseries", self.model.backbone
        fitting, instead = (
            (IMAGES, "cnn_1d or transformer") if timeseries else (SERIES, "cnn_light, cnn or transformer")
        )
        if backbone in fitting:
            raise Contradiction("model.backbone", f"{backbone} does not take {representation}; use {instead}")
        planes = {"db-only": 1, "db-iq": 3, "db-polar": 3}.get(representation, self.model.input_channels)
        if self.model.input_channels not in (None, planes):
            raise Contradiction(
                "model.input_channels", f"{representation} images have {planes}; set that, or remove it"
            )
        self.augmentation.check_data(timeseries)
