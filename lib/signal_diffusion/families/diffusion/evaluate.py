"""Evaluating a diffusion run: the battery of `metrics` on its synthetic dataset."""

from pathlib import Path

import numpy as np

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.datasets.views import DecibelView
from signal_diffusion.families.diffusion.generate import SYNTHETIC
from signal_diffusion.families.diffusion.material import Material
from signal_diffusion.files import save_tensors, write_json
from signal_diffusion.metrics.battery import evaluate
from signal_diffusion.metrics.comparison import ROUND_TRIP
from signal_diffusion.metrics.encoder import load_encoder
from signal_diffusion.metrics.sets import ImageSet

ROUND_TRIPS = 2048


def evaluate_run(
    run: DiffusionRun,
    dataset: Path,
    synthetic: Path,
    untrained: Path,
    encoder: Path | None,
    out: Path,
    curves: Path,
    vae: str | Path | None = None,
) -> None:
    """Write metrics.json to `out`, and to `curves` (safetensors) the arrays that its figures show.

    Whatever the representation, the battery looks at decibels (`datasets.views`). vae: of a run in latent space, whose
    round trip of training windows is what the best model in that space would reach.
    """
    material = Material(run, dataset, vae=vae)
    view = material.view
    train, reference = (
        real_set(view, dataset, s) for s in (run.dataset.train_split, run.evaluation.reference_split)
    )
    sets = {"generated": generated_set(view, synthetic), "untrained": generated_set(view, untrained)}
    if material.space is not None:
        sets[ROUND_TRIP] = _round_trip(material)
    battery = evaluate(
        sets,
        train,
        reference,
        view.spec,
        load_encoder(encoder) if encoder else None,
        run.evaluation.bootstrap,
        run.evaluation.seed,
    )
    save_tensors(curves, {name: np.ascontiguousarray(array) for name, array in battery.arrays.items()}, {})
    write_json(out, battery.metrics)


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


def _round_trip(material: Material) -> ImageSet:
    """Training windows, evenly taken, through the VAE and back."""
    windows = material.recorded(material.run.dataset.train_split)
    rows = np.unique(np.linspace(0, len(windows) - 1, ROUND_TRIPS).round().astype(np.int64))
    images = material.space.decode(material.space.encode(windows.array(rows)))
    return ImageSet.real(material.view.images(images), windows.metadata.iloc[rows])
