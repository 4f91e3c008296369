"""Sets against one reference: shares closed, the mean that they share, and what is said of the default."""

import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.metrics.features import feature_spaces
from signal_diffusion.metrics.frontier import closed, compare_paired, judge, qualities, rows_of, verdict


def shares(**values):
    return {name: np.full(5, value) for name, value in values.items()}


def distances(**values):
    baselines = {"pixel_gaussian": 9.0, "phase_shuffled": 4.0, "pixel_shuffled": 8.0, "untrained": 5.0}
    return shares(floor=2.0, **baselines, **values)


def test_the_way_closed_is_0_at_the_best_baseline_and_1_at_the_floor():
    found = closed(distances(generated=2.0, far=4.0, half=3.0, beyond=1.0))
    assert {name: values[0] for name, values in found.items()} == {
        "generated": 1, "far": 0, "half": 0.5, "beyond": 1.5
    }  # fmt: skip


def test_there_is_no_way_to_close_where_real_images_are_no_nearer_than_a_baseline():
    poor = distances(generated=90.0) | shares(floor=5.0)
    assert np.isnan(closed(poor)["generated"]).all()
    good = distances(generated=3.0)
    assert qualities({("a", "mmd"): poor, ("a", "frechet"): good})["generated"][0] == 0.5
    with pytest.raises(UserError, match="quality cannot be measured"):
        qualities({("a", "mmd"): poor})


def test_quality_is_the_mean_over_spaces_and_distances():
    found = qualities({("a", "mmd"): distances(generated=2.0), ("a", "frechet"): distances(generated=4.0)})
    assert found["generated"][0] == pytest.approx(0.5)


def test_the_default_is_near_the_best_at_a_fifth_of_its_calls():
    said = verdict(
        shares(generated=0.96, long=1.0, short=0.5), {"generated": 10, "long": 50, "short": 2}, "generated", 9
    )
    assert (said["best"], said["fewest"], said["near"], said["a_fifth"]) == ("long", "generated", True, True)
    assert said["ratio"]["value"] == pytest.approx(0.96)


def test_a_default_that_is_too_far_or_too_slow_is_told_so():
    said = verdict(shares(generated=0.9, long=1.0), {"generated": 20, "long": 50}, "generated", 9)
    assert (said["near"], said["a_fifth"], said["fewest"]) == (False, False, "long")


def test_of_equal_sets_the_one_with_fewer_calls_is_the_best():
    said = verdict(shares(generated=1.0, long=1.0), {"generated": 10, "long": 50}, "generated", 9)
    assert said["best"] == "generated"


def test_equal_sets_differ_by_nothing_in_any_replicate(recorded, imagined, spec):
    train, reference = recorded(48, 2, 1), recorded(24, 2, 2)
    generated, noisy = imagined(96, 3), imagined(96, 4, strength=0.0)
    comparison = compare_paired({"generated": generated, "again": generated}, noisy, train, reference, 10, 0)
    found = judge(comparison, feature_spaces(spec), train)
    for values in found.values():
        assert np.array_equal(values["generated"], values["again"])
    quality = qualities(found)
    assert verdict(quality, {"generated": 1, "again": 2}, "again", 24)["ratio"] == {
        "value": 1.0, "low": 1.0, "high": 1.0
    }  # fmt: skip
    assert len(rows_of(found, ["generated", "again"], 24)) == 4
