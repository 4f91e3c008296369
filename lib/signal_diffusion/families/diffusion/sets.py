"""What is judged and shown of a run, recorded and generated, as decibels. Drawing it needs no torch."""

from pathlib import Path

import numpy as np

from signal_diffusion.config import source_recipe
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.datasets.storage import Windows, read_spec
from signal_diffusion.datasets.views import DecibelView
from signal_diffusion.metrics.sets import ImageSet
from signal_diffusion.signals.representations import SERIES

SYNTHETIC = "synthetic"


def view_of(run: DiffusionRun, dataset: Path) -> DecibelView:
    """Windows of the run's dataset folder as decibels, which metrics and figures look at."""
    series = read_spec(dataset)["representation"] == SERIES
    recipe = source_recipe(run.dataset.name) if series else None
    return DecibelView.of(dataset, recipe, run.dataset.train_split)


def real_set(view: DecibelView, dataset: Path, split: str) -> ImageSet:
    """A split of a dataset folder as decibels, its subjects the unit of resampling."""
    windows = Windows(dataset, split)
    return ImageSet.real(_images(view, windows), windows.metadata)


def generated_set(view: DecibelView, folder: Path) -> ImageSet:
    """A folder that `generate_run` wrote, as decibels."""
    windows = Windows(folder, SYNTHETIC)
    return ImageSet.generated(_images(view, windows), windows.metadata)


def _images(view: DecibelView, windows: Windows) -> np.ndarray:
    blocks = [view.images(block) for block in windows.blocks()]
    return np.concatenate(blocks) if blocks else view.images(windows.array([]))
