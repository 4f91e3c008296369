"""What a classifier must beat: regressions on who the subject is, on which dataset it is, and on band powers.

Each is fitted for each fold of a run on all subjects of the dataset that the fold does not hold out, and predicts the
very windows that the run predicted.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.datasets import labels
from signal_diffusion.datasets.pool import Part, Pool
from signal_diffusion.errors import UserError
from signal_diffusion.metrics.classification.bands import band_powers
from signal_diffusion.metrics.classification.fitting import Fitted, fit_predict
from signal_diffusion.metrics.classification.tables import FOLD, KEY, Answers, Predictions, subjects_of

DEMOGRAPHICS, DATASET, BAND_POWER = BASELINES = ("demographics", "dataset", "band_power")
WORDS = ("gender", "health")
YEARS = 10.0  # so that age and its square are of the size of an indicator


class Material:
    """All windows of a dataset, of every split: their rows, and their band powers once asked for."""

    def __init__(self, pool: Pool):
        self._pool, self.rows = pool, pool.metadata
        self.subjects = subjects_of(self.rows)
        self._places = pd.Series(np.arange(len(self.rows)), index=pd.MultiIndex.from_frame(self.rows[KEY]))

    def band_power(self, _: str) -> np.ndarray:
        """Features [windows, channels * bands]."""
        return self._powers

    @cached_property
    def _powers(self) -> np.ndarray:
        return band_powers(Part(self._pool, np.arange(len(self._pool))))

    def demographics(self, task: str) -> np.ndarray | None:
        """Features from gender, health and age, but for those that the task is made of; None when none varies."""
        own = labels.LABELS[task].columns if task in labels.LABELS else (task,)
        columns = [_indicators(self.rows[name]) for name in WORDS if name in self.rows and name not in own]
        if "age" in self.rows and "age" not in own:
            columns.append(_age_features(self.rows["age"].to_numpy(np.float64)))
        return _varying(columns)

    def dataset(self, _: str) -> np.ndarray | None:
        """Features that tell the dataset; None when there is one alone."""
        return _varying([_indicators(self.rows["dataset"])])

    def truth(self, task: str) -> np.ndarray:
        """Codes or numbers of all windows, NaN where unknown: float64 [windows]."""
        label = labels.get(task)
        if not set(label.columns) <= set(self.rows.columns):
            return np.full(len(self.rows), np.nan)
        return labels.codes(self.rows, label)

    def places(self, rows: pd.DataFrame) -> np.ndarray:
        """Where those windows stand; UserError for a window that the dataset does not have."""
        found = self._places.reindex(pd.MultiIndex.from_frame(rows[KEY]))
        if found.isna().any():
            lost = "/".join(map(str, found.index[found.isna().to_numpy()][0]))
            raise UserError(f"window {lost} was predicted, but the dataset has none such; predict again")
        return found.to_numpy(np.int64)


def fit_baselines(
    material: Material, predictions: Predictions, wanted: Sequence[str], seed: int
) -> tuple[dict[str, Predictions], dict[str, Any]]:
    """Predictions of each baseline in `wanted` for the windows of `predictions`, and how they were made.

    The second tells `absent`: {baseline: {task: reason}}, and `fits`: {baseline: {task: {fold: penalty and windows}}}.
    """
    tables: dict[str, Predictions] = {}
    absent: dict[str, dict[str, str]] = {name: {} for name in wanted}
    fits: dict[str, Any] = {name: {} for name in wanted}
    for name in wanted:
        answers = {}
        for task, model in predictions.tasks.items():
            features = _FEATURES[name](material, task)
            if features is None:
                absent[name][task] = _REASONS[name]
            elif not model.known.any():
                absent[name][task] = "no held-out window has this label"
            elif lone := _lone_fold(material, task, predictions):
                absent[name][task] = f"{lone} leaves no subject with this label to fit on"
            else:
                answers[task], fits[name][task] = _folds(material, features, task, predictions, seed)
        if answers:
            tables[name] = Predictions(predictions.rows, answers)
    return tables, {"absent": absent, "fits": fits}


_FEATURES: dict[str, Callable[[Material, str], np.ndarray | None]] = {
    DEMOGRAPHICS: Material.demographics,
    DATASET: Material.dataset,
    BAND_POWER: Material.band_power,
}
_REASONS = {
    DEMOGRAPHICS: "gender, health and age, but for the task's own, are unknown or the same for everyone",
    DATASET: "all windows are of one dataset",
}


def _folds(
    material: Material, features: np.ndarray, task: str, predictions: Predictions, seed: int
) -> tuple[Answers, dict[str, Any]]:
    model = predictions.tasks[task]
    truth, places = material.truth(task), material.places(predictions.rows)
    predicted = np.zeros_like(model.predicted)
    fits = {}
    for fold in predictions.folds:
        chosen = np.flatnonzero(predictions.rows[FOLD] == fold)
        fitted = _fold(material, features, truth, places[chosen], len(model.classes), seed)
        predicted[chosen] = fitted.predicted
        fits[fold] = {"penalty": fitted.penalty, "windows": fitted.windows}
    return Answers(model.classes, model.truth, predicted), fits


def _fold(
    material: Material, features: np.ndarray, truth: np.ndarray, held_out: np.ndarray, classes: int, seed: int
) -> Fitted:
    """Fit on the windows of all other subjects."""
    chosen = _others(material, truth, held_out)
    subjects = material.subjects[chosen]
    return fit_predict(features[chosen], truth[chosen], subjects, features[held_out], classes, seed)


def _others(material: Material, truth: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """The labelled windows of subjects other than those of the windows `held_out`: bool [windows]."""
    theirs = np.isin(material.subjects, np.unique(material.subjects[held_out]))
    return ~theirs & np.isfinite(truth)


def _lone_fold(material: Material, task: str, predictions: Predictions) -> str | None:
    """The first fold without which nobody has this label."""
    truth, places = material.truth(task), material.places(predictions.rows)
    folds = predictions.rows[FOLD].to_numpy()
    alone = (fold for fold in predictions.folds if not _others(material, truth, places[folds == fold]).any())
    return next(alone, None)


def _indicators(words: pd.Series) -> np.ndarray:
    """A column for each value, the unknown among them: float64 [n, values]."""
    codes = np.unique(words.astype(str), return_inverse=True)[1]
    return np.eye(codes.max() + 1)[codes] if len(codes) else np.zeros((0, 0))


def _age_features(age: np.ndarray) -> np.ndarray:
    """Age and its square around the mean in decades, and whether it is unknown: float64 [n, 3]."""
    unknown = np.isnan(age)
    mean = np.nanmean(age) if not unknown.all() else 0.0
    decades = np.where(unknown, 0, (age - mean) / YEARS)
    return np.stack([decades, decades**2, unknown], axis=1)


def _varying(columns: list[np.ndarray]) -> np.ndarray | None:
    """The columns that are not the same in all rows, side by side; None when there is none."""
    whole = np.concatenate(columns, axis=1) if columns else np.zeros((1, 0))
    varying = whole[:, np.ptp(whole, axis=0) > 0]
    return varying if varying.shape[1] else None
