"""Which keys of a stage some of its results do without."""

from signal_diffusion.config import load_recipe, load_run, stage_keys
from signal_diffusion.config.params import values_param
from signal_diffusion.config.unread import (
    NOT_OF_BASELINES,
    NOT_OF_OCCLUSION,
    NOT_OF_SCORES,
    RANGES,
    unread_by,
    unread_by_fold,
)


def test_a_time_series_reads_no_key_of_the_spectrogram():
    recipe = load_recipe("demo")
    read = values_param(recipe, "shards", unread_by(recipe, "timeseries")).partition("{")[2]
    assert "signal.fs" in read and "spectrogram." not in read
    assert unread_by(recipe, "db-iq") == []


def test_decibels_are_measured_before_ranges_captions_and_weights():
    recipe = load_recipe("demo")
    left = set(stage_keys(recipe, "dataset")) - set(unread_by(recipe, RANGES))
    assert "splits.seed" in left and "spectrogram.lower_percentile" in left
    assert not any(key.startswith(("captions.", "weights.", "export.")) for key in left)
    assert not {"spectrogram.min_db", "spectrogram.max_db"} & left


def test_the_split_of_a_recipe_has_no_folds():
    keys = stage_keys(load_run("config/classification/demo.toml"), "training")
    assert set(unread_by_fold("split")) == {key for key in keys if key.startswith("evaluation.")}
    assert not unread_by_fold("fold-01")


def test_parts_of_the_evaluation_do_without_keys_that_it_has():
    keys = set(stage_keys(load_run("config/classification/demo.toml"), "evaluation"))
    assert keys > set(NOT_OF_BASELINES) | set(NOT_OF_OCCLUSION) | set(NOT_OF_SCORES)
