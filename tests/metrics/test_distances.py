"""Distances against their definitions, and what makes them fair."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from signal_diffusion.metrics.distances import cubic, frechet, gaussian, mean_gap, mmd
from signal_diffusion.metrics.resampling import estimate, group_weights

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(60, 5)), RNG.normal(0.4, 1.5, size=(50, 5))
ONES = np.ones((1, 60)), np.ones((1, 50))
ALONE = np.arange(60), np.arange(50)


def test_kid_is_the_published_unbiased_estimate():
    value = 0.0
    for rows, other in ((X, X), (Y, Y)):
        pairs = [(a @ b / 5 + 1) ** 3 for i, a in enumerate(rows) for j, b in enumerate(other) if i != j]
        value += np.mean(pairs)
    value -= 2 * np.mean([(a @ b / 5 + 1) ** 3 for a in X for b in Y])
    assert mmd(cubic, X, Y, ALONE, ONES)[0] == pytest.approx(value, rel=1e-10)


def test_frechet_is_the_textbook_formula():
    root = sqrtm(np.cov(X, rowvar=False) @ np.cov(Y, rowvar=False)).real
    expected = ((X.mean(0) - Y.mean(0)) ** 2).sum()
    expected += np.trace(np.cov(X, rowvar=False) + np.cov(Y, rowvar=False) - 2 * root)
    assert frechet(X, Y, ONES)[0] == pytest.approx(expected, rel=1e-8)


def test_frechet_of_a_degenerate_set_is_finite_and_zero_to_itself():
    flat = np.repeat(RNG.normal(size=(1, 5)), 60, axis=0)
    assert frechet(flat, flat, (ONES[0], ONES[0]))[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kernel", [cubic, gaussian(10.0)])
def test_integer_weights_are_copies_whose_pairs_do_not_count(kernel):
    counts = RNG.integers(0, 3, 60)
    copies = np.repeat(np.arange(60), counts)
    weighted = mmd(kernel, X, Y, ALONE, (counts[None].astype(float), ONES[1]))
    copied = mmd(kernel, X[copies], Y, (copies, ALONE[1]), (np.ones((1, len(copies))), ONES[1]))
    assert weighted[0] == pytest.approx(copied[0], rel=1e-9)


def test_weighted_frechet_and_mean_gap_are_those_of_copies():
    counts = RNG.integers(0, 3, 60)
    copies, weights = X[np.repeat(np.arange(60), counts)], (counts[None].astype(float), ONES[1])
    expected = frechet(copies, Y, (np.ones((1, len(copies))), ONES[1]))
    assert frechet(X, Y, weights)[0] == pytest.approx(expected[0], rel=1e-9)
    assert mean_gap(X, Y, weights)[0] == pytest.approx(np.abs(copies.mean(0) - Y.mean(0)).mean())


def test_subjects_do_not_bias_the_kernel_distance():
    """Two draws of subjects from one population are zero apart on average; window pairs say otherwise."""
    fair, naive = [], []
    groups = np.repeat(np.arange(8), 6)
    for _ in range(150):
        x, y = (np.repeat(RNG.normal(size=(8, 4)), 6, axis=0) + RNG.normal(0, 0.3, (48, 4)) for _ in "xy")
        ones = np.ones((1, 48)), np.ones((1, 48))
        fair.append(mmd(gaussian(8.0), x, y, (groups, groups), ones)[0])
        naive.append(mmd(gaussian(8.0), x, y, (np.arange(48), np.arange(48)), ones)[0])
    error = np.std(fair) / np.sqrt(150)
    assert abs(np.mean(fair)) < 3 * error
    assert np.mean(naive) > 10 * error


def test_bootstrap_draws_whole_groups():
    groups = np.array([4, 4, 9, 9, 9, 1])
    weights = group_weights(groups, 500, np.random.default_rng(0))
    assert (weights[0] == 1).all()
    assert (weights[:, 0] == weights[:, 1]).all() and (weights[:, 2] == weights[:, 4]).all()
    assert (weights[:, [0, 2, 5]].sum(axis=1) == 3).all()
    assert weights[1:].mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("subjects", [6, 30])
def test_interval_covers_a_mean_over_subjects(subjects):
    covered, groups = 0, np.repeat(np.arange(subjects), 4)
    for seed in range(400):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.normal(size=subjects), 4) + rng.normal(0, 0.2, len(groups))
        weights = group_weights(groups, 200, rng)
        interval = estimate(weights @ values / weights.sum(axis=1), subjects)
        covered += interval["low"] < 0 < interval["high"]
    assert 364 <= covered <= 396


def test_two_subjects_give_a_kernel_distance_without_an_interval():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 3))
    groups = np.arange(40), np.repeat([0, 1], 20)
    weights = tuple(group_weights(one, 100, rng) for one in groups)
    found = estimate(mmd(gaussian(3.0), x, y, groups, weights), 2)
    assert found["value"] is not None and found["low"] is None and "few subjects" in found["unknown"]


def test_estimate_of_nothing_finite_is_none():
    found = estimate(np.array([np.nan, 1.0]), 9)
    assert (found["value"], found["low"], found["high"]) == (None, None, None) and found["unknown"]
    assert estimate(np.array([0.1, -5.0, 0.1, 9.0]), 9, least=0)["low"] == 0
