"""Codes of the old system's registries (seed document, section A2.5) and what is no label."""

import pandas as pd
import pytest
from signal_diffusion.datasets.labels import LABELS, check_labels, get, tasks, whole_years
from signal_diffusion.errors import UserError


@pytest.mark.parametrize(
    ("label", "row", "code"),
    [
        ("gender", {"gender": "M"}, 0),
        ("gender", {"gender": "F"}, 1),
        ("health", {"health": "H"}, 0),
        ("health", {"health": "PD"}, 1),
        ("age", {"age": "62"}, 62.0),
        ("age", {"age": 62.0}, 62.0),
        ("emotion", {"emotion": "neutral"}, 3),
        ("math_activity", {"activity": "arithmetic"}, 1),
        ("math_condition", {"activity": "arithmetic", "gender": "M"}, 2),
        ("math_condition", {"activity": "arithmetic", "gender": "F"}, 3),
        ("parkinsons_condition", {"health": "PD", "gender": "F"}, 3),
        ("seed_condition", {"emotion": "happy", "gender": "F"}, 9),
        ("seed_condition", {"emotion": "fear", "gender": "M"}, 2),
    ],
)
def test_codes(label, row, code):
    assert get(label).encode(row) == code


@pytest.mark.parametrize("row", [{}, {"gender": ""}, {"gender": float("nan")}])
def test_unknown_has_no_code(row):
    assert get("gender").encode(row) is None


def test_a_composite_with_an_unknown_part_has_no_code():
    assert get("math_condition").encode({"activity": "rest", "gender": ""}) is None


@pytest.mark.parametrize("label", [label for label in LABELS.values() if label.parts])
def test_decode_inverts_encode(label):
    words = [label.decode(code) for code in range(label.num_classes)]
    assert len(set(words)) == label.num_classes
    for code, word in enumerate(words):
        assert label.encode(dict(zip(label.columns, word.split("-"), strict=True))) == code


def test_class_numbers_of_the_seed_registry():
    sizes = {name: LABELS[name].num_classes for name in LABELS if LABELS[name].parts}
    assert sizes["math_condition"] == sizes["parkinsons_condition"] == 4
    assert sizes["seed_condition"] == 10 and sizes["emotion"] == 5
    assert LABELS["age"].task_type == "regression" and LABELS["gender"].task_type == "classification"


def test_tasks_of_a_dataset_and_of_a_mixture():
    assert [label.name for label in tasks("seed")] == ["gender", "health", "age", "emotion", "seed_condition"]
    assert tasks("seed_timeseries") == tasks("seed")
    assert [label.name for label in tasks("caption")] == ["gender", "health", "age"]


def test_words_that_are_no_class_are_refused():
    with pytest.raises(UserError, match="participants: column health: health is 'Healthy'; write H or PD"):
        check_labels(pd.DataFrame({"health": ["H", "", "Healthy"]}), "participants")
    with pytest.raises(UserError, match="unknown label 'sex'"):
        get("sex")


def test_whole_years():
    assert [whole_years(age) for age in ("62", 62.9, "", None, float("nan"))] == ["62", "62", "", "", ""]


@pytest.mark.parametrize("age", [float("inf"), "-inf", "1e999"])
def test_an_endless_age_is_refused(age):
    """A generator would be told of no angle, and give windows of NaN."""
    with pytest.raises(UserError, match="age is .*, not a number; leave it empty when unknown"):
        get("age").encode({"age": age})
    with pytest.raises(UserError, match="not a number"):
        whole_years(age)
