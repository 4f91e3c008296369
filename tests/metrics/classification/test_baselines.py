"""Nulls and baselines: they find what is planted for them, nothing else, and never see those who are held out."""

import numpy as np
import pytest
from signal_diffusion.datasets.pool import Part, Pool
from signal_diffusion.errors import UserError
from signal_diffusion.metrics.classification.bands import band_powers
from signal_diffusion.metrics.classification.baselines import (
    BAND_POWER,
    DATASET,
    DEMOGRAPHICS,
    Material,
    fit_baselines,
)
from signal_diffusion.metrics.classification.evaluation import Resampling, evaluate
from signal_diffusion.metrics.classification.fitting import STRENGTHS, fit_predict
from signal_diffusion.metrics.classification.tables import Answers, Predictions
from signal_diffusion.metrics.spectra import BANDS

from .material import CHANNELS, SUBJECTS, held_out, write_dataset


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """A function (representation, datasets) that writes a dataset folder and gives its pool."""
    return lambda *wanted, **more: write_dataset(tmp_path_factory.mktemp("dataset"), *wanted, **more)


def judged(pool: Pool, tasks: list[str], wanted: str = BAND_POWER, model: Predictions | None = None) -> dict:
    predictions = held_out(pool, tasks)
    tables, told = fit_baselines(Material(pool), predictions, [wanted], 0)
    chosen = model or predictions
    return evaluate(chosen, tables, told["absent"], Resampling(300, 0))["tasks"]


@pytest.mark.parametrize("representation", ["timeseries", "db-only", "db-iq", "db-polar"])
def test_band_powers_find_the_rhythm_in_every_representation(make, representation):
    found = judged(make(representation), ["activity"])["activity"]["levels"]["window"]["scores"]
    assert found["band_power"]["balanced_accuracy"]["low"] > 0.75


@pytest.mark.parametrize("representation", ["timeseries", "db-only"])
def test_band_powers_are_decibels_of_the_rhythm(make, representation):
    pool = make(representation)
    powers = band_powers(Part(pool, np.arange(len(pool)))).reshape(len(pool), len(CHANNELS), len(BANDS))
    alpha = powers[:, :, list(BANDS).index("alpha")].mean(axis=1)
    beta = powers[:, :, list(BANDS).index("beta")].mean(axis=1)
    busy = (pool.metadata["activity"] == "arithmetic").to_numpy()
    # White noise of sd 8 uV has 8^2 / 62.5 uV^2/Hz; the mean of the logarithm of a frame's power lies 2.5 dB lower
    # (Euler's constant), of Welch's mean of some three segments about 0.9 dB.
    expected = 10 * np.log10(64 / 62.5) - (2.5 if representation == "db-only" else 0.9)
    assert beta.mean() == pytest.approx(expected, abs=0.6)
    assert alpha[~busy].mean() - alpha[busy].mean() > 1.0
    assert (beta[~busy].mean() - beta[busy].mean()) == pytest.approx(0, abs=0.4)


def test_demographics_find_what_age_tells_and_not_what_it_does_not(make):
    found = judged(make(), ["gender", "handedness", "activity", "age"], DEMOGRAPHICS)
    assert found["gender"]["levels"]["person"]["scores"]["demographics"]["balanced_accuracy"]["low"] > 0.6
    hand = found["handedness"]["levels"]["person"]["scores"]["demographics"]["balanced_accuracy"]
    assert hand["low"] < 0.5
    activity = found["activity"]["levels"]["window"]["scores"]["demographics"]
    assert activity["balanced_accuracy"]["value"] == 0.5
    assert found["age"]["levels"]["person"]["scores"]["demographics"]["r"]["low"] > 0.3


def test_a_model_that_knows_only_demographics_does_not_beat_their_null(make):
    pool = make()
    predictions = held_out(pool, ["gender"])
    age = pool.metadata["age"].to_numpy()
    p = 1 / (1 + np.exp(-(age - 50) / 5))
    answers = predictions.tasks["gender"]
    knows_age = Answers(answers.classes, answers.truth, np.stack([1 - p, p], axis=1))
    model = Predictions(predictions.rows, {"gender": knows_age})
    levels = judged(pool, ["gender"], DEMOGRAPHICS, model)["gender"]["levels"]
    for level in levels.values():
        assert level["differences"]["chance"]["balanced_accuracy"]["better"]
        assert not level["differences"]["demographics"]["balanced_accuracy"]["better"]


def test_the_dataset_alone_tells_a_label_that_one_dataset_has(make):
    pool = make(datasets=2)
    pool.metadata["handedness"] = np.where(pool.metadata["dataset"] == "set0", "left", "right")
    found = judged(pool, ["handedness", "activity"], DATASET)
    assert found["handedness"]["levels"]["person"]["scores"]["dataset"]["accuracy"]["value"] == 1
    assert found["activity"]["levels"]["window"]["scores"]["dataset"]["balanced_accuracy"]["value"] == 0.5


def test_what_cannot_be_fitted_says_why(make):
    found = judged(make(), ["activity"], DATASET)["activity"]
    assert "one dataset" in found["absent"]["dataset"]
    assert "dataset" not in found["levels"]["window"]["scores"]
    pool = make()
    pool.metadata["health"], pool.metadata["age"] = "H", np.nan
    assert (
        "the same for everyone" in judged(pool, ["gender"], DEMOGRAPHICS)["gender"]["absent"]["demographics"]
    )


def test_a_label_of_one_fold_alone_has_no_baseline_and_no_crash(make):
    pool = make()
    pool.metadata["handedness"] = np.where(pool.metadata["subject"] < "s006", "left", "")
    found = judged(pool, ["handedness"])["handedness"]
    assert found["absent"]["band_power"] == "fold-00 leaves no subject with this label to fit on"


def test_nobody_who_is_held_out_is_fitted_on(make):
    """Labels that only the held-out subjects' own windows could tell stay at chance."""
    pool = make()
    rng = np.random.default_rng(0)
    names = pool.metadata["subject"].unique()
    drawn = dict(zip(names, rng.permutation(np.repeat(["left", "right"], SUBJECTS // 2)), strict=True))
    pool.metadata["handedness"] = pool.metadata["subject"].map(drawn)
    fits = held_out(pool, ["handedness"])
    tables, told = fit_baselines(Material(pool), fits, ["band_power"], 0)
    found = evaluate(fits, tables, told["absent"], Resampling(300, 0))["tasks"]["handedness"]
    assert found["levels"]["window"]["scores"]["band_power"]["balanced_accuracy"]["low"] < 0.5
    sizes = {each["windows"] for each in told["fits"]["band_power"]["handedness"].values()}
    assert sizes == {len(pool) // 2}


def test_a_window_that_the_dataset_lacks_is_refused(make):
    pool = make()
    rows = pool.metadata.assign(recording="other")
    with pytest.raises(UserError, match="the dataset has none such"):
        Material(pool).places(rows)


def test_the_penalty_is_chosen_by_inner_folds_of_subjects():
    """Features that tell the subject and nothing else call for a strong penalty; a clean one for a weak one."""
    rng = np.random.default_rng(0)
    subjects = np.repeat(np.arange(20), 10)
    truth = (np.arange(20) % 2)[subjects].astype(float)
    own = np.eye(20)[subjects] + rng.normal(0, 0.01, (200, 20))
    clean = truth[:, None] + rng.normal(0, 0.1, (200, 1))
    strong = fit_predict(own, truth, subjects, own[:3], 2, 0)
    weak = fit_predict(clean, truth, subjects, clean, 2, 0)
    assert strong.penalty > weak.penalty == STRENGTHS[-1]
    assert (weak.predicted.argmax(axis=1) == truth).all()


def test_fits_with_one_class_or_few_subjects_are_whole():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(6, 3))
    alone = fit_predict(features, np.ones(6), np.arange(6), features[:2], 3, 0)
    assert alone.predicted.tolist() == [[0, 1, 0], [0, 1, 0]] and alone.penalty is None
    one = fit_predict(features, np.arange(6) % 2, np.zeros(6, int), features, 2, 0)
    assert one.penalty == STRENGTHS[0] and np.isfinite(one.predicted).all()
    numbers = fit_predict(features, rng.normal(size=6), np.arange(6), features, 0, 0)
    assert numbers.predicted.shape == (6,)
