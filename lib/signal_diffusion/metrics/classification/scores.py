"""Scores of predictions under all bootstrap weights at once.

A score is a function of sums over windows, which are taken per subject first; `weights` say how often each subject
was drawn, float [replicates, subjects] (`resampling.group_weights` over the subjects), and every score is float
[replicates]. NaN stands for what is not defined in a replicate.
"""

from collections.abc import Sequence

import numpy as np

from signal_diffusion.metrics.classification.calibration import calibration_error

HIGHER_IS_BETTER = {
    "balanced_accuracy": True,
    "macro_f1": True,
    "auroc": True,
    "accuracy": True,
    "brier": False,
    "ece": False,
    "mae": False,
    "r": True,
    "r2": True,
}
CLASS_METRICS = ("balanced_accuracy", "macro_f1", "auroc", "accuracy", "brier", "ece")
NUMBER_METRICS = ("mae", "r", "r2")
PRIMARY = {"classification": "balanced_accuracy", "regression": "mae"}
Scores = dict[str, np.ndarray]


def class_scores(
    truth: np.ndarray, probabilities: np.ndarray, subjects: np.ndarray, weights: np.ndarray
) -> Scores:
    """`CLASS_METRICS` of probabilities [n, classes] for the codes `truth` int [n].

    Classes are those that occur in `truth`. Balanced accuracy is their mean recall, and macro-F1 and AUROC (one
    class against the others, Hand and Till's "one versus rest") are their means too; all three are NaN with one class
    alone, and in a replicate that lacks one of them. Macro-F1 counts a class that was only predicted as 0, as
    scikit-learn does. Brier is the sum of squares over the classes (Brier 1950), from 0 to 2.
    """
    classes = probabilities.shape[1]
    confusion = weighted_confusion(truth, probabilities.argmax(axis=1), subjects, weights, classes)
    present = np.unique(truth)
    one_hot = np.eye(classes)[truth]
    squares = ((probabilities - one_hot) ** 2).sum(axis=1)
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    total = confusion.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = hits[:, present] / confusion.sum(axis=2)[:, present]
        named = np.flatnonzero(confusion[0].sum(axis=0) + confusion[0].sum(axis=1))
        either = (confusion.sum(axis=1) + confusion.sum(axis=2))[:, named]
        f1 = 2 * hits[:, named] / either
        scores = {
            "balanced_accuracy": recall.mean(axis=1),
            # A class may be missing from a replicate's predictions, but not from its truth.
            "macro_f1": np.where(np.isfinite(recall).all(axis=1), np.nan_to_num(f1).mean(axis=1), np.nan),
            "auroc": _one_versus_rest(truth, probabilities, subjects, weights, present),
            "accuracy": hits.sum(axis=1) / total,
            "brier": _mean(squares, subjects, weights),
            "ece": calibration_error(truth, probabilities, subjects, weights),
        }
    if len(present) < 2:
        scores |= {name: np.full(len(weights), np.nan) for name in ("balanced_accuracy", "macro_f1", "auroc")}
    return scores


def number_scores(
    truth: np.ndarray, predicted: np.ndarray, subjects: np.ndarray, weights: np.ndarray
) -> Scores:
    """`NUMBER_METRICS` of predictions [n] for `truth` [n], both in the label's unit.

    Mean absolute error; Pearson's r, NaN where one side does not vary; R2 = 1 - squared errors / variance of the
    truth (the coefficient of determination, below 0 for what is worse than the mean), NaN where the truth does not
    vary.
    """
    # Around the means of all rows, for numbers that are large beside their spread would cancel.
    x, y = truth - truth.mean(), predicted - predicted.mean()
    mean_x, mean_y, xx, yy, xy = (_mean(values, subjects, weights) for values in (x, y, x * x, y * y, x * y))
    variance, other = xx - mean_x**2, yy - mean_y**2
    floor = 1e-12 * np.maximum(xx, 1e-300), 1e-12 * np.maximum(yy, 1e-300)
    variance = np.where(variance > floor[0], variance, np.nan)
    other = np.where(other > floor[1], other, np.nan)
    error = _mean((truth - predicted) ** 2, subjects, weights)
    return {
        "mae": _mean(np.abs(truth - predicted), subjects, weights),
        "r": (xy - mean_x * mean_y) / np.sqrt(variance * other),
        "r2": 1 - error / variance,
    }


def weighted_confusion(
    truth: np.ndarray, predicted: np.ndarray, subjects: np.ndarray, weights: np.ndarray, classes: int
) -> np.ndarray:
    """Windows of true class (rows) by predicted class (columns): float64 [replicates, classes, classes]."""
    cells = (subjects * classes + truth) * classes + predicted
    counts = np.bincount(cells, minlength=weights.shape[1] * classes**2)
    return (weights @ counts.reshape(weights.shape[1], -1)).reshape(-1, classes, classes)


def auroc(scores: np.ndarray, positive: np.ndarray, subjects: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of pairs in which the positive window scores higher, ties counting half: [replicates].

    Mann and Whitney's U over the number of pairs, which is the area under the ROC curve (Hanley and McNeil 1982).
    Wins are counted once for every pair of subjects; a replicate is then a product.
    """
    order = np.argsort(scores, kind="stable")
    scores, positive, subjects = scores[order], positive[order], subjects[order]
    first = np.searchsorted(scores, scores, side="left")[positive]
    last = np.searchsorted(scores, scores, side="right")[positive]
    count = weights.shape[1]
    wins = np.zeros((count, count))
    for other in np.unique(subjects[~positive]):
        below = np.concatenate([[0], np.cumsum(~positive & (subjects == other))])
        wins[:, other] = np.bincount(subjects[positive], (below[first] + below[last]) / 2, count)
    pairs = [weights @ np.bincount(subjects[side], minlength=count) for side in (positive, ~positive)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((weights @ wins) * weights).sum(axis=1) / (pairs[0] * pairs[1])


def _one_versus_rest(
    truth: np.ndarray,
    probabilities: np.ndarray,
    subjects: np.ndarray,
    weights: np.ndarray,
    present: Sequence[int],
) -> np.ndarray:
    each = [auroc(probabilities[:, code], truth == code, subjects, weights) for code in present]
    return np.mean(each, axis=0)


def _mean(values: np.ndarray, subjects: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of values [n] over windows: [replicates]."""
    sums = np.bincount(subjects, values, weights.shape[1])
    return (weights @ sums) / (weights @ np.bincount(subjects, minlength=weights.shape[1]))
