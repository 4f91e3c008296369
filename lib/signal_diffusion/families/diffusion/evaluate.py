"""Evaluating a diffusion run: the battery of `metrics` on its synthetic dataset."""

from pathlib import Path

import numpy as np

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.families.diffusion.material import Material
from signal_diffusion.families.diffusion.sets import generated_set, real_set
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


def _round_trip(material: Material) -> ImageSet:
    """Training windows, evenly taken, through the VAE and back."""
    windows = material.recorded(material.run.dataset.train_split)
    rows = np.unique(np.linspace(0, len(windows) - 1, ROUND_TRIPS).round().astype(np.int64))
    images = material.space.decode(material.space.encode(windows.array(rows)))
    return ImageSet.real(material.view.images(images), windows.metadata.iloc[rows])
