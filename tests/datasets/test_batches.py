"""The order of rows: coverage, independence of history, expectation under weights."""

import numpy as np
import pytest
from signal_diffusion.datasets.batches import BatchOrder, systematic_counts


@pytest.mark.parametrize(("n", "batch"), [(10, 4), (10, 5), (3, 8), (1, 1)])
def test_every_epoch_holds_every_row_once(n, batch):
    order = BatchOrder(n, batch, seed=1)
    stream = np.concatenate([order.indices(step) for step in range(3 * n)])
    assert stream.dtype == np.int64 and all(len(order.indices(step)) == batch for step in range(4))
    for epoch in range(3):
        assert sorted(stream[epoch * n : (epoch + 1) * n]) == list(range(n))


@pytest.mark.parametrize("weights", [None, np.arange(1.0, 12.0)])
def test_a_batch_is_a_function_of_the_step_alone(weights):
    walked = BatchOrder(11, 4, seed=7, weights=weights)
    batches = [walked.indices(step) for step in range(30)]
    for step in (29, 3, 17, 0):
        assert np.array_equal(BatchOrder(11, 4, seed=7, weights=weights).indices(step), batches[step])
        assert np.array_equal(walked.indices(step), batches[step])


def test_seeds_and_epochs_differ():
    first, other = BatchOrder(50, 50, seed=1), BatchOrder(50, 50, seed=2)
    assert not np.array_equal(first.indices(0), other.indices(0))
    assert not np.array_equal(first.indices(0), first.indices(1))


def test_weighted_epochs_round_the_expectation():
    weights = np.random.default_rng(0).exponential(size=200)
    order = BatchOrder(200, 200, seed=3, weights=weights)
    expected = 200 * weights / weights.sum()
    counts = np.stack([np.bincount(order.indices(epoch), minlength=200) for epoch in range(400)])
    assert np.all(counts.sum(axis=1) == 200)
    assert np.all(np.abs(counts - expected) < 1)
    # A count is floor or ceil, so its mean over 400 epochs has a standard error of at most 0.5 / 20.
    assert np.abs(counts.mean(axis=0) - expected).max() < 0.025 * 4.5


def test_weights_of_one_draw_every_row_once():
    order = BatchOrder(64, 64, seed=0, weights=np.full(64, 0.3))
    assert sorted(order.indices(5)) == list(range(64))


@pytest.mark.parametrize("offset", [0.0, 0.5, 0.999999])
def test_systematic_counts_sum_to_the_total(offset):
    counts = systematic_counts(np.array([0.1, 0.0, 2.7, 0.2]), 1000, offset)
    assert counts.sum() == 1000 and counts[1] == 0


def test_a_row_without_weight_is_never_drawn():
    order = BatchOrder(5, 5, seed=0, weights=np.array([1, 1, 0, 1, 1.0]))
    assert 2 not in np.concatenate([order.indices(step) for step in range(50)])


@pytest.mark.parametrize(("n", "batch"), [(0, 4), (4, 0)])
def test_nothing_to_read(n, batch):
    with pytest.raises(ValueError, match="at least 1"):
        BatchOrder(n, batch, seed=0)
