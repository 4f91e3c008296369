"""A classifier: one network that all tasks share, one head for each, built from a plain description."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from signal_diffusion.config.classification import FIXED, ClassificationRun
from signal_diffusion.datasets.pool import Part, moments
from signal_diffusion.errors import UserError
from signal_diffusion.families.classification.targets import Target
from signal_diffusion.models.backbones import build_backbone
from signal_diffusion.signals.images import content_columns

LEAST_STD = {"images": 2.5, "series": 1e-3}  # levels, z-scores; what lies beside the channels never varies
PATCHES = {"images": [8, 8], "series": [64]}


class ClassifierNet(nn.Module):
    """Windows to an output per task: logits [batch, classes], or a standardised number [batch, 1].

    `mean` and `std` are those of the training windows, of each pixel or each channel; `log_variances` are there
    where the weights of the tasks are learned.
    """

    def __init__(
        self, backbone: nn.Module, targets: Sequence[Target], moments_shape: Sequence[int], learned: bool
    ):
        super().__init__()
        self.backbone, self.targets = backbone, list(targets)
        self.heads = nn.ModuleDict({target.name: backbone.head(target.outputs) for target in targets})
        self.register_buffer("mean", torch.zeros(*moments_shape))
        self.register_buffer("std", torch.ones(*moments_shape))
        self.log_variances = nn.Parameter(torch.zeros(len(targets))) if learned else None

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.backbone(x)
        return {name: head(features) for name, head in self.heads.items()}

    def encode(self, windows: Tensor) -> Tensor:
        """Windows as a dataset stores them, uint8 or float32, to standardised float32."""
        return (windows.float() - self.mean) / self.std

    @torch.inference_mode()
    def answers(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities [windows, classes] of each task of classes, numbers [windows] of the others, in their unit."""
        return self.read(self(self.encode(torch.from_numpy(windows).to(self.mean.device))))

    def read(self, outputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        """Outputs as `answers` gives them."""
        return {target.name: _answer(target, outputs[target.name]) for target in self.targets}


def describe(run: ClassificationRun, part: Part, targets: Sequence[Target]) -> dict[str, Any]:
    """The plain description that `build` makes a classifier of; it travels inside the weights file."""
    shape = list(part.shape[1:])
    if run.model.input_channels not in (None, shape[0]):
        raise UserError(
            f"{run.path} [model] input_channels: found {run.model.input_channels}, the dataset's windows have "
            f"{shape[0]}; set that, or remove the key"
        )
    return {
        "backbone": run.model.backbone,
        "network": {"shape": shape, **_arguments(run, shape, part.spec)},
        "targets": [target.described() for target in targets],
        "learned_weights": run.training.task_weighting == "uncertainty",
    }


def build(description: Mapping[str, Any]) -> ClassifierNet:
    """A classifier with fresh weights, drawn from torch's global generator."""
    shape = description["network"]["shape"]
    backbone = build_backbone(description["backbone"], **description["network"])
    targets = [Target.of(each) for each in description["targets"]]
    moments_shape = shape if len(shape) == 3 else [shape[0], 1]
    return ClassifierNet(backbone, targets, moments_shape, description["learned_weights"])


def initial(description: Mapping[str, Any], part: Part, seed: int) -> ClassifierNet:
    """The classifier before its first step: weights from the seed, statistics from the training part."""
    torch.manual_seed(seed)
    net = build(description)
    mean, std = moments(part)
    least = LEAST_STD["images" if len(part.shape) == 4 else "series"]
    net.mean.copy_(torch.from_numpy(mean))
    net.std.copy_(torch.from_numpy(np.maximum(std, least)))
    return net


def _arguments(run: ClassificationRun, shape: Sequence[int], spec: Mapping[str, Any]) -> dict[str, Any]:
    model = run.model
    if model.backbone in FIXED:
        return {"dropout": model.dropout, **_measures(model.backbone, shape, spec)}
    common = {
        "embedding_dim": model.embedding_dim,
        "dropout": model.dropout,
        "activation_name": model.activation,
        "depth": model.depth,
        "layer_repeats": model.layer_repeats,
    }
    if model.backbone != "transformer":
        return common
    extras = model.extras
    patch = _patch(extras.patch_size, len(shape))
    return {**common, "patch": patch, "num_heads": extras.num_heads, "pooling": extras.pooling}


def _measures(backbone: str, shape: Sequence[int], spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a network of one shape has to know of the windows."""
    if backbone == "deep4net":
        return {}
    if len(shape) == 2:
        return {"fs": spec["fs"]}
    columns = content_columns(spec["resolution"], len(spec["channels"]), spec["frames"])
    return {"columns": [columns.start, columns.stop], "frames": spec["frames"]}


def _patch(size: int | list[int] | None, dimensions: int) -> list[int]:
    if size is None:
        return PATCHES["images" if dimensions == 3 else "series"]
    sizes = size if isinstance(size, list) else [size] * (dimensions - 1)
    return sizes * (dimensions - 1) if len(sizes) == 1 else sizes


def _answer(target: Target, output: Tensor) -> np.ndarray:
    output = output.double().cpu()
    if target.classes:
        return output.softmax(dim=1).numpy()
    return (output[:, 0] * target.std + target.mean).numpy()
