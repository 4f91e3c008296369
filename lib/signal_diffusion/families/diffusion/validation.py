"""Seeded evaluation while a run trains: the same windows, noise and conditions every time."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from signal_diffusion.diffusion.noise import generator_for
from signal_diffusion.diffusion.process import Process
from signal_diffusion.families.diffusion.conditioning import Conditioning
from signal_diffusion.families.diffusion.material import Material
from signal_diffusion.families.diffusion.sample import draw, sampling_of
from signal_diffusion.metrics.distances import cubic, mmd
from signal_diffusion.metrics.features import Standardiser, feature_spaces
from signal_diffusion.metrics.sets import ImageSet

GRID_GAP = 2


class Validation:
    """Validation loss, and kernel distance and pictures of generated windows with matched conditions."""

    def __init__(self, material: Material, process: Process, conditioning: Conditioning):
        run = material.run
        self._run, self._process, self._material = run, process, material
        split, self._windows, self._conditions = run.dataset.val_split, None, None
        if split:
            self._windows = material.windows(split)
            self._conditions = material.conditions(conditioning, self._windows)
        # Without a validation split generated windows are held against the training windows.
        self._reference = material.recorded(split or run.dataset.train_split)
        self._reference_conditions = material.conditions(conditioning, self._reference)
        count = run.training.eval_mmd_samples
        if not split:
            count = min(count, run.training.eval_mmd_fallback_ntrain)
        self._mmd_samples = min(count, len(self._reference))

    def scores(self, model: nn.Module) -> dict[str, float]:
        found = {} if self._windows is None or not len(self._windows) else {"val/loss": self._loss(model)}
        if self._mmd_samples > 1:
            found["eval/kid"] = self._kernel_distance(model)
        return found

    def pictures(self, model: nn.Module) -> list[tuple[str, np.ndarray]]:
        """One mosaic of generated images, or none."""
        count = min(self._run.training.eval_num_examples, len(self._reference))
        if not count:
            return []
        return [("eval/generated", mosaic(shown(self._generate(model, count)[0])))]

    def _loss(self, model: nn.Module) -> float:
        """Mean loss over the first `max_eval_samples` windows, one fixed time and noise for each."""
        count = min(len(self._windows), self._run.dataset.max_eval_samples or len(self._windows))
        generator, total = generator_for(self._run.training.seed, 1), 0.0
        size = self._run.dataset.eval_batch_size
        times = self._process.sample_times(count, generator)
        for start in range(0, count, size):
            rows = np.arange(start, min(start + size, count))
            total += self._batch_loss(model, rows, times[rows], generator) * len(rows)
        return total / count

    def _batch_loss(self, model: nn.Module, rows: np.ndarray, t: Tensor, generator: torch.Generator) -> float:
        device = model.mean.device
        x = model.encode(torch.from_numpy(self._windows.array(rows)).to(device))
        noise = torch.randn(x.shape, generator=generator).to(device)
        t = t.to(device)
        condition = None if self._conditions is None else self._conditions[rows].to(device)
        z, time = self._process.add_noise(x, noise, t), self._process.network_time(t)
        return float(self._process.loss(model(z, time, condition), x, noise, t))

    def _generate(self, model: nn.Module, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Decibel images with the conditions of `count` reference windows, evenly taken, and their rows."""
        rows = np.linspace(0, len(self._reference) - 1, count).round().astype(np.int64)
        conditions = None if self._reference_conditions is None else self._reference_conditions[rows]
        size = self._run.training.eval_batch_size or self._run.dataset.batch_size
        sampling = sampling_of(self._run, batch_size=size)
        decode = self._material.decode
        drawn = draw(model, self._process, conditions, range(count), sampling, decode=decode)
        return self._material.view.images(drawn), rows

    def _kernel_distance(self, model: nn.Module) -> float:
        """Unbiased kernel distance of features from the reference windows of the same conditions."""
        images, rows = self._generate(model, self._mmd_samples)
        view = self._material.view
        real_images = view.images(self._reference.array(rows))
        [extract] = feature_spaces(view.spec).values()
        real = extract(real_images)
        standardiser = Standardiser.fit(real, len(real))
        features = [standardiser.standardise(f) for f in (extract(images), real)]
        people = ImageSet.real(real_images, self._reference.metadata.iloc[rows])
        groups = np.arange(len(images)), people.groups
        weights = tuple(np.ones((1, len(f))) for f in features)
        return float(mmd(cubic, *features, groups, weights)[0])


def shown(images: np.ndarray) -> np.ndarray:
    """uint8 [n, planes, height, width] to [n, height, width], or in colour [n, height, width, 3]."""
    return images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)


def mosaic(images: np.ndarray) -> np.ndarray:
    """Images uint8 [n, height, width, ...] side by side in a near-square mosaic, uint8 [rows, columns, ...]."""
    n, height, width, *planes = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    whole = np.zeros((rows * (height + GRID_GAP), columns * (width + GRID_GAP), *planes), np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + GRID_GAP), index % columns * (width + GRID_GAP)
        whole[top : top + height, left : left + width] = image
    return whole
