"""The published model: one call to load it, one to generate from a caption or labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from signal_diffusion.config.images import IMAGES
from signal_diffusion.datasets.views import series_decibels
from signal_diffusion.diffusion.process import Process
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.conditioning import FIELDS, Conditioning
from signal_diffusion.families.diffusion.denoiser import Denoiser
from signal_diffusion.families.diffusion.generate import load_denoiser
from signal_diffusion.families.diffusion.latents import SUBFOLDER, LatentSpace
from signal_diffusion.families.diffusion.model import told
from signal_diffusion.families.diffusion.prompts import PromptEncoder
from signal_diffusion.families.diffusion.sample import Sampling, draw, unchanged
from signal_diffusion.families.diffusion.text import DualTextEncoder
from signal_diffusion.files import read_json
from signal_diffusion.signals.encoding import decode
from signal_diffusion.signals.inverse import to_waveform
from signal_diffusion.signals.representations import SERIES

WEIGHTS, DESCRIPTION, TEXT = "model.safetensors", "pipeline.json", "text"
Prompt = str | Mapping[str, Any]
TAKES = {
    "none": "no prompt: it was trained without captions or labels",
    "caption": "a prompt: it was trained with captions",
    "classes": "labels: it was trained with classes",
    "gend_hlth_age": "labels: it was trained with gender, health and age",
}


@contextmanager
def _own_defaults() -> Iterator[None]:
    """float32 on the CPU where nothing else is said, as in training, whatever defaults the caller has set."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        # A device as context slows every call, so it is set aside only where it is another.
        with torch.device("cpu") if torch.get_default_device().type != "cpu" else nullcontext():
            yield
    finally:
        torch.set_default_dtype(dtype)


@dataclass(frozen=True)
class Generated:
    """Generated windows as their dataset stores them, and how to read them (`spec`, dataset.json).

    `images`: uint8 [n, planes, resolution, resolution]; time series: z-scores, float32 [n, electrodes, samples].
    """

    images: np.ndarray
    spec: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.images)

    def decibels(self) -> np.ndarray:
        """Power in dB re 1 uV^2/Hz, float32 [n, electrodes, rows, frames], lowest frequency first."""
        self._check_eeg()
        if self.spec["representation"] == SERIES:
            return series_decibels(self.images, dict(self.spec))
        planes = decode(self.images, dict(self.spec))
        return planes if self.spec["representation"] == "db-only" else planes[:, 0]

    def waveforms(self, iterations: int = 100, seed: int = 0) -> np.ndarray:
        """Microvolts, float32 [n, electrodes, samples], by the inverse transform (`signals.inverse.to_waveform`).

        Decibels alone leave the phases open: Griffin-Lim finds some in that many `iterations` from a seeded start.
        """
        self._check_eeg()
        return to_waveform(self.images, dict(self.spec), iterations, seed)

    def _check_eeg(self) -> None:
        if self.spec["representation"] == IMAGES:
            raise UserError(f"{self.spec['recipe']}: the model draws images, no spectrograms; use `images`")

    @property
    def frequencies(self) -> np.ndarray:
        """Frequency of each row of `decibels`, Hz."""
        self._check_eeg()
        return np.asarray(self.spec["frequencies"])


class Pipeline:
    """A published diffusion model.

    `Pipeline.from_pretrained("results/diffusion/demo")("a spectrogram image of ...", num_images_per_prompt=4)`
    """

    def __init__(
        self,
        denoiser: Denoiser,
        process: Process,
        conditioning: Conditioning,
        sampling: Sampling,
        spec: Mapping[str, Any],
        text: str | Path | None = None,
        space: LatentSpace | None = None,
        prompts: Mapping[str, Any] | None = None,
    ):
        self.denoiser, self.process, self.conditioning = denoiser, process, conditioning
        self.sampling, self.spec, self.space = sampling, spec, space
        self._text_source, self._text, self._prompts = text, None, prompts

    @classmethod
    @_own_defaults()
    def from_pretrained(cls, folder: str | Path, device: str | torch.device = "cpu") -> "Pipeline":
        """Read the model of results/diffusion/RUN (or its folder `model`). UserError when there is none."""
        folder = Path(folder).absolute()  # captions are encoded later, whatever the working directory is then
        folder = folder / "model" if (folder / "model").is_dir() else folder
        if not (folder / WEIGHTS).is_file():
            raise UserError(f"{folder}: no {WEIGHTS} there; give the folder of a published diffusion run")
        about = read_json(folder / DESCRIPTION)
        denoiser, process, description = load_denoiser(folder / WEIGHTS)
        prompts = about.get("prompts")
        text = folder if prompts else about["text_encoder"]
        text = folder / TEXT if (folder / TEXT).is_dir() else text
        sampling, spec = Sampling(**about["sampling"]), about["spec"]
        space = None
        if about["vae"] is not None:
            vae = folder / SUBFOLDER if (folder / SUBFOLDER).is_dir() else about["vae"]
            space = LatentSpace.load(vae, len(spec["planes"]), device, about["vae_tiling"])
        return cls(denoiser.to(device), process, told(description), sampling, spec, text, space, prompts)

    load = from_pretrained

    def __call__(
        self,
        prompt: Prompt | Sequence[Prompt] | None = None,
        num_images_per_prompt: int = 1,
        guidance_scale: float | None = None,
        num_inference_steps: int | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
    ) -> Generated:
        """`num_images_per_prompt` windows for each caption, class or table of labels; None where it takes none.

        Labels: a class's word, or `{"gender": "F", "health": "PD", "age": 63}`, in which what is left out is unknown.
        guidance_scale (1 is none) and num_inference_steps: the run's own unless given. The noise is a function of
        `seed`, or of a number drawn from `generator`; equal arguments give equal windows.
        """
        prompts = [prompt] if _is_one(prompt) else list(prompt)
        repeated = [each for each in prompts for _ in range(num_images_per_prompt)]
        if generator is not None:
            seed = int(torch.randint(2**31, [1], generator=generator, device=generator.device))
        return self._generate(repeated, seed, num_inference_steps, guidance_scale)

    def generate(
        self,
        prompt: Prompt | Sequence[Prompt] | None = None,
        n: int = 4,
        seed: int = 0,
        steps: int | None = None,
        cfg_scale: float | None = None,
    ) -> Generated:
        """Draw `n` windows of a caption or of labels, or one of each of a list; None for a model that takes none.

        Equal arguments give equal windows. UserError where the prompt does not suit the model.
        """
        return self._generate([prompt] * n if _is_one(prompt) else list(prompt), seed, steps, cfg_scale)

    @_own_defaults()
    def _generate(
        self, prompts: Sequence[Prompt | None], seed: int, steps: int | None, scale: float | None
    ) -> Generated:
        steps = self.sampling.steps if steps is None else steps
        scale = self.sampling.scale if scale is None else scale
        _check_numbers(len(prompts), seed, steps)
        conditions = self._conditions(prompts)
        sampling = replace(self.sampling, seed=seed, steps=steps, scale=scale)
        if sampling.scale != 1 and not self.conditioning.guided:
            raise UserError(
                f"generate: guidance of {sampling.scale:g} needs a null condition, which this model was trained "
                "without; give 1"
            )
        decode_latents = self.space.decode if self.space is not None else unchanged
        model, told_to = self.denoiser, (conditions, range(len(prompts)), sampling)
        return Generated(draw(model, self.process, *told_to, decode=decode_latents), self.spec)

    def _conditions(self, prompts: Sequence[Prompt | None]) -> Tensor | None:
        kind = self.conditioning.kind
        if any((prompt is None) != (kind == "none") for prompt in prompts):
            raise UserError(f"generate: this model takes {TAKES[kind]}")
        if kind == "caption":
            return self._embedded(prompts)
        return self.conditioning.codes([self._labels(prompt) for prompt in prompts])

    def _embedded(self, prompts: Sequence[Prompt]) -> Tensor:
        if not all(isinstance(prompt, str) for prompt in prompts):
            raise UserError(f"generate: this model takes {TAKES['caption']}")
        distinct = list(dict.fromkeys(prompts))
        if self._text is None:
            self._text = self._text_encoder()
        rows = dict(zip(distinct, self._text.encode(distinct), strict=True))
        return torch.stack([rows[prompt] for prompt in prompts])

    def _text_encoder(self) -> DualTextEncoder | PromptEncoder:
        if self._prompts is None:
            return DualTextEncoder.load(self._text_source)
        return PromptEncoder.load(source=self._text_source, **self._prompts)

    def _labels(self, prompt: Prompt | None) -> Mapping[str, Any]:
        """A prompt as a row of metadata; a word alone is that of the class."""
        kind, column = self.conditioning.kind, self.conditioning.column
        if isinstance(prompt, str) and kind == "classes":
            return {column: prompt}
        if not isinstance(prompt, Mapping):
            return {} if prompt is None else self._refuse(prompt)
        known = FIELDS if kind == "gend_hlth_age" else (column,)
        if unknown := sorted(set(prompt) - set(known)):
            raise UserError(f"generate: labels hold {unknown[0]!r}; this model knows {', '.join(known)}")
        return prompt

    def _refuse(self, prompt: Any) -> Mapping[str, Any]:
        raise UserError(f"generate: found {prompt!r}; this model takes {TAKES[self.conditioning.kind]}")


def _is_one(prompt: Any) -> bool:
    """Whether this is a prompt, or what is none and is refused as one, and no list of them."""
    return isinstance(prompt, str | Mapping) or not isinstance(prompt, Iterable)


def _check_numbers(windows: int, seed: int, steps: int) -> None:
    least = {"windows": (windows, 1), "seed": (seed, 0), "steps": (steps, 1)}
    for name, (found, needed) in least.items():
        if found < needed:
            raise UserError(f"generate: found {name} = {found}; give {needed} or more")
