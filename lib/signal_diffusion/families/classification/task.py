"""What the training loop trains for a classification run (`signal_diffusion.training.task.Task`)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn

from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.datasets.batches import BatchOrder, InOrder
from signal_diffusion.datasets.pool import Part
from signal_diffusion.families.classification import scores
from signal_diffusion.families.classification.augment import Augmenter
from signal_diffusion.families.classification.losses import TaskLosses
from signal_diffusion.families.classification.model import ClassifierNet
from signal_diffusion.families.classification.targets import Codes
from signal_diffusion.models.fixed import FixedFeatures

EVALUATED_TOGETHER = 256  # windows


class ClassificationTask:
    """Tell the labels of augmented training windows; what chooses weights are the windows of `val`.

    Args:
        codes, val_codes: labels of the rows of both, float64 [rows] per task, NaN where unknown.
        weights: how often each training row is drawn, relative to the others; None for all alike.
    """

    def __init__(
        self,
        run: ClassificationRun,
        model: ClassifierNet,
        train: Part,
        codes: Codes,
        weights: np.ndarray | None,
        val: Part,
        val_codes: Codes,
    ):
        self.model, self._train, self._val, self._val_codes = model, train, val, val_codes
        self._labels = {name: values.astype(np.float32) for name, values in codes.items()}
        self._losses = TaskLosses(run.training, model.targets, codes, weights)
        self._augment = Augmenter(run.augmentation, train.spec)
        self.guesses = scores.guesses(model.targets, codes)
        measured = _measured(model, train)
        self._measured = measured if self._augment.idle else None
        self._weight_decay = run.optimizer.weight_decay
        size, seed = run.dataset.batch_size, run.training.seed
        self._order = (
            BatchOrder(len(train), size, seed, weights) if run.dataset.shuffle else InOrder(len(train), size)
        )

    @property
    def rows(self) -> int:
        """Windows that are trained on."""
        return len(self._train)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return decayed_groups(self.model, self._weight_decay)

    def batch(self, step: int, micro: int) -> dict[str, Any]:
        rows = self._order.indices(step)
        return {
            "windows": self._train.array(rows) if self._measured is None else self._measured[rows],
            "labels": {name: values[rows] for name, values in self._labels.items()},
        }

    def loss(
        self, model: nn.Module, batch: dict[str, Any], generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        return self.losses(model(self.prepared(batch, generator)), batch)

    def prepared(self, batch: dict[str, Any], generator: Generator) -> Tensor:
        """The windows of a batch, standardised and changed; or their features, where these are all that is asked."""
        if self._measured is not None:
            return batch["windows"]
        return self._augment(self.model.encode(batch["windows"]), generator)

    def losses(
        self, outputs: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """The total loss, and that of each task to log."""
        each = self._losses.each(outputs, batch["labels"])
        return self._losses.total(each, self.model.log_variances), _tagged(each)

    def evaluate(self, model: nn.Module, step: int) -> dict[str, float]:
        """`val/score`, higher is better; the losses, and the metrics of each task."""
        if not len(self._val):
            return {}
        answers, losses = self._judge(model)
        found = scores.evaluate(self.model.targets, answers, self._val_codes, self.guesses)
        return {f"val/{name}": value for name, value in {**found, **losses}.items()}

    def images(self, model: nn.Module, step: int) -> Sequence[tuple[str, np.ndarray]]:
        return []

    def _judge(self, model: nn.Module) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """Answers to all validation windows, and their losses, each over those whose label is known."""
        starts = range(0, len(self._val), EVALUATED_TOGETHER)
        blocks = [np.arange(s, min(s + EVALUATED_TOGETHER, len(self._val))) for s in starts]
        device = self.model.mean.device
        parts = [
            model(self.model.encode(torch.from_numpy(self._val.array(rows)).to(device))) for rows in blocks
        ]
        outputs = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        labels = {name: torch.from_numpy(v).float().to(device) for name, v in self._val_codes.items()}
        each = self._losses.each(outputs, labels)
        shown = {"loss": self._losses.total(each, self.model.log_variances), **_tagged(each)}
        return self.model.read(outputs), {name: float(value) for name, value in shown.items()}


def decayed_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices and filters with weight decay; biases, norms, positions and learned weights without."""
    decayed, free = [], []
    for name, parameter in model.named_parameters():
        bare = parameter.ndim < 2 or name.endswith(("positions", "class_token"))
        (free if bare else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]


def _measured(model: ClassifierNet, train: Part) -> np.ndarray | None:
    """Features of all training windows, float32 [rows, features], where the backbone computes them; it is fitted."""
    if not isinstance(model.backbone, FixedFeatures):
        return None
    return model.backbone.fit(model.encode(torch.from_numpy(block)) for block in train.blocks()).numpy()


def _tagged(each: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"loss/{name}": value for name, value in each.items()}
