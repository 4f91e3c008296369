"""One score, where better is higher in every task."""

import numpy as np
import pytest
from signal_diffusion.families.classification.scores import evaluate, guesses
from signal_diffusion.families.classification.targets import Target
from signal_diffusion.training.selection import Best
from sklearn.metrics import balanced_accuracy_score, f1_score

GENDER, AGE = Target("gender", ("M", "F")), Target("age", (), "years", 40.0, 10.0)
CODES = {"gender": np.array([0, 0, 1, 1.0]), "age": np.array([20, 30, 40, 70.0])}
GUESSED = {"age": 35.0}


def score(error: float, right: float = 1.0) -> float:
    """Of a model whose ages are `error` years off."""
    p = np.where(CODES["gender"] == 1, right, 1 - right)
    answers = {"gender": np.stack([1 - p, p], axis=1), "age": CODES["age"] + error}
    return evaluate([GENDER, AGE], answers, CODES, GUESSED)["score"]


def test_a_larger_error_of_the_age_is_a_lower_score():
    """The old system took the mean of accuracies and of errors in years, so that a worse age was better."""
    found = [score(error) for error in (0, 1, 5, 20, 80)]
    assert found == sorted(found, reverse=True) and len(set(found)) == 5
    best = Best("val/score", "max")
    for step, error in enumerate((20, 5, 80)):
        best.offer(step, {"val/score": score(error)}, {})
    assert best.kept[0].step == 1


def test_perfect_is_1_and_guessing_0():
    assert score(0) == 1
    answers = {"gender": np.tile([0.9, 0.1], (4, 1)), "age": np.full(4, 35.0)}
    assert evaluate([GENDER, AGE], answers, CODES, GUESSED)["score"] == pytest.approx(0)
    assert guesses([GENDER, AGE], {"age": np.array([1, np.nan, 5, 30])}) == {"age": 5.0}


def test_metrics_are_those_of_scikit_learn():
    p = np.array([0.4, 0.6, 0.7, 0.8])
    found = evaluate([GENDER], {"gender": np.stack([1 - p, p], axis=1)}, CODES, {})
    truth, predicted = CODES["gender"], p > 0.5
    assert found["gender/balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert found["gender/macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_unknown_labels_are_left_out_and_a_task_without_any_has_no_score():
    codes = {"gender": np.full(4, np.nan), "age": np.array([20, np.nan, 40, 70])}
    answers = {"gender": np.full((4, 2), 0.5), "age": np.array([20, 999, 40, 70.0])}
    found = evaluate([GENDER, AGE], answers, codes, GUESSED)
    assert found["score"] == 1 and not any(name.startswith("gender") for name in found)
    assert "score" not in evaluate([GENDER], answers, codes, {})


def test_what_guessing_answers_rightly_tells_nothing():
    """One class alone, or numbers at the training median: a constant answer would be the best of all."""
    always = {"gender": np.tile([0.9, 0.1], (4, 1)), "age": CODES["age"]}
    women = CODES | {"gender": np.zeros(4)}
    found = evaluate([GENDER], always, women, {})
    assert found == {"gender/accuracy": 1.0}
    assert evaluate([GENDER, AGE], always, women, GUESSED)["score"] == 1
    assert "score" not in evaluate([AGE], always, {"age": np.full(4, 35.0)}, GUESSED)


def test_chance_is_that_of_the_classes_that_occur():
    four = Target("parkinsons_condition", ("H-M", "H-F", "PD-M", "PD-F"))
    always = np.tile([0.7, 0.1, 0.1, 0.1], (4, 1))
    codes = {"parkinsons_condition": np.array([0, 0, 1, 1.0])}
    assert evaluate([four], {"parkinsons_condition": always}, codes, {})["score"] == 0
    perfect = np.eye(4)[codes["parkinsons_condition"].astype(int)]
    assert evaluate([four], {"parkinsons_condition": perfect}, codes, {})["score"] == 1
