"""The whole judgement: who wins, what cannot be known, and whether the intervals keep their promise."""

import json

import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.metrics.classification.evaluation import Resampling, evaluate
from signal_diffusion.metrics.classification.scores import class_scores
from signal_diffusion.metrics.classification.tables import (
    Answers,
    Predictions,
    protocols,
    read_predictions,
    subjects_of,
    write_predictions,
)
from signal_diffusion.metrics.resampling import estimate, expanded_estimate, group_weights

from .conftest import people

FEW = Resampling(200, 3)


def level(predictions: Predictions, task: str, name: str = "window", **others) -> dict:
    return evaluate(predictions, others, resampling=FEW)["tasks"][task]["levels"][name]


def test_a_good_model_is_above_chance_and_better_than_a_worse_one(guessed):
    rows = people(20, 10)
    found = level(guessed(rows, "activity", 2.0), "activity", weak=guessed(rows, "activity", 0.5, 5))
    model = found["scores"]["model"]["balanced_accuracy"]
    assert model["low"] > 0.5 and found["differences"]["chance"]["balanced_accuracy"]["better"]
    assert found["differences"]["weak"]["balanced_accuracy"]["better"]
    assert found["scores"]["chance"]["balanced_accuracy"]["value"] == pytest.approx(0.5)
    assert np.array(found["confusion"]).sum() == found["count"] == len(rows)


def test_a_difference_is_paired(guessed):
    """Of one model with itself it is zero without doubt, whatever the interval of its score."""
    rows = people(20, 10)
    found = level(guessed(rows, "activity", 1.0), "activity", twin=guessed(rows, "activity", 1.0))
    for difference in found["differences"]["twin"].values():
        assert difference["value"] == difference["low"] == difference["high"] == 0
        assert difference["better"] is False


def test_the_interval_of_a_calibration_error_is_that_of_a_distance(guessed):
    """Fewer distinct rows alone move it upwards: chance, which has none, has one in nearly every resample."""
    rows = people(20, 10)
    predictions = guessed(rows, "gender", 1.0)
    answers, weights = predictions.tasks["gender"], FEW.weights(20)
    replicates = class_scores(answers.truth.astype(int), answers.predicted, subjects_of(rows), weights)["ece"]
    found = level(predictions, "gender")["scores"]["model"]["ece"]
    assert found == estimate(replicates, 20, least=0.0) != expanded_estimate(replicates, 20)
    assert 0 <= found["low"] <= found["value"] <= found["high"]


def test_a_model_of_shuffled_labels_sits_at_chance(guessed):
    """Within an interval of 95 % in 28 of 30 rounds or about that, and in no more than a few clearly off it."""
    rows, weights = people(30, 6), Resampling(300, 3).weights(30)
    inside = {"balanced_accuracy": 0, "auroc": 0}
    for seed in range(30):
        answers = guessed(rows, "gender", 0.0, seed).tasks["gender"]
        scores = class_scores(answers.truth.astype(int), answers.predicted, subjects_of(rows), weights)
        for metric in inside:
            found = expanded_estimate(scores[metric], 30)
            inside[metric] += found["low"] <= 0.5 <= found["high"]
    assert all(count >= 26 for count in inside.values()), inside


def test_people_are_means_over_windows(guessed):
    rows = people(9, 6)
    predictions = guessed(rows, "gender", 0.8)
    found = level(predictions, "gender", "person")
    assert found["unit"] == "subject" and found["count"] == 9
    answers = predictions.tasks["gender"]
    right = [
        answers.predicted[places].mean(axis=0).argmax() == answers.truth[places[0]]
        for places in rows.groupby("subject").indices.values()
    ]
    assert found["scores"]["model"]["accuracy"]["value"] == pytest.approx(np.mean(right))


def test_a_label_that_changes_within_people_is_judged_by_recording(guessed):
    found = level(guessed(people(9, 6), "activity", 0.8), "activity", "person")
    assert found["unit"] == "recording" and found["count"] == 18


def test_a_label_that_changes_within_recordings_has_no_person(guessed):
    rows = people(9, 6)
    rows["emotion"] = np.array(["sad", "neutral", "happy"])[rows["window"] % 3]
    found = evaluate(guessed(rows, "emotion", 1.0), {}, resampling=FEW)["tasks"]["emotion"]
    assert "within recordings" in found["levels"]["person"]["unknown"]
    assert found["levels"]["window"]["scores"]["model"]["auroc"]["value"] > 0.5


def test_one_class_alone_is_unknown_not_a_number(guessed):
    rows = people(6, 4).assign(gender="F")
    found = level(guessed(rows, "gender", 1.0), "gender")
    for metric in ("balanced_accuracy", "macro_f1", "auroc"):
        estimate = found["scores"]["model"][metric]
        assert estimate["value"] is None and estimate["low"] is None and estimate["unknown"]
        assert found["differences"]["chance"][metric]["better"] is None
    assert found["scores"]["model"]["accuracy"]["value"] > 0.5


def test_one_subject_has_numbers_without_intervals(guessed):
    found = level(guessed(people(1, 10), "activity", 1.0), "activity")
    estimate = found["scores"]["model"]["balanced_accuracy"]
    assert estimate["value"] > 0.5 and estimate["low"] is None and "one subject" in estimate["unknown"]


def test_a_class_of_one_subject_gives_no_interval(guessed):
    rows = people(8, 5)
    rows["gender"] = np.where(rows["subject"] == "s000", "F", "M")
    estimate = level(guessed(rows, "gender", 1.0), "gender")["scores"]["model"]["balanced_accuracy"]
    assert estimate["value"] is not None and estimate["low"] is None and "classes" in estimate["unknown"]


def test_missing_labels_are_left_out(guessed):
    rows = people(10, 5)
    predictions = guessed(rows, "gender", 1.0)
    answers = predictions.tasks["gender"]
    truth = np.where(rows["subject"] < "s004", np.nan, answers.truth)
    some = Predictions(rows, {"gender": Answers(answers.classes, truth, answers.predicted)})
    found = evaluate(some, {}, resampling=FEW)["tasks"]["gender"]
    assert found["counts"]["subjects"] == 6 and found["counts"]["windows"] == 60
    nothing = Answers(answers.classes, np.full(len(rows), np.nan), answers.predicted)
    found = evaluate(Predictions(rows, {"gender": nothing}), {}, resampling=FEW)["tasks"]["gender"]
    assert found["unknown"] and not found["levels"]


def test_ages_are_judged_in_years():
    rows = people(12, 5)
    rng = np.random.default_rng(0)
    truth = rows["age"].to_numpy()
    near = Predictions(rows, {"age": Answers((), truth, truth + rng.normal(0, 3, len(rows)))})
    far = Predictions(rows, {"age": Answers((), truth, rng.normal(50, 9, len(rows)))})
    found = level(near, "age", "person", far=far)
    assert found["scores"]["model"]["mae"]["value"] < 2.5 and found["scores"]["model"]["r"]["low"] > 0.9
    # A smaller error is the better one.
    assert found["differences"]["far"]["mae"]["better"] and found["differences"]["far"]["mae"]["high"] < 0
    assert not level(far, "age", "person", near=near)["differences"]["near"]["mae"]["better"]
    assert found["scores"]["chance"]["r"]["value"] is None


def test_subjects_are_listed_worst_first(guessed):
    records = evaluate(guessed(people(8, 12), "gender", 0.5), {}, resampling=FEW)["tasks"]["gender"][
        "subjects"
    ]
    scores = [record["score"]["value"] for record in records]
    assert len(records) == 8 and scores == sorted(scores)
    assert all(
        record["score"]["low"] <= record["score"]["value"] <= record["score"]["high"] for record in records
    )


def test_metrics_are_json_and_repeat(guessed):
    predictions = guessed(people(5, 4), "gender", 1.0)
    first, again = (evaluate(predictions, {}, resampling=FEW) for _ in "12")
    assert json.dumps(first, allow_nan=False) == json.dumps(again, allow_nan=False)


def test_tables_are_read_as_written_in_any_order(guessed, tmp_path):
    rows = people(6, 4)
    rows["session"] = "01"
    mixed = guessed(rows, "activity", 1.0).tasks | {
        "age": Answers((), rows["age"].to_numpy().copy(), np.arange(48.0))
    }
    mixed["age"].truth[:3] = np.nan
    for name, places in (("fold-01", np.arange(24)[::-1]), ("fold-02", np.arange(24, 48))):
        part = {k: Answers(a.classes, a.truth[places], a.predicted[places]) for k, a in mixed.items()}
        write_predictions(tmp_path / name / "predictions.csv", Predictions(rows.iloc[places], part))
    paths = sorted(tmp_path.glob("*/predictions.csv"))
    found = read_predictions(paths).like(Predictions(rows, mixed), "table")
    assert list(found.rows["fold"].unique()) == ["fold-01", "fold-02"]
    for task, answers in mixed.items():
        assert np.array_equal(found.tasks[task].truth, answers.truth, equal_nan=True)
        assert found.tasks[task].predicted == pytest.approx(answers.predicted, abs=1e-12)
    assert protocols([*paths, _empty(tmp_path / "fold-03" / "predictions.csv", paths[0])]) == {"folds": paths}


def _empty(path, like):
    path.parent.mkdir()
    path.write_text(like.read_text().splitlines()[0] + "\n")
    return path


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda text: text.replace("activity:p:rest", "activity:q:rest"), "sum to 1|none of"),
        (lambda text: text.replace(",rest,", ",sleep,"), "'sleep', which is none of rest, arithmetic"),
        (lambda text: text.replace("subject", "person", 1), "no column subject"),
        (lambda text: text + text.splitlines()[-1] + "\n", "held out twice"),
    ],
)
def test_broken_tables_are_refused(guessed, tmp_path, change, what):
    path = tmp_path / "split" / "predictions.csv"
    write_predictions(path, guessed(people(3, 2), "activity", 1.0))
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=what):
        read_predictions([path])


def test_a_null_for_other_windows_is_refused(guessed):
    rows = people(4, 3)
    with pytest.raises(UserError, match="no row for window"):
        evaluate(guessed(rows, "gender", 1.0), {"null": guessed(rows.iloc[:-1], "gender", 1.0)})


@pytest.mark.parametrize("subjects", [8, 30])
def test_interval_covers_the_truth_as_often_as_it_says(subjects):
    """Means over subjects of few windows each, 8 or 30 of them: the plain percentiles would miss far too often."""
    rng = np.random.default_rng(subjects)
    hits, plain, rounds = 0, 0, 400
    for _ in range(rounds):
        values = rng.normal(0, 1, (subjects, 1)) + rng.normal(0, 1, (subjects, 4))
        weights = group_weights(np.arange(subjects), 400, rng)
        means = weights @ values.mean(axis=1) / subjects
        found = expanded_estimate(means, subjects)
        hits += found["low"] <= 0 <= found["high"]
        low, high = np.quantile(means[1:], [0.025, 0.975])
        plain += low <= 0 <= high
    assert 0.92 <= hits / rounds <= 0.98
    assert hits > plain


def test_accuracy_of_people_who_differ_is_covered():
    """Windows of a person resemble each other; 14 people whose share of right windows is drawn around 0.7."""
    rng = np.random.default_rng(1)
    rows, rounds = people(14, 5), 200
    truth = rows["activity"].map({"rest": 0, "arithmetic": 1}).to_numpy()
    subjects, weights = subjects_of(rows), Resampling(300, 1).weights(14)
    by_person, by_window = 0, 0
    for _ in range(rounds):
        right = rng.uniform(size=len(rows)) < rng.beta(3.5, 1.5, 14)[subjects]
        predicted = np.eye(2)[np.where(right, truth, 1 - truth)]
        found = expanded_estimate(class_scores(truth, predicted, subjects, weights)["balanced_accuracy"], 14)
        by_person += found["low"] <= 0.7 <= found["high"]
        error = np.sqrt(right.mean() * (1 - right.mean()) / len(right))
        by_window += abs(right.mean() - 0.7) <= 1.96 * error
    assert by_person / rounds >= 0.9
    assert by_window / rounds < by_person / rounds - 0.1
