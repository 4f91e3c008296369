"""A small variational autoencoder of spectrogram images, in the folder layout of diffusers."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator, Tensor, nn

from signal_diffusion.config.support import GROUPS
from signal_diffusion.datasets.batches import BatchOrder
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.families.support.fitting import fit
from signal_diffusion.files import replaced_folder
from signal_diffusion.models.encoder import unit_range
from signal_diffusion.training.seeds import seed_global

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

    from signal_diffusion.config.support import SupportRun, Vae

MEASURED = 1024  # training images that say what shift and scale bring the latents to mean 0 and variance 1
BATCH = 64


def train_vae(run: "SupportRun", dataset_folder: str | Path, out: str | Path) -> None:
    """Train the VAE of `run` on the training split of a dataset of images and write `out`.

    `out` is what `AutoencoderKL.from_pretrained` reads: its scaling_factor and shift_factor standardise the latents of
    the training images. UserError for a dataset of time series, or when splits leak into each other.
    """
    check_dataset(dataset_folder)
    train = Windows(dataset_folder, "train")
    seed_global(torch.device("cpu"), run.training.seed)
    vae = network(run.vae, train.images([0]).shape[1])
    task = VaeTask(vae, train, run.vae.kl_weight, run.training.batch_size, run.training.seed)
    vae.load_state_dict(fit(task, run.training, "VAE", weight_decay=0.0))
    vae.cpu().eval()
    shift, scale = measured(vae, train)
    vae.register_to_config(shift_factor=shift, scaling_factor=scale)
    with replaced_folder(out) as folder:
        vae.save_pretrained(folder)


def network(config: "Vae", planes: int) -> "AutoencoderKL":
    """The autoencoder of Rombach et al. 2022 (arXiv 2112.10752) with one block per level, in fresh weights."""
    from diffusers import AutoencoderKL

    levels = len(config.widths)
    return AutoencoderKL(
        in_channels=planes,
        out_channels=planes,
        down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels,
        block_out_channels=config.widths,
        layers_per_block=1,
        latent_channels=config.latent_channels,
        norm_num_groups=GROUPS,
    )


@torch.inference_mode()
def measured(vae: "AutoencoderKL", train: Windows) -> tuple[float, float]:
    """Mean of the latents of training images, and one over their standard deviation."""
    rows = np.unique(np.linspace(0, len(train) - 1, MEASURED).round().astype(np.int64))
    parts = [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
    batches = (unit_range(torch.from_numpy(train.images(part))) for part in parts)
    latents = torch.cat([vae.encode(batch).latent_dist.mode() for batch in batches]).double()
    return float(latents.mean()), float(1 / latents.std())


class VaeTask:
    """Encode images, decode a draw from the posterior (`signal_diffusion.training.task.Task`)."""

    def __init__(self, model: nn.Module, windows: Windows, kl_weight: float, batch_size: int, seed: int):
        self.model, self._windows, self._kl_weight = model, windows, kl_weight
        self._order = BatchOrder(len(windows), batch_size, seed)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.model.parameters())}]

    def batch(self, step: int, micro: int) -> np.ndarray:
        return self._windows.images(self._order.indices(step))

    def loss(
        self, model: nn.Module, batch: Tensor, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """Mean squared error of pixels in [-1, 1], and `kl_weight` times the divergence from N(0, I) per latent."""
        images = unit_range(batch)
        posterior = model.encode(images).latent_dist
        decoded = model.decode(posterior.sample(generator)).sample
        error = (decoded - images).square().mean()
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        return error + self._kl_weight * divergence, {"mse": error.detach(), "kl": divergence.detach()}

    def evaluate(self, model: nn.Module, step: int) -> dict[str, float]:
        images = unit_range(torch.from_numpy(self._windows.images(self._order.indices(0))))
        decoded = model.decode(model.encode(images).latent_dist.mode()).sample
        return {"mse": float((decoded - images).square().mean())}

    def images(self, model: nn.Module, step: int) -> list[tuple[str, np.ndarray]]:
        return []
