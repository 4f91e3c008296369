"""Everything that metrics.json says about a classification run, from tables of predictions alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.errors import UserError
from signal_diffusion.metrics.classification.calibration import BINS, reliability
from signal_diffusion.metrics.classification.levels import (
    UNKNOWN_UNIT,
    Level,
    constant_prediction,
    person_level,
    window_level,
)
from signal_diffusion.metrics.classification.scores import (
    HIGHER_IS_BETTER,
    PRIMARY,
    Scores,
    class_scores,
    number_scores,
    weighted_confusion,
)
from signal_diffusion.metrics.classification.subjects import per_subject
from signal_diffusion.metrics.classification.tables import Answers, Predictions, subjects_of
from signal_diffusion.metrics.resampling import LEVEL, estimate, expanded_estimate, group_weights

MODEL, CHANCE = "model", "chance"
Estimate = dict[str, Any]


@dataclass(frozen=True)
class Resampling:
    """The bootstrap: how many replicates, and their seed."""

    replicates: int = 1000
    seed: int = 0

    def weights(self, subjects: int) -> np.ndarray:
        """How often each subject is drawn: [1 + replicates, subjects], the first row being the sample itself."""
        return group_weights(np.arange(subjects), self.replicates, np.random.default_rng(self.seed))


def evaluate(
    predictions: Predictions,
    others: Mapping[str, Predictions],
    absent: Mapping[str, Mapping[str, str]] | None = None,
    resampling: Resampling | None = None,
) -> dict[str, Any]:
    """Scores of the run's `predictions` beside those of `others` (nulls and baselines) for the same windows.

    `absent` tells why another has no prediction for a task: {source: {task: reason}}. A number that cannot be known
    is None with its reason beside it. Differences are model less other, under the same draws of subjects.
    """
    resampling = resampling or Resampling()
    others = {name: each.like(predictions, name) for name, each in others.items()}
    tasks = {task: _task(task, predictions, others, absent or {}, resampling) for task in predictions.tasks}
    return {
        "folds": predictions.folds,
        "windows": len(predictions.rows),
        "recordings": len(predictions.rows[["dataset", "recording"]].drop_duplicates()),
        "subjects": len(np.unique(subjects_of(predictions.rows))),
        "bootstrap": {
            "replicates": resampling.replicates,
            "seed": resampling.seed,
            "level": LEVEL,
            "unit": "subject",
            "interval": "expanded percentile",
        },
        "calibration_bins": BINS,
        "tasks": tasks,
    }


def _task(
    task: str,
    predictions: Predictions,
    others: Mapping[str, Predictions],
    absent: Mapping[str, Mapping[str, str]],
    resampling: Resampling,
) -> dict[str, Any]:
    model = predictions.tasks[task]
    found: dict[str, Any] = {
        "kind": model.kind,
        "classes": list(model.classes),
        "primary": PRIMARY[model.kind],
    }
    found["absent"] = {name: each[task] for name, each in absent.items() if task in each}
    if not model.known.any():
        return found | {"unknown": "no held-out window has this label", "levels": {}, "subjects": []}
    sources = {MODEL: model} | {name: each.tasks[task] for name, each in others.items() if task in each.tasks}
    _check_classes(task, sources)
    windows = window_level(predictions.rows, sources)
    people = person_level(predictions.rows, windows, model.known)
    levels = {"window": _level(windows, resampling)}
    levels["person"] = _level(people, resampling) if people else {"unknown": UNKNOWN_UNIT}
    return found | {
        "counts": _counts(windows),
        "levels": levels,
        "subjects": per_subject(
            predictions.rows[model.known], windows, resampling.replicates, resampling.seed
        ),
    }


def _check_classes(task: str, sources: Mapping[str, Answers]) -> None:
    wanted = sources[MODEL].classes
    for name, each in sources.items():
        if each.classes != wanted:
            raise UserError(f"{name}: {task} has the classes {each.classes}, the model has {wanted}")


def _counts(windows: Level) -> dict[str, Any]:
    """Windows and subjects with a known label, in all and by class."""
    found: dict[str, Any] = {"windows": len(windows.truth), "subjects": int(windows.subjects.max()) + 1}
    if windows.classes:
        held = pd.DataFrame({"code": windows.truth, "subject": windows.subjects}).groupby("code")["subject"]
        found["by_class"] = {
            windows.classes[int(code)]: {"windows": len(each), "subjects": each.nunique()}
            for code, each in held
        }
    return found


def _level(level: Level, resampling: Resampling) -> dict[str, Any]:
    """Scores of every source, their differences from the model, confusion and reliability of the model."""
    truth = level.truth.astype(np.int64) if level.classes else level.truth
    predicted = {MODEL: level.predicted[MODEL], CHANCE: constant_prediction(level)} | level.predicted
    level = replace(level, truth=truth, predicted=predicted)
    weights = resampling.weights(int(level.subjects.max()) + 1)
    scores = {name: _scores(level, values, weights) for name, values in predicted.items()}
    found: dict[str, Any] = {
        "unit": level.unit,
        "count": len(truth),
        "scores": {name: _estimates(each, weights.shape[1]) for name, each in scores.items()},
        "differences": {
            name: _estimates(_less(scores[MODEL], each), weights.shape[1], differences=True)
            for name, each in scores.items()
            if name != MODEL
        },
    }
    if level.classes:
        decided = predicted[MODEL].argmax(axis=1)
        cells = weighted_confusion(truth, decided, level.subjects, weights[:1], len(level.classes))
        found["confusion"] = cells[0].astype(int).tolist()
        found["reliability"] = reliability(truth, predicted[MODEL])
    return found


def _scores(level: Level, predicted: np.ndarray, weights: np.ndarray) -> Scores:
    score = class_scores if level.classes else number_scores
    return score(level.truth, predicted, level.subjects, weights)


def _less(model: Scores, other: Scores) -> Scores:
    return {name: model[name] - other[name] for name in model}


def _estimates(scores: Scores, subjects: int, differences: bool = False) -> dict[str, Estimate]:
    found = {name: expanded_estimate(values, subjects) for name, values in scores.items()}
    if "ece" in scores:  # which fewer distinct rows move upwards, as they do a distance
        found["ece"] = estimate(scores["ece"], subjects, least=-np.inf if differences else 0.0)
    if differences:
        for name, one in found.items():
            one["better"] = _better(one, HIGHER_IS_BETTER[name])
    return found


def _better(difference: Estimate, higher: bool) -> bool | None:
    """Whether the interval lies wholly on the better side of zero; None when there is no interval."""
    if difference["low"] is None:
        return None
    return difference["low"] > 0 if higher else difference["high"] < 0
