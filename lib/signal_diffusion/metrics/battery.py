"""The whole evaluation of a generated set, from images to the numbers of metrics.json."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.config.images import IMAGES
from signal_diffusion.errors import UserError
from signal_diffusion.metrics.comparison import Comparison, compare_sets, feature_distances, summary
from signal_diffusion.metrics.distances import mean_gap
from signal_diffusion.metrics.effects import contrasts, effects
from signal_diffusion.metrics.features import Standardiser, feature_spaces
from signal_diffusion.metrics.memorisation import compare, nearest, nearest_pixels
from signal_diffusion.metrics.resampling import LEVEL
from signal_diffusion.metrics.sets import ImageSet, in_blocks
from signal_diffusion.metrics.spectra import band_rows, mean_spectra

NEEDED = ("channels", "frequencies", "frames", "min_db", "max_db")
Encoder = Callable[[np.ndarray], np.ndarray]
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Battery:
    """`metrics`: what metrics.json holds; `arrays`: the curves and distances that the figures show.

    Arrays: `frequencies` [rows]; `spectrum/{set}` dB [rows]; `effect/{label}/{real|generated}/{0|1}` dB
    [rows]; `nearest/{space}/{generated|unseen}` [n].
    """

    metrics: dict[str, Any]
    arrays: Arrays


def evaluate(
    sets: Mapping[str, ImageSet],
    train: ImageSet,
    reference: ImageSet,
    spec: Mapping[str, Any],
    encoder: Encoder | None = None,
    bootstrap: int = 200,
    seed: int = 0,
) -> Battery:
    """Judge `sets["generated"]` against held-out real images; any other set (`untrained`) is a baseline.

    `spec` is dataset.json; `encoder` maps uint8 images [n, 1, height, width] to features [n, d]. Every
    set gives the same number of images to a distance, since the Fréchet distance depends on it. Equal
    seeds give equal numbers. Images that are no spectrograms have no spectra, and so no effects of labels on them.
    """
    of_eeg = spec.get("representation") != IMAGES
    if missing := [key for key in NEEDED if of_eeg and key not in spec]:
        raise UserError(f"dataset.json lacks {', '.join(missing)}; build the dataset again")
    comparison = compare_sets(sets, train, reference, bootstrap, seed)
    distances, nearest_rows = _feature_spaces(comparison, train, spec, encoder)
    weights = (comparison.weights["generated"], comparison.weights["reference"])
    spectra, spectrum_curves = _spectra(comparison, spec) if of_eeg else ({}, {})
    label_effects, effect_curves = [], {}
    if of_eeg:
        label_effects, effect_curves = _effects(sets["generated"], (train, reference), spec, bootstrap, seed)
    units = (comparison.sets["generated"].units, comparison.units)
    metrics = {
        "samples": _samples(sets["generated"], train, reference, comparison),
        "bootstrap": {"replicates": bootstrap, "seed": seed, "level": LEVEL},
        "distances": distances,
        "spectra": spectra,
        "memorisation": {space: compare(*rows, weights, units) for space, rows in nearest_rows.items()},
        "effects": label_effects,
    }
    return Battery(metrics, _nearest_arrays(nearest_rows) | spectrum_curves | effect_curves)


def _feature_spaces(
    comparison: Comparison, train: ImageSet, spec: Mapping[str, Any], encoder: Encoder | None
) -> tuple[dict[str, Any], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Distances by feature space, and nearest-training distances of generated and unseen images."""
    judged = [comparison.sets[name].images for name in ("generated", "reference")]
    distances: dict[str, Any] = {}
    rows = {"pixels": tuple(nearest_pixels(images, train.images, spec) for images in judged)}
    for space, extract in feature_spaces(spec, encoder).items():
        training = extract(train.images)
        standardiser = Standardiser.fit(training, comparison.size)
        features = {name: extract(images.images) for name, images in comparison.sets.items()}
        distances[space] = feature_distances(comparison, features, standardiser)
        pool = standardiser.standardise(training)
        queries = (standardiser.standardise(features[name]) for name in ("generated", "reference"))
        rows[space] = tuple(nearest(query, pool) for query in queries)
    return distances, rows


def _spectra(comparison: Comparison, spec: Mapping[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Mean absolute differences of the mean spectra, in dB: whole, all bands together, and band by band."""
    frequencies = np.asarray(spec["frequencies"], dtype=np.float64)
    rows = band_rows(frequencies)
    spectra = {
        name: in_blocks(lambda block: mean_spectra(block, spec), images.images)
        for name, images in comparison.sets.items()
    }
    values = {"spectrum": spectra} | {
        band: {name: rows_of[:, :, chosen].mean(axis=2, keepdims=True) for name, rows_of in spectra.items()}
        for band, chosen in rows.items()
    }
    values["band_power"] = {
        name: np.concatenate([values[band][name] for band in rows], axis=2) for name in spectra
    }
    metrics = {name: _mean_gap(comparison, features) for name, features in values.items()}
    curves = {f"spectrum/{name}": values.mean(axis=(0, 1)) for name, values in spectra.items()}
    return metrics, {"frequencies": frequencies, **curves}


def _mean_gap(comparison: Comparison, features: Mapping[str, np.ndarray]) -> dict[str, Any]:
    flat = {name: rows.reshape(len(rows), -1) for name, rows in features.items()}
    return summary(comparison.each(mean_gap, flat), comparison.units, least=0)


def _effects(
    generated: ImageSet,
    real: tuple[ImageSet, ImageSet],
    spec: Mapping[str, Any],
    bootstrap: int,
    seed: int,
) -> tuple[list[dict[str, Any]], Arrays]:
    """Effects of the labels: all generated images beside all real ones, training and reference pooled."""
    pooled, spectra = _pool(*real), []
    for images in (*real, generated):
        spectra.append(in_blocks(lambda block: mean_spectra(block, spec).mean(axis=1), images.images))
    pairs = (pooled, np.concatenate(spectra[:2])), (generated, spectra[2])
    frequencies = np.asarray(spec["frequencies"], dtype=np.float64)
    curves = {}
    for contrast in contrasts(pooled, generated):
        for kind, (images, rows) in zip(("real", "generated"), pairs, strict=True):
            second = contrast.second(images.labels)
            for side in (0, 1):
                curves[f"effect/{contrast.label}/{kind}/{side}"] = rows[second == side].mean(axis=0)
    return effects(*pairs, frequencies, bootstrap, seed), curves


def _pool(first: ImageSet, second: ImageSet) -> ImageSet:
    """Both as one set, without copying images: only labels and groups are used."""
    labels = pd.concat([first.labels, second.labels], ignore_index=True)
    return ImageSet.real(np.empty((len(labels), 1, 0, 0), np.uint8), labels)


def _samples(
    generated: ImageSet, train: ImageSet, reference: ImageSet, comparison: Comparison
) -> dict[str, int]:
    return {
        "generated": len(generated),
        "train": len(train),
        "reference": len(reference),
        "train_subjects": train.units,
        "reference_subjects": reference.units,
        "compared": comparison.size,
    }


def _nearest_arrays(rows: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Arrays:
    return {
        f"nearest/{space}/{kind}": values
        for space, pair in rows.items()
        for kind, values in zip(("generated", "unseen"), pair, strict=True)
    }
