"""How good a classifier is on rows with known labels, while it trains.

`score` is what best weights and early stopping go by: the mean over the tasks of a skill that is 1 for what is
perfect and 0 for guessing, and higher is better in every task. Of classes it is balanced accuracy above chance, where
two or more occur; of numbers, 1 - mean absolute error / that of the training median. (A mean of accuracies and errors,
in which a larger error of the age counts as better, is what this must never be.)
"""

from collections.abc import Mapping, Sequence

import numpy as np

from signal_diffusion.families.classification.targets import Codes, Target
from signal_diffusion.metrics.classification.scores import class_scores, number_scores

SHOWN = ("balanced_accuracy", "macro_f1", "accuracy", "mae", "r2")


def guesses(targets: Sequence[Target], codes: Codes) -> dict[str, float]:
    """What guessing answers for each number: the median of the training rows."""
    return {t.name: float(np.nanmedian(codes[t.name])) for t in targets if not t.classes}


def evaluate(
    targets: Sequence[Target],
    answers: Mapping[str, np.ndarray],
    codes: Codes,
    guessed: Mapping[str, float],
) -> dict[str, float]:
    """`score`, and `{task}/{metric}` of `SHOWN`, of answers (`ClassifierNet.answers`) to codes [rows].

    Rows without a label are left out, and so are a task without labels and a metric that is not defined. A task that
    guessing answers rightly, as where one class alone occurs, has no part in `score`.
    """
    found: dict[str, float] = {}
    skills = []
    for target in targets:
        known = ~np.isnan(codes[target.name])
        if known.any():
            truth = codes[target.name][known]
            metrics = _metrics(target, answers[target.name][known], truth)
            skills.append(skill(target, metrics, truth, guessed.get(target.name, 0.0)))
            found |= {f"{target.name}/{name}": value for name, value in metrics.items()}
    told = [each for each in skills if each is not None]
    return found | ({"score": float(np.mean(told))} if told else {})


def skill(target: Target, metrics: Mapping[str, float], truth: np.ndarray, guess: float) -> float | None:
    """1 for what is perfect, 0 for guessing; None where guessing is perfect."""
    if target.classes:
        present = len(np.unique(truth))
        return None if present < 2 else (metrics["balanced_accuracy"] - 1 / present) / (1 - 1 / present)
    error = float(np.abs(truth - guess).mean())
    return 1 - metrics["mae"] / error if error > 0 else None


def _metrics(target: Target, answers: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    subjects, weights = np.zeros(len(truth), np.int64), np.ones((1, 1))
    if target.classes:
        scores = class_scores(truth.astype(np.int64), answers, subjects, weights)
    else:
        scores = number_scores(truth, answers, subjects, weights)
    return {name: float(scores[name][0]) for name in SHOWN if name in scores and np.isfinite(scores[name][0])}
