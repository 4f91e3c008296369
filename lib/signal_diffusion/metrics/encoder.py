"""Features of images from the encoder that a support run trained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from signal_diffusion.errors import UserError
from signal_diffusion.files import load_tensors
from signal_diffusion.models.encoder import SpectrogramEncoder, unit_range

ENCODER_FILE = "encoder.safetensors"


def load_encoder(folder: str | Path, batch_size: int = 256) -> Callable[[np.ndarray], np.ndarray]:
    """The encoder of `folder` (results/support/RUN) as a function of images.

    It maps uint8 [n, channels, resolution, resolution] to float32 [n, dim]. Raises UserError when the folder
    holds no encoder, or when images have another size than those that it was trained on.
    """
    path = Path(folder) / ENCODER_FILE
    if not path.is_file():
        raise UserError(f"{path}: no feature encoder there; build it with snakemake results/support/RUN/")
    tensors, config = load_tensors(path)
    network = SpectrogramEncoder(**config["network"]).eval()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    shape = tuple(config["image_shape"])

    @torch.inference_mode()
    def features(images: np.ndarray) -> np.ndarray:
        if images.shape[1:] != shape or images.dtype != np.uint8:
            found = f"{images.dtype} {images.shape[1:]}"
            raise UserError(f"{path}: trained on uint8 images of shape {shape}, found {found}")
        batches = (torch.from_numpy(images[i : i + batch_size]) for i in range(0, len(images), batch_size))
        return torch.cat([network(unit_range(batch)) for batch in batches]).numpy()

    return features
