"""Scores against scikit-learn and scipy, under any weights of subjects."""

import numpy as np
import pytest
from scipy.stats import pearsonr
from signal_diffusion.metrics.classification.calibration import reliability
from signal_diffusion.metrics.classification.scores import (
    CLASS_METRICS,
    auroc,
    class_scores,
    number_scores,
    weighted_confusion,
)
from sklearn import metrics

RNG = np.random.default_rng(7)
N, SUBJECTS = 240, 8
OWNERS = RNG.integers(0, SUBJECTS, N)
OWNERS[:SUBJECTS] = np.arange(SUBJECTS)
COUNTS = np.vstack([np.ones(SUBJECTS, int), RNG.multinomial(SUBJECTS, np.full(SUBJECTS, 1 / SUBJECTS), 5)])


def material(classes: int) -> tuple[np.ndarray, np.ndarray]:
    truth = RNG.integers(0, classes, N)
    logits = RNG.normal(size=(N, classes)) + 0.8 * np.eye(classes)[truth]
    # Rounded, so that ranks have ties.
    rough = np.round(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), 1) + 0.01
    return truth, rough / rough.sum(axis=1, keepdims=True)


def copies(weights: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(N), weights[OWNERS])


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_class_scores_are_those_of_scikit_learn_on_the_drawn_subjects(classes):
    truth, probabilities = material(classes)
    scores = class_scores(truth, probabilities, OWNERS, COUNTS.astype(float))
    for replicate, weights in enumerate(COUNTS):
        rows = copies(weights)
        t, p = truth[rows], probabilities[rows]
        decided = p.argmax(axis=1)
        area = (
            metrics.roc_auc_score(t, p[:, 1])
            if classes == 2
            else metrics.roc_auc_score(t, p, multi_class="ovr", average="macro")
        )
        expected = {
            "balanced_accuracy": metrics.balanced_accuracy_score(t, decided),
            "macro_f1": metrics.f1_score(t, decided, average="macro"),
            "auroc": area,
            "accuracy": metrics.accuracy_score(t, decided),
            "brier": metrics.brier_score_loss(t, p, scale_by_half=False)
            if classes > 2
            else 2 * metrics.brier_score_loss(t, p[:, 1]),
        }
        for name, value in expected.items():
            assert scores[name][replicate] == pytest.approx(value, abs=1e-12), (name, replicate)
    cells = weighted_confusion(truth, probabilities.argmax(1), OWNERS, COUNTS.astype(float), classes)
    assert (
        cells[2] == metrics.confusion_matrix(truth[copies(COUNTS[2])], decided_of(probabilities, 2))
    ).all()


def decided_of(probabilities: np.ndarray, replicate: int) -> np.ndarray:
    return probabilities[copies(COUNTS[replicate])].argmax(axis=1)


def test_calibration_error_is_the_definition():
    truth, probabilities = material(3)
    found = class_scores(truth, probabilities, OWNERS, COUNTS.astype(float))["ece"]
    for replicate, weights in enumerate(COUNTS):
        rows = copies(weights)
        confidence, right = probabilities[rows].max(1), probabilities[rows].argmax(1) == truth[rows]
        expected = 0.0
        for low in np.arange(10) / 10:
            inside = (confidence > low + 1e-10) & (confidence <= low + 0.1 + 1e-10)
            if inside.any():
                expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
        assert found[replicate] == pytest.approx(expected, abs=1e-9)


def test_reliability_bins_hold_all_windows_and_give_the_error_back():
    truth, probabilities = material(3)
    bins = reliability(truth, probabilities)
    assert sum(one["windows"] for one in bins) == N
    gap = sum(one["windows"] * abs(one["confidence"] - one["right"]) for one in bins) / N
    assert gap == pytest.approx(class_scores(truth, probabilities, OWNERS, np.ones((1, SUBJECTS)))["ece"][0])


def test_a_calibrated_model_has_a_small_error_and_an_overconfident_one_a_large_one():
    rng = np.random.default_rng(0)
    chance = rng.uniform(0, 1, 20000)
    truth = (rng.uniform(0, 1, 20000) < chance).astype(int)
    sure = np.where(chance > 0.5, 0.99, 0.01)
    one, whole = np.ones((1, 1)), np.zeros(20000, int)
    errors = [class_scores(truth, np.stack([1 - p, p], axis=1), whole, one)["ece"][0] for p in (chance, sure)]
    assert errors[0] < 0.02 and errors[1] > 0.2


def test_number_scores_are_those_of_scikit_learn_and_scipy():
    truth = RNG.uniform(20, 80, N)
    predicted = 0.5 * truth + RNG.normal(20, 8, N)
    scores = number_scores(truth, predicted, OWNERS, COUNTS.astype(float))
    for replicate, weights in enumerate(COUNTS):
        rows = copies(weights)
        t, p = truth[rows], predicted[rows]
        assert scores["mae"][replicate] == pytest.approx(metrics.mean_absolute_error(t, p), rel=1e-10)
        assert scores["r"][replicate] == pytest.approx(pearsonr(t, p).statistic, rel=1e-9)
        assert scores["r2"][replicate] == pytest.approx(metrics.r2_score(t, p), rel=1e-9)


def test_what_is_not_defined_is_nan():
    truth, probabilities = np.zeros(N, int), material(2)[1]
    scores = class_scores(truth, probabilities, OWNERS, np.ones((1, SUBJECTS)))
    undefined = {name for name in CLASS_METRICS if np.isnan(scores[name][0])}
    assert undefined == {"balanced_accuracy", "macro_f1", "auroc"}
    constant = number_scores(np.full(N, 40.0), RNG.normal(40, 1, N), OWNERS, np.ones((1, SUBJECTS)))
    assert np.isfinite(constant["mae"][0]) and np.isnan(constant["r"][0]) and np.isnan(constant["r2"][0])
    flat = number_scores(RNG.normal(40, 9, N), np.full(N, 40.0), OWNERS, np.ones((1, SUBJECTS)))
    assert np.isnan(flat["r"][0]) and np.isfinite(flat["r2"][0])


def test_a_replicate_without_one_of_the_classes_is_not_defined():
    truth = (OWNERS == 0).astype(int)
    weights = np.ones((2, SUBJECTS))
    weights[1, 0] = 0
    scores = class_scores(truth, material(2)[1], OWNERS, weights)
    for name in ("balanced_accuracy", "macro_f1", "auroc"):
        assert np.isfinite(scores[name][0]) and np.isnan(scores[name][1])


def test_area_of_ties_alone_is_a_half():
    assert auroc(np.ones(N), OWNERS < 3, OWNERS, COUNTS.astype(float))[0] == 0.5
