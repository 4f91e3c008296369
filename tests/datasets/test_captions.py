"""The one caption template."""

import pytest
from signal_diffusion.datasets.captions import caption

from .material import make_recipe

ALL = ["age", "health", "gender", "activity"]


def config(**changes):
    return make_recipe(captions=changes).captions


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"age": 62, "health": "H", "gender": "F"}, "a 62 year old, healthy, female subject"),
        (
            {"age": "62", "health": "PD", "gender": "F"},
            "a 62 year old, female subject with Parkinson's disease",
        ),
        ({"age": 62.0, "health": "", "gender": "M"}, "a 62 year old, male subject"),
        ({"age": "", "health": "PD", "gender": ""}, "a subject with Parkinson's disease"),
        ({"age": float("nan"), "health": "H"}, "a healthy subject"),
        ({"age": 80}, "an 80 year old subject"),
        ({"age": 18}, "an 18 year old subject"),
        ({"age": 11}, "an 11 year old subject"),
        ({"age": 8}, "an 8 year old subject"),
        ({"age": 81, "gender": "M", "activity": "rest"}, "an 81 year old, male subject at rest"),
        (
            {"health": "PD", "activity": "arithmetic"},
            "a subject with Parkinson's disease during mental arithmetic",
        ),
        ({}, "a subject"),
    ],
)
def test_captions(row, text):
    assert caption(row, config(fields=ALL)) == f"a spectrogram image of {text}"


def test_only_the_fields_asked_for_are_told():
    row = {"age": 30, "health": "PD", "gender": "F", "activity": "rest"}
    assert caption(row, config(fields=["gender"])) == "a spectrogram image of a female subject"
    assert (
        caption(row, config(fields=["gender", "age"]))
        == "a spectrogram image of a 30 year old, female subject"
    )


def test_nouns_are_configurable():
    words = config(modality="EEG segment", subject="adult")
    assert caption({"gender": "F"}, words) == "an EEG segment of a female adult"
    assert caption({}, words) == "an EEG segment of an adult"
