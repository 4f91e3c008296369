"""An encoder of spectrogram images that learns their labels, for feature distances in evaluation.

It is kept from learning the training subjects by heart (noise on its input, dropout, weight decay, few
steps), for a distance in its features means something only where real training and test images look alike.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from signal_diffusion import files
from signal_diffusion.datasets import labels
from signal_diffusion.datasets.batches import BatchOrder
from signal_diffusion.datasets.captions import VOCABULARY
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.errors import UserError
from signal_diffusion.families.support.fitting import fit
from signal_diffusion.metrics.encoder import ENCODER_FILE
from signal_diffusion.models.dropout import Dropout
from signal_diffusion.models.encoder import SpectrogramEncoder, unit_range
from signal_diffusion.training.seeds import seed_global
from signal_diffusion.training.weights import save_weights

if TYPE_CHECKING:
    import pandas as pd

    from signal_diffusion.config.support import SupportRun

# Noise of up to this standard deviation, an image's range being 2; each image draws its own amount, so that
# clean images, which evaluation shows, are among what was trained on.
NOISE = 0.8
DROPOUT = 0.5
WEIGHT_DECAY = 0.1
SCORED_WINDOWS = 2048
Targets = dict[str, np.ndarray]


def train_features(run: "SupportRun", dataset_folder: str | Path, out: str | Path) -> None:
    """Train the encoder of `run` on the training split of a dataset folder and write `out`.

    `out` holds encoder.safetensors, which `metrics.encoder.load_encoder` reads, and scores.json: how well the
    labels are read from images of each split. UserError when no label has two values to tell apart, or when
    splits leak into each other.
    """
    check_dataset(dataset_folder)
    splits = {split: Windows(dataset_folder, split) for split in ("train", "val", "test")}
    train = splits["train"]
    targets = label_targets(train.metadata)
    if not targets:
        raise UserError(f"{dataset_folder}: no label has two values in its training split; add subjects")
    seed_global(torch.device("cpu"), run.training.seed)
    network = network_config(train.shape, run.features.width, run.features.dim)
    model = LabelReader(SpectrogramEncoder(**network), targets)
    task = LabelTask(model, train, targets, run.training.batch_size, run.training.seed)
    model.load_state_dict(fit(task, run.training, "feature encoder", WEIGHT_DECAY))
    model.cpu().eval()
    config = {"network": network, "image_shape": list(train.shape[1:]), "labels": sorted(targets)}
    scores = {split: model.scores(windows) for split, windows in splits.items()}
    with files.replaced_folder(out) as folder:
        save_weights(folder / ENCODER_FILE, model.encoder.state_dict(), config)
        files.write_json(folder / "scores.json", scores)


def network_config(shape: tuple[int, ...], width: int, dim: int) -> dict[str, int]:
    """Arguments of SpectrogramEncoder for windows [n, channels, height, width]; its last map has 8 rows."""
    depth = max(2, round(math.log2(shape[2] / 8)))
    return {"channels": shape[1], "width": width, "dim": dim, "depth": depth}


def label_targets(metadata: "pd.DataFrame") -> Targets:
    """Codes, float32 [rows] with NaN for unknown, of every caption field that takes two values or more."""
    targets = {}
    for name in ("age", *VOCABULARY):
        if name in metadata.columns:
            codes = [labels.LABELS[name].encode({name: value}) for value in metadata[name]]
            values = np.array([np.nan if code is None else code for code in codes], dtype=np.float32)
            if len(np.unique(values[~np.isnan(values)])) > 1:
                targets[name] = values
    return targets


class LabelReader(nn.Module):
    """An encoder and one linear read-out of its features per label; numbers are standardised."""

    def __init__(self, encoder: SpectrogramEncoder, targets: Targets):
        super().__init__()
        self.encoder = encoder
        self.dropout = Dropout(DROPOUT)
        dim = encoder.project.out_features
        self.heads = nn.ModuleDict(
            {name: nn.Linear(dim, labels.LABELS[name].num_classes) for name in targets}
        )
        self.numbers = {
            name: (float(np.nanmean(values)), float(np.nanstd(values)))
            for name, values in targets.items()
            if not labels.LABELS[name].parts
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Images [batch, channels, height, width] in [-1, 1] to logits [batch, classes], or [batch, 1]."""
        features = self.dropout(self.encoder(images))
        return {name: head(features) for name, head in self.heads.items()}

    def loss(self, name: str, output: Tensor, target: Tensor) -> Tensor:
        """Mean over rows whose label is known, in units of what guessing without looking costs."""
        known = ~target.isnan()
        output, target = output[known], target[known]
        if name in self.numbers:
            mean, deviation = self.numbers[name]
            total = F.mse_loss(output[:, 0], (target - mean) / deviation, reduction="sum")
        else:
            total = F.cross_entropy(output, target.long(), reduction="sum") / math.log(output.shape[1])
        return total / known.sum().clamp(min=1)

    @torch.inference_mode()
    def scores(self, windows: Windows) -> dict[str, dict[str, float]]:
        """R2 of numbers, accuracy of classes beside the commonest one's; on 2048 windows at most."""
        rows = np.unique(np.linspace(0, len(windows) - 1, SCORED_WINDOWS).round().astype(np.int64))
        if not len(windows):
            return {}
        batches = np.array_split(rows, math.ceil(len(rows) / 128))
        parts = [self(unit_range(torch.from_numpy(windows.images(batch)))) for batch in batches]
        targets = label_targets(windows.metadata.iloc[rows])
        return {
            name: self._score(name, torch.cat([part[name] for part in parts]).numpy(), targets[name])
            for name in self.heads
            if name in targets
        }

    def _score(self, name: str, output: np.ndarray, target: np.ndarray) -> dict[str, float]:
        known = ~np.isnan(target)
        output, target = output[known], target[known]
        if name in self.numbers:
            mean, deviation = self.numbers[name]
            error = np.square(output[:, 0] * deviation + mean - target).mean()
            return {"r2": float(1 - error / target.var())}
        commonest = np.bincount(target.astype(np.int64)).max() / len(target)
        return {"accuracy": float((output.argmax(1) == target).mean()), "commonest": float(commonest)}


def noisy(images: Tensor, generator: Generator) -> Tensor:
    """Images [batch, channels, height, width] with white noise, whose deviation is uniform in [0, NOISE]."""
    amounts = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)
    return images + NOISE * amounts * torch.randn(images.shape, generator=generator, device=images.device)


class LabelTask:
    """Tell the labels of noisy training images (`signal_diffusion.training.task.Task`)."""

    def __init__(self, model: LabelReader, windows: Windows, targets: Targets, batch_size: int, seed: int):
        self.model, self._windows, self._targets = model, windows, targets
        self._order = BatchOrder(len(windows), batch_size, seed)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.model.parameters())}]

    def batch(self, step: int, micro: int) -> tuple[np.ndarray, Targets]:
        rows = self._order.indices(step)
        return self._windows.images(rows), {name: values[rows] for name, values in self._targets.items()}

    def loss(
        self, model: nn.Module, batch: tuple[Tensor, dict[str, Tensor]], generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        images, targets = batch
        outputs = model(noisy(unit_range(images), generator))
        losses = {name: self.model.loss(name, outputs[name], target) for name, target in targets.items()}
        return torch.stack(list(losses.values())).mean(), losses

    def evaluate(self, model: nn.Module, step: int) -> dict[str, float]:
        scores = self.model.scores(self._windows)
        return {f"{name}/{key}": value for name, score in scores.items() for key, value in score.items()}

    def images(self, model: nn.Module, step: int) -> list[tuple[str, np.ndarray]]:
        return []
