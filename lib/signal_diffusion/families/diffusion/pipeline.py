"""The published model: one call to load it, one to generate from a prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from signal_diffusion.diffusion.process import Process
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.generate import load_denoiser
from signal_diffusion.families.diffusion.model import Denoiser
from signal_diffusion.families.diffusion.sample import Sampling, draw
from signal_diffusion.families.diffusion.text import DualTextEncoder
from signal_diffusion.files import read_json
from signal_diffusion.signals.images import dequantise, untile

WEIGHTS, DESCRIPTION, TEXT = "model.safetensors", "pipeline.json", "text"


@dataclass(frozen=True)
class Generated:
    """Generated images, uint8 [n, channels, resolution, resolution], and how to read them (dataset.json)."""

    images: np.ndarray
    spec: Mapping[str, Any]

    def decibels(self) -> np.ndarray:
        """Power in dB re 1 uV^2/Hz, float32 [n, electrodes, rows, frames], lowest frequency first."""
        levels = untile(self.images[:, 0], len(self.spec["channels"]), self.spec["frames"])
        return dequantise(levels, self.spec["min_db"], self.spec["max_db"])

    @property
    def frequencies(self) -> np.ndarray:
        """Frequency of each row of `decibels`, Hz."""
        return np.asarray(self.spec["frequencies"])


class Pipeline:
    """A published diffusion model. `Pipeline.load("results/diffusion/demo").generate("a spectrogram image of ...")`."""

    def __init__(
        self,
        denoiser: Denoiser,
        process: Process,
        sampling: Sampling,
        spec: Mapping[str, Any],
        text: str | Path | None,
    ):
        self.denoiser, self.process, self.sampling, self.spec = denoiser, process, sampling, spec
        self._text_source, self._text = text, None

    @classmethod
    def load(cls, folder: str | Path, device: str | torch.device = "cpu") -> "Pipeline":
        """Read the model of results/diffusion/RUN (or its folder `model`). UserError when there is none."""
        folder = Path(folder)
        folder = folder / "model" if (folder / "model").is_dir() else folder
        if not (folder / WEIGHTS).is_file():
            raise UserError(f"{folder}: no {WEIGHTS} there; give the folder of a published diffusion run")
        about = read_json(folder / DESCRIPTION)
        denoiser, process, _ = load_denoiser(folder / WEIGHTS)
        text = folder / TEXT if (folder / TEXT).is_dir() else about["text_encoder"]
        return cls(denoiser.to(device), process, Sampling(**about["sampling"]), about["spec"], text)

    def generate(
        self,
        prompt: str | Sequence[str] | None = None,
        n: int = 4,
        seed: int = 0,
        steps: int | None = None,
        cfg_scale: float | None = None,
    ) -> Generated:
        """Draw `n` images of a caption, or one of each caption of a list; None for a model without captions.

        Equal arguments give equal images. UserError where the prompt does not suit the model.
        """
        conditions, count = self._conditions(prompt, n)
        sampling = replace(
            self.sampling,
            seed=seed,
            steps=steps or self.sampling.steps,
            scale=self.sampling.scale if cfg_scale is None else cfg_scale,
        )
        return Generated(draw(self.denoiser, self.process, conditions, range(count), sampling), self.spec)

    def _conditions(self, prompt: str | Sequence[str] | None, n: int) -> tuple[Tensor | None, int]:
        if (prompt is None) != (self._text_source is None):
            need = (
                "no prompt: it was trained without captions"
                if prompt
                else "a prompt: it was trained with captions"
            )
            raise UserError(f"generate: this model takes {need}")
        if prompt is None:
            return None, n
        captions = [prompt] * n if isinstance(prompt, str) else list(prompt)
        distinct = list(dict.fromkeys(captions))
        rows = dict(zip(distinct, self._encoder().encode(distinct), strict=True))
        return torch.stack([rows[caption] for caption in captions]), len(captions)

    def _encoder(self) -> DualTextEncoder:
        if self._text is None:
            self._text = DualTextEncoder.load(self._text_source)
        return self._text
