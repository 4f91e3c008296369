"""The best weights by any score, lower or higher, and how many of them."""

import math

import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.training.selection import Best


def offered(values, **arguments):
    best = Best("score", **arguments)
    for step, value in enumerate(values):
        best.offer(step, {"score": value}, {"w": torch.tensor([float(step)])})
    return best


@pytest.mark.parametrize(
    ("better", "steps"),
    [("min", [3, 1, 4]), ("max", [2, 0, 6])],
)
def test_the_best_are_kept_in_order_and_of_equals_the_first(better, steps):
    best = offered([5.0, 1.0, 9.0, 0.0, 1.0, 1.0, 5.0], better=better, count=3)
    assert [kept.step for kept in best.kept] == steps
    states = best.states()
    assert list(states) == ["best", "best-2", "best-3"]
    assert [float(state["w"]) for state in states.values()] == steps


def test_a_larger_error_is_never_better():
    """Selection on the sum of accuracies and errors preferred the larger error of ages."""
    assert offered([4.0, 9.0, 12.0], better="min").kept[0].step == 0
    assert offered([-4.0, -9.0, -12.0], better="max").kept[0].step == 0


def test_nan_is_never_best_and_wears_patience_out():
    best = offered([math.nan, 2.0, math.nan, math.nan], better="max", count=2, patience=2)
    assert [kept.step for kept in best.kept] == [1]
    assert best.exhausted


def test_a_second_best_wears_patience_out_too():
    best = offered([1.0, 2.0, 1.5, 1.6], better="max", count=3, patience=2)
    assert best.exhausted and [kept.step for kept in best.kept] == [1, 3, 2]


def test_the_kept_are_copies_and_come_back():
    best, weights = Best("score", "max", 2), {"w": torch.ones(1)}
    best.offer(1, {"score": 1.0}, weights)
    weights["w"].add_(1)
    best.offer(2, {"score": 2.0}, weights)
    again = Best("score", "max", 2)
    again.load(best.state_dict(), best.states())
    assert again.kept == best.kept and float(again.kept[1].weights["w"]) == 1.0
    assert again.state_dict() == best.state_dict()


def test_the_score_must_be_there():
    with pytest.raises(UserError, match="highest val/f1, but the evaluation gives val/loss"):
        Best("val/f1", "max").offer(1, {"val/loss": 1.0}, {})
