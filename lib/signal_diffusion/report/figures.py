"""All figures of a run and of a dataset, by file name."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signal_diffusion.config.images import IMAGES
from signal_diffusion.metrics.sets import ImageSet
from signal_diffusion.report import curves, images, scores
from signal_diffusion.report.style import power_label, save

CAPTIONS = {
    "samples": "Real and generated windows of the same labels; low frequencies at the bottom.",
    "sample": "One real and one generated window of the same labels.",
    "distances": "Distances from unseen real windows, between floor (training windows) and baselines.",
    "effects": "What each label does to the measure it acts on, in recordings and in generated images.",
    "effects_all": "What every label does to every measure.",
    "label_spectra": "Mean spectra of the two values of each label, and their difference.",
    "spectra": "Mean spectra, and their differences from those of unseen real windows.",
    "nearest": "Distance to the nearest training window: generated images beside windows of unseen people.",
    "training": "The course of training.",
}


def draw_run(
    out: Path,
    metrics: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    real: ImageSet,
    generated: ImageSet,
    spec: Mapping[str, Any],
    labels: Sequence[str],
    stats: Sequence[Mapping[str, float]],
    columns: int = 4,
) -> list[str]:
    """Draw each figure of `CAPTIONS` that the run has data for into `out`; returns their file names.

    `metrics` and `arrays` are a `Battery`'s; `real` are unseen windows, `spec` is dataset.json, `labels` the
    categorical caption fields that make the rows of the grid, of `columns` images each, `stats` stats.jsonl's lines.
    """
    of_images = spec["representation"] == IMAGES
    unit = "levels of 255" if of_images else "dB"
    nearest = scores.nearest_training(arrays, metrics["memorisation"], unit)
    figures = {"distances": scores.distances(metrics), "nearest": nearest}
    if of_images:
        figures["samples"] = images.image_grid(real, generated, columns)
    else:
        figures["samples"] = images.sample_grid(real, generated, spec, labels, columns)
        figures["sample"] = _pair(real, generated, spec, labels)
        figures["spectra"] = curves.mean_spectra(arrays, power_label(spec))
    if metrics["effects"]:
        figures["effects_all"] = scores.effect_table(metrics["effects"])
        figures["label_spectra"] = curves.label_spectra(arrays, metrics["effects"])
    if any(record["primary"] for record in metrics["effects"]):
        figures["effects"] = scores.effect_forest(metrics["effects"])
    if stats:
        figures["training"] = curves.training_curves(stats)
    for key, figure in figures.items():
        save(figure, Path(out) / f"{key}.png")
    return [f"{key}.png" for key in CAPTIONS if key in figures]


def _pair(real: ImageSet, generated: ImageSet, spec: Mapping[str, Any], labels: Sequence[str]):
    condition = images.shared_conditions(real, generated, labels)[0]
    rows = [images.first_of(one, condition) for one in (real, generated)]
    pair = [one.images[row, 0] for one, row in zip((real, generated), rows, strict=True)]
    return images.sample_pair(*pair, spec, images.condition_name(condition))


def read_stats(path: Path) -> list[dict[str, float]]:
    """The lines of stats.jsonl."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line]
