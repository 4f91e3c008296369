"""Which keys of a stage some of its results do without."""

from signal_diffusion.config import load_recipe, stage_keys
from signal_diffusion.config.params import values_param
from signal_diffusion.config.unread import RANGES, unread_by


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
