"""Filters, thresholds and what becomes of bad channels, as a recipe may say it."""

import pytest
from signal_diffusion.config import load_recipe, stage_keys
from signal_diffusion.errors import UserError

RECIPE = "config/dataset/tiny.toml"


def test_defaults_filter_nothing_and_invent_nothing(project):
    recipe = load_recipe("tiny")
    assert (recipe.filter.notch, recipe.filter.highpass, recipe.filter.lowpass) == (None, None, None)
    assert (recipe.channels.missing, recipe.channels.bad, recipe.signal.reference) == (
        "refuse",
        "keep",
        "average",
    )
    assert recipe.quality.drop == ["flat", "clipped"]


@pytest.mark.parametrize("reference", ['"Cz"', '["M1", "M2"]', '"none"'])
def test_a_reference_may_be_named(project, reference):
    project.change(RECIPE, "signal.reference", reference)
    assert load_recipe("tiny").signal.reference in ("Cz", ["M1", "M2"], "none")


@pytest.mark.parametrize(
    ("key", "literal", "message"),
    [
        ("filter.notch", "62.5", "[filter] notch: is not below signal.fs / 2 = 62.5 Hz; lower it"),
        ("filter.lowpass", "100.0", "[filter] lowpass: is not below signal.fs / 2"),
        ("filter.highpass", "0.0", "[filter] highpass: found 0.0, expected greater than 0"),
        ("filter.notsch", "50.0", "[filter] notsch: unknown key; did you mean notch?"),
        ("signal.reference", '""', "[signal] reference: names no channel"),
        ("signal.reference", "[]", "[signal] reference: names no channel"),
        ("channels.bad", '"drop"', "[channels] bad: found 'drop', expected"),
        ("quality.drop", '["noisy"]', "[quality] drop[0]: found 'noisy', expected"),
        ("quality.bad_share", "0.0", "[quality] bad_share: found 0.0, expected greater than 0"),
        (
            "quality.min_channels",
            "2.0",
            "[quality] min_channels: found 2.0, expected less than or equal to 1",
        ),
    ],
)
def test_mistakes(project, key, literal, message):
    project.change(RECIPE, key, literal)
    with pytest.raises(UserError) as caught:
        load_recipe("tiny")
    assert str(caught.value).startswith(f"{RECIPE} {message}") and "\n" not in str(caught.value)


def test_a_band_needs_a_width(project):
    project.change(RECIPE, "filter.highpass", "30.0")
    project.change(RECIPE, "filter.lowpass", "20.0")
    with pytest.raises(UserError, match=r"\[filter\] lowpass: is not above highpass = 30 Hz"):
        load_recipe("tiny")


@pytest.mark.parametrize("key", ["missing", "bad"])
def test_bipolar_channels_cannot_be_interpolated(project, key):
    text = '[recipe]\ndatasets = ["mit"]\n[signal]\nreference = "none"\n[channels]\nset = "chb-mit-bipolar"\n'
    text += f'{key} = "interpolate"\n'
    project.write(RECIPE, text)
    with pytest.raises(UserError, match=rf"\[channels\] {key}: bipolar channels have no place"):
        load_recipe("tiny")


@pytest.mark.parametrize(
    ("key", "literal", "stages"),
    [
        ("filter.notch", "50.0", {"shards"}),
        ("quality.flat_uv", "0.2", {"shards"}),
        ("channels.bad", '"interpolate"', {"shards"}),
        ("quality.drop", "[]", {"dataset"}),
    ],
)
def test_a_change_reaches_its_stage_alone(project, key, literal, stages):
    before = {stage: stage_keys(load_recipe("tiny"), stage) for stage in ("index", "shards", "dataset")}
    project.change(RECIPE, key, literal)
    after = {stage: stage_keys(load_recipe("tiny"), stage) for stage in before}
    assert {stage for stage in before if before[stage] != after[stage]} == stages
