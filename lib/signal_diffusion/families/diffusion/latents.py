"""The latent space of a VAE: images to latents once, before training, and generated latents back to images."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from signal_diffusion.datasets.splits import SPLITS
from signal_diffusion.datasets.storage import (
    SPEC,
    Windows,
    read_spec,
    staged_folder,
    write_split,
    write_table,
)
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.denoiser import LATENTS
from signal_diffusion.files import write_json
from signal_diffusion.progress import Progress
from signal_diffusion.training.processes import choose_device

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

BATCH = 16
COLOURS = 3
SUBFOLDER = "vae"


class LatentSpace:
    """A frozen `AutoencoderKL` with its shift and scale: latents are (mean of the posterior - shift) * scale.

    A VAE of colour images takes a plane of one channel three times, and the mean of its three comes back.
    """

    def __init__(self, vae: "AutoencoderKL", planes: int, device: str | torch.device = "cpu"):
        self._vae, self.planes = vae.to(device).eval().requires_grad_(False), planes
        self._shift = float(vae.config.shift_factor or 0.0)
        self._scale = float(vae.config.scaling_factor)
        self._repeats = COLOURS if planes == 1 and vae.config.in_channels == COLOURS else 1
        if planes * self._repeats != vae.config.in_channels:
            raise UserError(
                f"the VAE reads images of {vae.config.in_channels} channels, these have {planes}; name another"
            )

    @classmethod
    def load(
        cls, source: str | Path, planes: int, device: str | torch.device = "cpu", tiling: bool = False
    ) -> "LatentSpace":
        """The VAE of a folder or hub id, in its subfolder `vae` where it has one; UserError when there is none.

        A hub id may name its revision behind an "@".
        """
        from diffusers import AutoencoderKL

        name, revision = (str(source), None) if Path(source).is_dir() else _revised(str(source))
        inside = Path(name, SUBFOLDER).is_dir() or not (Path(name).is_dir() or "vae" in name.lower())
        try:
            vae = AutoencoderKL.from_pretrained(
                name, subfolder=SUBFOLDER if inside else None, revision=revision, use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise UserError(f"VAE {source}: {reason}; give a folder or hub id of an AutoencoderKL") from error
        if tiling:
            vae.enable_tiling()
        return cls(vae, planes, device)

    @property
    def vae(self) -> "AutoencoderKL":
        """The autoencoder itself."""
        return self._vae

    @property
    def shift_can_move(self) -> bool:
        """Whether `without_shift` has where to put the shift: convolutions at the latents, or there is none."""
        return not self._shift or None not in (self._vae.quant_conv, self._vae.post_quant_conv)

    def without_shift(self) -> "AutoencoderKL":
        """The same with its shift moved into its weights, for Stable Diffusion 1, whose pipeline knows of none.

        Only where `shift_can_move`.
        """
        vae = copy.deepcopy(self._vae)
        if self._shift:
            with torch.no_grad():
                vae.quant_conv.bias[: vae.config.latent_channels] -= self._shift
                vae.post_quant_conv.bias += self._shift * vae.post_quant_conv.weight.sum((1, 2, 3))
        vae.register_to_config(shift_factor=None)
        return vae

    def save(self, folder: Path) -> None:
        """The folder that diffusers reads."""
        self._vae.save_pretrained(folder)

    @torch.no_grad()
    def encode(self, images: np.ndarray) -> np.ndarray:
        """uint8 [n, planes, height, width] to latents float32 [n, channels, height / f, width / f]."""
        return self._in_batches(self._encode, images)

    @torch.no_grad()
    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Latents float32 [n, channels, height, width] to uint8 [n, planes, height f, width f]."""
        return self._in_batches(self._decode, latents)

    def _encode(self, images: Tensor) -> Tensor:
        pixels = (images.float() / 127.5 - 1).repeat(1, self._repeats, 1, 1)
        return (self._vae.encode(pixels).latent_dist.mode() - self._shift) * self._scale

    def _decode(self, latents: Tensor) -> Tensor:
        pixels = self._vae.decode(latents / self._scale + self._shift).sample
        pixels = pixels.unflatten(1, (self._repeats, self.planes)).mean(1)
        return ((pixels + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)

    def _in_batches(self, function, array: np.ndarray) -> np.ndarray:
        starts = range(0, len(array), BATCH)
        batches = (torch.tensor(array[first : first + BATCH], device=self._vae.device) for first in starts)
        return np.concatenate([function(batch).cpu().numpy() for batch in batches])


def _revised(source: str) -> tuple[str, str | None]:
    name, at, revision = source.rpartition("@")
    return (name, revision) if at else (source, None)


def encode_latents(dataset: Path, vae: str | Path, out: Path) -> None:
    """Write the latents of every split of a dataset of images, with its rows, as a folder that `Windows` reads."""
    spec = read_spec(dataset)
    if "planes" not in spec:
        raise UserError(
            f"{dataset}: holds {spec['representation']}, a VAE reads images; name an image dataset"
        )
    splits = {split: Windows(dataset, split) for split in SPLITS}
    space = LatentSpace.load(vae, splits["train"].shape[1], choose_device())
    shape = space.encode(splits["train"].array([0])).shape[1:]
    arrays = {}
    with (
        staged_folder(out) as folder,
        Progress(sum(map(len, splits.values())), "encode latents", "image") as progress,
    ):
        for split, windows in splits.items():
            path = folder / f"{split}.npy"
            arrays[path.name] = write_split(
                path, (len(windows), *shape), _blocks(space, windows, progress), np.float32
            )
            write_table(folder / f"{split}-metadata.csv", windows.metadata)
        write_json(folder / SPEC, {**spec, "representation": LATENTS, "sha256": arrays})


def _blocks(space: LatentSpace, windows: Windows, progress: Progress) -> Iterator[np.ndarray]:
    for block in windows.blocks(BATCH):
        yield space.encode(np.ascontiguousarray(block))
        progress.update(len(block))
