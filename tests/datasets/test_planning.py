"""What is wrong with a recipe is said before any job, as far as names and tables tell."""

from pathlib import Path

import pytest
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.synthetic import SyntheticSet
from signal_diffusion.datasets.planning import (
    check_class,
    check_conditions,
    check_folds,
    check_losses,
    check_recipe,
)
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets.entry import Entry

LABELS = {"gender": "F", "health": "H", "age": 30, "activity": "rest", "site": "A"}
ENTRY = Entry("mine", "s1", "", "s1_rest", Path("s1.edf"), LABELS, events={"seizure": ()})


def recipe(**tables) -> Recipe:
    return Recipe(name="mine", path=Path("config/dataset/mine.toml"), recipe={"datasets": ["mine"]}, **tables)


def test_labels_of_recordings_and_of_their_tables_and_events_are_known():
    tasks = ["dataset", "site", "age", "math_condition", "seizure"]
    check_recipe(recipe(splits={"stratify": ["gender", "site"]}, weights={"tasks": tasks}), [ENTRY])
    targets = {
        "math_condition": {"rest-M": 0.4, "rest-F": 0.3, "arithmetic-M": 0.2, "unknown": 0.1},
        "age": {"20-29": 1.0},
        "site": {"A": 1.0},
    }
    check_recipe(recipe(weights={"tasks": list(targets), "targets": targets}), [ENTRY])


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (
            {"splits": {"stratify": ["gendr"]}},
            r"\[splits\] stratify: found 'gendr', which no recording has; did you mean gender\?",
        ),
        (
            {"splits": {"stratify": ["seizure"]}},
            r"stratify: found 'seizure', .*; they have activity, age, gender, health, site$",
        ),
        (
            {"weights": {"tasks": ["gender", "helth"]}},
            r"\[weights\] tasks: found 'helth', which no recording has; did you mean health\?",
        ),
        (
            {"weights": {"tasks": ["seed_condition"]}},
            r"tasks: found 'seed_condition', which no recording has",
        ),
        (
            {"weights": {"tasks": ["gender"], "targets": {"gender": {"female": 0.5, "M": 0.5}}}},
            r"\[weights.targets\] gender: found 'female'; the words are F, M, and unknown$",
        ),
        (
            {"weights": {"tasks": ["dataset"], "targets": {"dataset": {"mine": 0.5, "math": 0.5}}}},
            r"\[weights.targets\] dataset: found 'math'; the words are mine",
        ),
        (
            {"channels": {"set": ["Fz", "T3", "T7"]}},
            r"\[channels\] set: T3, T7: name each channel once$",
        ),
        (
            {"signal": {"reference": ["Cz", "CZ"]}},
            r"\[signal\] reference: CZ, Cz: name each channel once$",
        ),
        (
            {"splits": {"splits_file": "elsewhere/splits.csv"}},
            r"\[splits\] splits_file: elsewhere/splits.csv: no such file; correct the path",
        ),
    ],
)
def test_what_no_recording_has_is_refused_in_one_line(tables, says):
    with pytest.raises(UserError, match=rf"^config/dataset/mine.toml .*{says}") as caught:
        check_recipe(recipe(**tables), [ENTRY])
    assert "\n" not in str(caught.value)


def run(column: str, classes: int) -> DiffusionRun:
    dataset = {"name": "mine", "class_column": column, "num_classes": classes}
    return DiffusionRun(
        name="told",
        path=Path("config/diffusion/told.toml"),
        settings={"trainer": "diffusion"},
        dataset=dataset,
        model={"name": "hourglass", "conditioning": "classes", "extras": {"cfg_dropout": 0.1}},
    )


def synthetic(**conditions) -> SyntheticSet:
    path = Path("config/synthetic/made.toml")
    return SyntheticSet(name="made", path=path, run="told", conditions=conditions)


@pytest.mark.parametrize(
    ("column", "classes", "says"),
    [
        ("math_condition", 4, None),
        ("site", 3, None),
        ("seizure", 2, None),
        ("gendr", 2, r"class_column: found 'gendr', which no recording has; did you mean gender\?"),
        ("emotion", 5, "class_column: found 'emotion', which no recording has"),
        ("age", 2, "class_column: age is a number"),
        ("math_condition", 2, "num_classes: found 2, but math_condition has 4"),
    ],
)
def test_the_class_that_a_model_is_told_is_one_of_the_recordings(column, classes, says):
    if says is None:
        return check_class(run(column, classes), [ENTRY])
    with pytest.raises(UserError, match=rf"^config/diffusion/told.toml \[dataset\] {says}"):
        check_class(run(column, classes), [ENTRY])


def test_labels_of_recordings_can_be_balanced_and_given(tmp_path):
    table = tmp_path / "asked.csv"
    table.write_text("\ufeffgender,age,site,share\nF,63,A,2\n,,B\n")
    check_conditions(synthetic(), [ENTRY])
    check_conditions(synthetic(distribution="balanced", labels=["gender", "site"]), [ENTRY])
    given = [{"gender": "F", "age": 63, "share": 2}, {"text": "words", "site": "B"}]
    check_conditions(synthetic(distribution="given", given=given), [ENTRY])
    check_conditions(synthetic(distribution="given", table=str(table)), [ENTRY])


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        (
            {"distribution": "balanced", "labels": ["gendr"]},
            r"labels: found 'gendr', .*; did you mean gender",
        ),
        ({"distribution": "given", "given": [{"gendr": "F"}]}, r"given: found 'gendr', .*; did you mean gen"),
        ({"distribution": "given", "given": [{"gender": "X"}]}, "given: gender is 'X'; write M or F"),
        ({"distribution": "given", "table": "asked.csv"}, "table: age is 'old', not a number"),
        ({"distribution": "given", "table": "no.csv"}, "table: no.csv: No such file or directory; correct"),
        ({"distribution": "given", "table": "bytes.csv"}, "table: bytes.csv: it is no CSV in UTF-8; correct"),
    ],
)
def test_what_a_model_cannot_be_asked_is_refused_in_one_line(conditions, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("asked.csv").write_text("gender,age\nF,old\n")
    Path("bytes.csv").write_bytes(b"gender\n\xff\n")
    with pytest.raises(UserError, match=rf"^config/synthetic/made.toml \[conditions\] {says}") as caught:
        check_conditions(synthetic(**conditions), [ENTRY])
    assert "\n" not in str(caught.value)


def classifier(training=None, **evaluation) -> ClassificationRun:
    return ClassificationRun(
        name="read",
        path=Path("config/classification/read.toml"),
        settings={"trainer": "classification"},
        dataset={"name": "mine", "tasks": ["health", "age"]},
        model={"backbone": "cnn_light"},
        training=training or {},
        evaluation=evaluation,
    )


def test_focal_losses_are_of_classes_with_a_weight_each():
    check_losses(classifier({"focal_tasks": ["health"], "focal_alpha": {"health": [0.25, 0.75]}}))
    with pytest.raises(UserError, match=r"\[training\] focal_tasks: age is a number"):
        check_losses(classifier({"focal_tasks": ["age"]}))
    alone = {"focal_tasks": ["health"], "focal_alpha": {"health": [1.0]}}
    with pytest.raises(UserError, match=r"focal_alpha\] health: found 1 weights, but health has 2 classes"):
        check_losses(classifier(alone))


@pytest.mark.parametrize(
    ("folds", "keep", "enough", "remedy"),
    [
        ({"folds": "subject", "n_folds": 5}, "best", 5, "n_folds: .*; set 4 at most"),
        ({"folds": "loso"}, "best", 3, 'folds: .*; set folds = "none"'),
        ({"folds": "loso"}, "last", 2, 'folds: .*; set folds = "none"'),
    ],
)
def test_there_are_subjects_for_every_fold(folds, keep, enough, remedy):
    wanted = classifier({"keep": keep}, **folds)
    check_folds(wanted, enough)
    check_folds(classifier(), 0)
    with pytest.raises(UserError, match=rf"^config/classification/read.toml \[evaluation\] {remedy}"):
        check_folds(wanted, enough - 1)
