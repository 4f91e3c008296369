"""Support runs: a file of config/support/ makes results/support/{name}/, which other runs name."""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key, section

SECTION_OF_KIND = {"text-encoders": "text", "feature-encoder": "features"}


class SupportSettings(Section):
    """The global settings and the trainer."""

    config: str = key(
        "config/default.toml",
        "Settings file, from the project's folder; `--config settings=` and SIGNAL_DIFFUSION_CONFIG win.",
    )
    trainer: Literal["support"] = key("support", "The family that this file belongs to.")


class SupportDataset(Section):
    """What the recipe's windows or captions are used for."""

    name: str = key(..., "A recipe of config/dataset/.", stage="support", min_length=1)


class SupportTraining(Section):
    """How the small model is fitted."""

    steps: int = key(300, "Optimiser steps.", stage="support", unit="steps", ge=1)
    batch_size: int = key(64, "Batch size.", stage="support", ge=1)
    learning_rate: float = key(1e-3, "Learning rate.", stage="support", gt=0)
    seed: int = key(0, "Seed of weights, noise and order.", stage="support", ge=0)
    threads: int = key(2, "CPU threads of torch; they are part of the numbers.", stage="support", ge=1)


class TextEncoders(Section):
    """The pair of CLIP text encoders (kind = "text-encoders")."""

    width: int = key(32, "Width of both encoders.", stage="support", ge=8)
    layers: int = key(2, "Layers of both encoders.", stage="support", ge=1)
    projections: list[int] = key(
        [32, 32],
        "Widths of the two embeddings that are concatenated.",
        stage="support",
        min_length=2,
        max_length=2,
    )


class FeatureEncoder(Section):
    """The convolutional encoder (kind = "feature-encoder")."""

    width: int = key(32, "Channels of its first layer.", stage="support", ge=4)
    dim: int = key(64, "Width of the features.", stage="support", ge=2)


class SupportRun(Section):
    """A support run; `name` and `path` are those of its file."""

    name: str
    path: Path
    kind: Literal["text-encoders", "feature-encoder"] = key(..., "What is built.", stage="support")
    settings: SupportSettings = section(SupportSettings)
    dataset: SupportDataset
    training: SupportTraining = section(SupportTraining)
    text: TextEncoders = section(TextEncoders)
    features: FeatureEncoder = section(FeatureEncoder)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for kind, table in SECTION_OF_KIND.items():
            if table in self.model_fields_set and kind != self.kind:
                first = next(iter(getattr(self, table).model_fields_set), "")
                raise Contradiction(f"{table}.{first}", f'kind is "{self.kind}"; remove the section')
        return self
