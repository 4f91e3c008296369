"""What a run reads beside its model: a dataset, and what was made of it before training."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.datasets.views import DecibelView
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.conditioning import (
    Conditioning,
    Conditions,
    conditioning_of,
    conditions_of,
)
from signal_diffusion.families.diffusion.latents import LatentSpace
from signal_diffusion.families.diffusion.sample import Decode, unchanged
from signal_diffusion.families.diffusion.sets import view_of
from signal_diffusion.families.diffusion.text import load_embeddings, load_text
from signal_diffusion.training.processes import choose_device


@dataclass(frozen=True)
class Material:
    """The dataset folder of a run; for caption runs the embeddings of its captions, for runs in latent space its
    latents and the folder or hub id of the VAE that made them; where text encoders train, where they start from."""

    run: DiffusionRun
    dataset: Path
    captions: Path | None = None
    latents: Path | None = None
    vae: str | Path | None = None
    encoder: str | Path | None = None

    def windows(self, split: str) -> Windows:
        """What a network is shown of a split."""
        if not self.run.model.extras.latent_space:
            return Windows(self.dataset, split)
        if self.latents is None:
            raise UserError(
                f"{self.run.path} [model.extras] latent_space: give --latents, made by encode_latents.py"
            )
        return Windows(self.latents, split)

    def recorded(self, split: str) -> Windows:
        """A split as the dataset stores it."""
        return Windows(self.dataset, split)

    def conditioning(self, training: Windows) -> Conditioning:
        return conditioning_of(self.run, training.metadata, self.embeddings, self.text)

    def conditions(self, conditioning: Conditioning, windows: Windows) -> Conditions | None:
        """The condition of each window of a split, [n, ...]."""
        return conditions_of(conditioning, windows.metadata, self.embeddings, self.run.dataset.caption_column)

    @cached_property
    def embeddings(self) -> dict[str, np.ndarray] | None:
        if self.run.model.conditioning != "caption":
            return None
        if self.captions is None:
            raise UserError(
                f"{self.run.path} [model] conditioning = caption: give --captions, made by encode_captions.py"
            )
        return load_embeddings(self.captions)

    @cached_property
    def text(self) -> dict[str, Any] | None:
        """How captions are packed that are read word by word."""
        return None if self.embeddings is None else load_text(self.captions)

    @cached_property
    def view(self) -> DecibelView:
        """Windows as decibels, which metrics and figures look at."""
        return view_of(self.run, self.dataset)

    @cached_property
    def space(self) -> LatentSpace | None:
        """The latent space of the run, None in pixel space."""
        if not self.run.model.extras.latent_space:
            return None
        if self.vae is None:
            raise UserError(
                f"{self.run.path} [model.extras] latent_space: give --vae, the VAE's folder or hub id"
            )
        planes = self.recorded(self.run.dataset.train_split).shape[1]
        return LatentSpace.load(self.vae, planes, choose_device(), self.run.model.vae_tiling)

    @property
    def decode(self) -> Decode:
        """From what a denoiser draws to windows as the dataset stores them."""
        return self.space.decode if self.space is not None else unchanged
