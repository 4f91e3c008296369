"""Logistic and ridge regression whose penalty is chosen by inner folds of subjects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

STRENGTHS = np.logspace(4, -1, 6)  # of the penalty, strongest first
INNER_FOLDS = 5
MOST_WINDOWS = 5000


@dataclass(frozen=True)
class Fitted:
    """Predictions [n, classes] or [n] for the held-out rows, and how they came about."""

    predicted: np.ndarray
    penalty: float | None
    windows: int


def fit_predict(
    features: np.ndarray,
    truth: np.ndarray,
    subjects: np.ndarray,
    held_out: np.ndarray,
    classes: int,
    seed: int,
) -> Fitted:
    """Fit on features [n, d] with truth [n], and predict for features [m, d] of other subjects.

    With `classes` a logistic regression whose classes weigh alike, else (`classes` 0) a ridge regression. Features are
    standardised by the rows fitted on; at most 5000 of these are used, evenly spread. The penalty is the one of
    1e4, ..., 0.1 with the lowest loss over up to 5 inner folds of subjects, the strongest of equals.
    """
    some = np.linspace(0, len(truth) - 1, min(len(truth), MOST_WINDOWS)).round().astype(np.int64)
    features, truth, subjects = features[some].astype(np.float64), truth[some], subjects[some]
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-9 * np.maximum(np.abs(mean), 1), scale, np.inf)
    rows, others = (features - mean) / scale, (held_out - mean) / scale
    if len(np.unique(truth)) < 2:
        return Fitted(_constant(truth[0], len(others), classes), None, len(some))
    penalty = _chosen_penalty(rows, truth, subjects, classes, seed)
    return Fitted(_predict(rows, truth, others, classes, penalty), penalty, len(some))


def _constant(value: float, count: int, classes: int) -> np.ndarray:
    return np.tile(np.eye(classes)[int(value)], (count, 1)) if classes else np.full(count, value)


def _chosen_penalty(
    rows: np.ndarray, truth: np.ndarray, subjects: np.ndarray, classes: int, seed: int
) -> float:
    folds = list(_inner_folds(rows, truth, subjects, classes, seed))
    if not folds:
        return float(STRENGTHS[0])
    losses = [
        np.mean([_loss(rows, truth, fit, check, classes, strength) for fit, check in folds])
        for strength in STRENGTHS
    ]
    return float(STRENGTHS[int(np.argmin(np.round(losses, 6)))])


def _inner_folds(
    rows: np.ndarray, truth: np.ndarray, subjects: np.ndarray, classes: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit on and to check on, those with one class alone left out."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    count = min(INNER_FOLDS, len(np.unique(subjects)))
    if count < 2:
        return
    kind = StratifiedGroupKFold if classes and np.bincount(truth.astype(int)).max() >= count else GroupKFold
    for fit, check in kind(count, shuffle=True, random_state=seed).split(rows, truth, subjects):
        if len(np.unique(truth[fit])) > 1 and len(check):
            yield fit, check


def _loss(
    rows: np.ndarray, truth: np.ndarray, fit: np.ndarray, check: np.ndarray, classes: int, strength: float
) -> float:
    """Log loss with classes weighing alike, or mean squared error."""
    predicted = _predict(rows[fit], truth[fit], rows[check], classes, strength)
    if not classes:
        return float(np.mean((predicted - truth[check]) ** 2))
    codes = truth[check].astype(np.int64)
    loss = -np.log(np.maximum(predicted[np.arange(len(codes)), codes], 1e-15))
    return float(np.mean([loss[codes == code].mean() for code in np.unique(codes)]))


def _predict(
    rows: np.ndarray, truth: np.ndarray, others: np.ndarray, classes: int, strength: float
) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression, Ridge

    if not classes:
        return Ridge(alpha=strength).fit(rows, truth).predict(others)
    model = LogisticRegression(C=1 / strength, class_weight="balanced", max_iter=1000)
    model.fit(rows, truth.astype(np.int64))
    return _all_classes(model.predict_proba(others), model.classes_, classes)


def _all_classes(probabilities: np.ndarray, present: Sequence[int], classes: int) -> np.ndarray:
    """With a zero for each class that was not fitted."""
    whole = np.zeros((len(probabilities), classes))
    whole[:, present] = probabilities
    return whole
