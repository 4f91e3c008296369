"""The battery as a whole: it tells good generators from bad ones, and copies from new images."""

import json
from dataclasses import replace

import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.metrics.battery import Battery, evaluate
from signal_diffusion.metrics.sets import ImageSet

DISTANCES = ("mmd", "frechet")


@pytest.fixture(scope="module")
def train(recorded) -> ImageSet:
    return recorded(48, 4, 1)


@pytest.fixture(scope="module")
def test_set(recorded) -> ImageSet:
    return recorded(24, 4, 2)


def encode(images: np.ndarray) -> np.ndarray:
    """Block means of the images: a second feature space [n, 64]."""
    return images.reshape(len(images), 8, 8, 8, 8).mean(axis=(2, 4)).reshape(len(images), -1)


@pytest.fixture(scope="module")
def battery(train, test_set, imagined, spec) -> Battery:
    noise = np.random.default_rng(0).integers(0, 256, (240, 1, 64, 64), dtype=np.uint8)
    generated = imagined(240, 3)
    sets = {"generated": generated, "untrained": replace(generated, images=noise)}
    return evaluate(sets, train, test_set, spec, encode, bootstrap=60, seed=5)


def test_a_perfect_generator_closes_the_way(battery):
    for space in ("spectral", "encoder"):
        for distance in DISTANCES:
            closed = battery.metrics["distances"][space][distance]["closed"]
            assert closed["value"] > 0.8 and closed["low"] > 0.3, (space, distance, closed)
            assert closed["low"] < 1 < closed["high"] + 0.2


def test_sets_are_compared_at_equal_size(battery):
    assert battery.metrics["samples"] == {
        "generated": 240,
        "train": 384,
        "reference": 192,
        "train_subjects": 48,
        "reference_subjects": 24,
        "compared": 192,
    }
    names = set(battery.metrics["distances"]["spectral"]["mmd"]["baselines"])
    assert names == {"pixel_gaussian", "phase_shuffled", "pixel_shuffled", "untrained"}
    assert {len(rows) for name, rows in battery.arrays.items() if name.startswith("nearest/")} == {192}


def test_metrics_are_json_and_repeat(battery, train, test_set, imagined, spec):
    json.dumps(battery.metrics, allow_nan=False)
    first, again = (
        evaluate({"generated": imagined(60, 3)}, train, test_set, spec, bootstrap=5) for _ in "12"
    )
    assert first.metrics == again.metrics


@pytest.mark.parametrize("fault", ["noise", "mean", "mostly baseline"])
def test_faults_cost(fault, train, test_set, imagined, spec):
    generated, rng = imagined(192, 3), np.random.default_rng(0)
    images = generated.images.astype(float)
    if fault == "noise":
        images += rng.normal(0, 9, images.shape)
    elif fault == "mean":
        images += 14
    else:
        pixels = train.images[:, 0].astype(float)
        images[40:, 0] = rng.normal(pixels.mean(0), pixels.std(0), images[40:, 0].shape)
    bad = replace(generated, images=np.clip(images, 0, 255).astype(np.uint8))
    values = [
        evaluate({"generated": one}, train, test_set, spec, bootstrap=2).metrics["distances"]["spectral"]
        for one in (generated, bad)
    ]
    for distance in DISTANCES:
        good, worse = (value[distance]["closed"]["value"] for value in values)
        assert worse < good - 0.08, (distance, good, worse)


def test_copies_of_training_images_are_called_nearer(battery, train, test_set, spec):
    rng = np.random.default_rng(2)
    copies = train.sample(150, rng)
    assert not battery.metrics["memorisation"]["pixels"]["nearer"]
    noisy = np.clip(copies.images + rng.normal(0, 4, copies.images.shape), 0, 255).astype(np.uint8)
    generated = ImageSet.generated(noisy, copies.labels)
    found = evaluate({"generated": generated}, train, test_set, spec, bootstrap=20).metrics["memorisation"]
    for space in ("pixels", "spectral"):
        assert found[space]["nearer"] and found[space]["below"]["value"] > 0.9


def test_effects_of_every_label_are_found(battery):
    primary = {record["label"]: record for record in battery.metrics["effects"] if record["primary"]}
    assert {label: record["measure"] for label, record in primary.items()} == {
        "activity": "alpha",
        "health": "theta",
        "gender": "beta",
        "age": "alpha_peak",
    }
    signs = {"activity": -1, "health": 1, "gender": 1, "age": -1}
    for label, sign in signs.items():
        assert np.sign(primary[label]["real"]["value"]) == sign
        assert np.sign(primary[label]["generated"]["value"]) == sign
    assert primary["activity"]["agrees"] and primary["age"]["agrees"]
    null = [record for record in battery.metrics["effects"] if record["label"] == "handedness"]
    assert null and not any(record["primary"] for record in null)


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0, -1.0])
def test_effect_ratio_is_the_strength_of_the_labels(strength, train, test_set, imagined, spec):
    sets = {"generated": imagined(800, 7, strength, 0.3)}
    records = evaluate(sets, train, test_set, spec, bootstrap=40).metrics["effects"]
    for record in records:
        if record["primary"] and record["label"] in ("activity", "age"):
            assert record["ratio"]["value"] == pytest.approx(strength, abs=0.2)
            assert record["agrees"] == (strength == 1.0)


def test_effects_do_not_depend_on_the_mix_of_other_labels(train, test_set, imagined, spec):
    """A generated set in which most patients calculate: unadjusted, theta would borrow from activity."""
    generated = imagined(1200, 7, 1.0, 0.3)
    patient, busy = (generated.labels["health"] == "PD"), (generated.labels["activity"] == "arithmetic")
    keep = np.random.default_rng(0).random(len(generated)) < np.where(patient == busy, 0.9, 0.1)
    mixed = generated.take(np.flatnonzero(keep))
    effects = [
        {
            (record["label"], record["measure"]): record["generated"]["value"]
            for record in evaluate({"generated": one}, train, test_set, spec, bootstrap=2).metrics["effects"]
        }
        for one in (generated, mixed)
    ]
    for key in (("health", "alpha"), ("health", "theta"), ("activity", "alpha")):
        assert effects[0][key] == pytest.approx(effects[1][key], abs=0.15)


def test_a_label_that_one_set_lacks_is_left_out(train, test_set, imagined, spec):
    generated = imagined(60, 3)
    generated = replace(generated, labels=generated.labels.assign(health="").drop(columns="gender"))
    records = evaluate({"generated": generated}, train, test_set, spec, bootstrap=2).metrics["effects"]
    assert {record["label"] for record in records} == {"activity", "age", "handedness"}


def test_mistakes_are_named(train, test_set, imagined, spec):
    with pytest.raises(UserError, match="16 images"):
        evaluate({"generated": imagined(8, 3)}, train, test_set, spec)
    with pytest.raises(UserError, match="frequencies"):
        evaluate({"generated": imagined(60, 3)}, train, test_set, {"frames": 8})
    with pytest.raises(UserError, match="beside"):
        ImageSet.generated(train.images, train.labels.iloc[:-1])
    with pytest.raises(UserError, match="uint8"):
        ImageSet.generated(train.images.astype(float), train.labels)
