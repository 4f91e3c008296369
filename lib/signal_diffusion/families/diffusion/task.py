"""What the training loop trains for a diffusion run (`signal_diffusion.training.task.Task`)."""

from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.stable_diffusion import Prompted
from signal_diffusion.datasets.batches import BatchOrder
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.diffusion.process import Process
from signal_diffusion.families.diffusion.denoiser import Denoiser
from signal_diffusion.families.diffusion.validation import Validation


class DiffusionTask:
    """Noise training windows and ask the network back; conditions are dropped per sample for guidance.

    `rows` is the number of windows that are trained on.
    """

    def __init__(
        self,
        run: DiffusionRun,
        model: Denoiser,
        process: Process,
        train: Windows,
        conditions: Tensor | None,
        validation: Validation,
    ):
        self.model, self.process, self._validation = model, process, validation
        self._train, self._conditions, self._run = train, conditions, run
        self.rows = min(len(train), run.dataset.max_train_samples or len(train))
        weights = train.metadata["weight"].to_numpy()[: self.rows]
        self._order = BatchOrder(self.rows, run.dataset.batch_size, run.training.seed, weights)

    def parameter_groups(self) -> list[dict[str, Any]]:
        extras = self._run.model.extras
        rate = extras.text_encoder_lr_scale if isinstance(extras, Prompted) else 1.0
        return self.model.parameter_groups(self._run.optimizer.weight_decay, rate)

    def batch(self, step: int, micro: int) -> dict[str, Any]:
        rows = self._order.indices(step * self._run.training.gradient_accumulation_steps + micro)
        batch = {"windows": torch.from_numpy(self._train.array(rows))}
        return batch if self._conditions is None else {**batch, "conditions": self._conditions[rows]}

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        x = self.model.encode(batch["windows"])
        conditions = batch.get("conditions")
        return flow_loss(
            model, self.process, x, conditions, self._run.model.extras.cfg_dropout, generator
        ), {}

    def evaluate(self, model: nn.Module, step: int) -> dict[str, float]:
        return self._validation.scores(model)

    def images(self, model: nn.Module, step: int) -> list[tuple[str, np.ndarray]]:
        return self._validation.pictures(model)


def flow_loss(
    model: nn.Module,
    process: Process,
    x: Tensor,
    conditions: Tensor | None,
    dropout: float,
    generator: Generator,
) -> Tensor:
    """Loss on x [batch, channels, height, width]; times, noise and dropped conditions come from `generator`."""
    t = process.sample_times(len(x), generator)
    noise = torch.randn(x.shape, generator=generator, device=x.device)
    drop = None
    if conditions is not None:
        drop = torch.rand(len(x), generator=generator, device=x.device) < dropout
    z = process.add_noise(x, noise, t)
    return process.loss(model(z, process.network_time(t), conditions, drop), x, noise, t)
