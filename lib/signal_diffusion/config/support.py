"""Support runs: a file of config/support/ makes results/support/{name}/, which other runs name."""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from signal_diffusion.config.diffusion import DataOverrides
from signal_diffusion.config.fields import Contradiction, Section, key, section

SECTION_OF_KIND = {"text-encoders": "text", "feature-encoder": "features", "vae": "vae"}
GROUPS = 8  # of the VAE's group norms


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


class Vae(Section):
    """The variational autoencoder of images (kind = "vae")."""

    latent_channels: int = key(4, "Channels of its latents.", stage="support", ge=1)
    widths: list[int] = key(
        [32, 64],
        "Channels per level; height and width halve from one level to the next.",
        stage="support",
        min_length=1,
    )
    kl_weight: float = key(1e-4, "Weight of the latents' divergence from a normal.", stage="support", ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for width in self.widths:
            if width < GROUPS or width % GROUPS:
                raise Contradiction("widths", f"{width} is no multiple of {GROUPS}; change it")
        return self

    @property
    def factor(self) -> int:
        """How many pixels of a side become one."""
        return 2 ** (len(self.widths) - 1)


class SupportRun(Section):
    """A support run; `name` and `path` are those of its file."""

    name: str
    path: Path
    kind: Literal["text-encoders", "feature-encoder", "vae"] = key(..., "What is built.", stage="support")
    settings: SupportSettings = section(SupportSettings)
    data: DataOverrides = section(DataOverrides)
    dataset: SupportDataset
    training: SupportTraining = section(SupportTraining)
    text: TextEncoders = section(TextEncoders)
    features: FeatureEncoder = section(FeatureEncoder)
    vae: Vae = section(Vae)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for kind, table in SECTION_OF_KIND.items():
            if table in self.model_fields_set and kind != self.kind:
                first = next(iter(getattr(self, table).model_fields_set), "")
                raise Contradiction(f"{table}.{first}", f'kind is "{self.kind}"; remove the section')
        if self.kind == "feature-encoder" and self.data.model_fields_set:
            first = next(iter(self.data.model_fields_set))
            raise Contradiction(f"data.{first}", f'kind is "{self.kind}", made from decibels; remove it')
        return self
