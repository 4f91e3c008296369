"""What a model is told: codes, their nulls, one scale of age, and what does not fit is refused."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.conditioning import (
    Conditioning,
    LabelEmbedding,
    class_word,
    conditioning_of,
)

from .world import World


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)


def test_classes_are_coded_in_the_order_of_the_label_and_unknown_comes_last():
    conditioning = Conditioning("classes", 4, "activity", ("rest", "arithmetic"))
    rows = pd.DataFrame({"activity": ["arithmetic", "", "rest"]})
    assert conditioning.codes(rows).tolist() == [1, 2, 0]
    assert conditioning.module().vectors.num_embeddings == 3
    with pytest.raises(UserError, match="activity is 'sleep'; the model knows rest, arithmetic"):
        conditioning.codes([{"activity": "sleep"}])


def test_composite_classes_join_their_words():
    row = {"activity": "rest", "gender": "F"}
    assert class_word(row, "math_condition") == "rest-F"
    assert class_word({**row, "gender": ""}, "math_condition") == ""
    assert class_word({"math_condition": "rest-F"}, "math_condition") == "rest-F"


def test_labels_are_coded_with_nan_for_unknown():
    rows = [
        {"gender": "F", "health": "PD", "age": 63},
        {"gender": "", "age": None},
        {"health": "H", "age": "71"},
    ]
    found = Conditioning("gend_hlth_age", 4).codes(rows).numpy()
    np.testing.assert_array_equal(found, [[1, 1, 63], [math.nan] * 3, [math.nan, 0, 71]])
    table = pd.DataFrame(rows).astype(object)
    np.testing.assert_array_equal(Conditioning("gend_hlth_age", 4).codes(table).numpy(), found)


def test_each_unknown_label_has_a_learned_null_of_its_own():
    torch.manual_seed(0)
    module, nan = LabelEmbedding(6), math.nan
    codes = torch.tensor([[nan, nan, nan], [1, nan, nan], [nan, 1, nan], [nan, nan, 50.0], [1, 1, 50.0]])
    nothing, gender, health, age, all_three = module(codes)
    torch.testing.assert_close(gender + health + age - 2 * nothing, all_three)
    module(codes).sum().backward()
    for table in (module.gender, module.health):
        assert table.weight.grad[2].abs().sum() > 0
    assert module.no_age.grad.abs().sum() > 0 and module.age.weight.grad.isfinite().all()


def test_age_is_scaled_by_100_years_and_its_frequencies_travel_with_the_weights():
    module = LabelEmbedding(6)
    angles = 2 * math.pi * 0.5 * module.features.frequencies
    expected = module.age(torch.cat([angles.cos(), angles.sin()]))
    difference = module(torch.tensor([[0, 0, 50.0]])) - module.gender.weight[0] - module.health.weight[0]
    torch.testing.assert_close(difference[0], expected)
    assert "features.frequencies" in module.state_dict()


@pytest.mark.parametrize(
    ("column", "number", "says"),
    [
        ("activity", 3, r"num_classes: found 3, but activity has 2 \(rest, arithmetic\)"),
        ("age", 2, "class_column: age is a number; name a label with classes"),
        ("emotion", 5, "class_column: the dataset has no column emotion"),
        ("recording", 2, "num_classes: found 2, but recording has 16"),
    ],
)
def test_classes_that_the_dataset_has_not_are_refused(world, column, number, says):
    path = world.run("classes", conditioning="classes").path
    text = path.read_text().replace('class_column = "activity"', f'class_column = "{column}"')
    path.write_text(text.replace("num_classes = 2", f"num_classes = {number}"))
    from signal_diffusion.config import load_run

    training = pd.read_csv(world.dataset("db-only") / "train-metadata.csv", keep_default_na=False)
    with pytest.raises(UserError, match=says):
        conditioning_of(load_run(path), training, None)
