"""Evaluating a diffusion run: the battery of `metrics` on its synthetic dataset."""

from pathlib import Path

import numpy as np

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.families.diffusion.generate import SYNTHETIC
from signal_diffusion.files import save_tensors, write_json
from signal_diffusion.metrics.battery import evaluate
from signal_diffusion.metrics.encoder import load_encoder
from signal_diffusion.metrics.sets import ImageSet


def evaluate_run(
    run: DiffusionRun,
    dataset: Path,
    synthetic: Path,
    untrained: Path,
    encoder: Path | None,
    out: Path,
    curves: Path,
) -> None:
    """Write metrics.json to `out`, and to `curves` (safetensors) the arrays that its figures show."""
    train, reference = (
        real_set(dataset, s) for s in (run.dataset.train_split, run.evaluation.reference_split)
    )
    sets = {"generated": generated_set(synthetic), "untrained": generated_set(untrained)}
    battery = evaluate(
        sets,
        train,
        reference,
        Windows(dataset, run.evaluation.reference_split).spec,
        load_encoder(encoder) if encoder else None,
        run.evaluation.bootstrap,
        run.evaluation.seed,
    )
    save_tensors(curves, {name: np.ascontiguousarray(array) for name, array in battery.arrays.items()}, {})
    write_json(out, battery.metrics)


def real_set(dataset: Path, split: str) -> ImageSet:
    """A split of a dataset folder, its subjects the unit of resampling."""
    windows = Windows(dataset, split)
    return ImageSet.real(windows.images(np.arange(len(windows))), windows.metadata)


def generated_set(folder: Path) -> ImageSet:
    """A folder that `generate_run` wrote."""
    windows = Windows(folder, SYNTHETIC)
    return ImageSet.generated(windows.images(np.arange(len(windows))), windows.metadata)
