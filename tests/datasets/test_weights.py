"""Weights against their definition; the old sampler's defects (seed document, A3.1) as regressions."""

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.datasets.weights import effective_size, sampling_weights
from signal_diffusion.errors import UserError


def rows(sizes, gender="FM"):
    """`sizes[dataset]` rows of each dataset, three in four of the first gender."""
    parts = [
        pd.DataFrame({"dataset": name, "gender": [gender[k % 4 == 0] for k in range(n)]})
        for name, n in sizes.items()
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("order", [("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b")])
def test_every_cell_is_drawn_equally_often_in_any_order(order):
    sizes = {"a": 148, "b": 500, "c": 1600}
    table = rows({name: sizes[name] for name in order})
    weights = sampling_weights(table, ["gender"], None).weights
    totals = pd.Series(weights).groupby([table["dataset"], table["gender"]]).sum()
    np.testing.assert_allclose(totals, len(table) / 6)
    assert weights.mean() == pytest.approx(1)


def test_a_cap_binds_and_keeps_the_mean():
    table = rows({"a": 20, "b": 2000})
    capped = sampling_weights(table, ["gender"], 5.0).weights
    free = sampling_weights(table, ["gender"], None).weights
    assert free.max() > 20 and capped.max() == pytest.approx(5)
    assert capped.mean() == pytest.approx(1)
    below = capped < 5 - 1e-9
    assert np.ptp(capped[below] / free[below]) < 1e-9
    assert np.all(sampling_weights(table, ["gender"], 1.0).weights == pytest.approx(1))


def test_a_cap_below_one_is_refused():
    with pytest.raises(UserError, match="must be 1 or more"):
        sampling_weights(rows({"a": 20}), ["gender"], 0.5)


def test_effective_size():
    assert effective_size(np.ones(7)) == 7
    assert effective_size(np.array([1.0, 0.0, 0.0])) == 1
    assert effective_size(np.array([3.0, 1.0])) == 1.6


def test_cells_report_counts_and_weights():
    weighting = sampling_weights(rows({"a": 8}), ["gender"], None)
    cells = [(cell.dataset, cell.classes, cell.windows, cell.weight) for cell in weighting.cells]
    assert cells == [("a", ("F",), 6, pytest.approx(8 / 12)), ("a", ("M",), 2, pytest.approx(2))]
    assert weighting.effective == pytest.approx(64 / (6 * (8 / 12) ** 2 + 2 * 4))


def test_unknown_is_a_class_and_age_counts_in_decades():
    table = pd.DataFrame({"dataset": "a", "gender": ["F", "", "F"], "age": ["29", "20", "31"]})
    cells = sampling_weights(table, ["gender", "age"], None).cells
    assert [cell.classes for cell in cells] == [("F", "20-29"), ("F", "30-39"), ("unknown", "20-29")]


def test_composite_tasks_and_missing_columns():
    table = pd.DataFrame({"dataset": "a", "gender": ["F", "M"], "activity": ["rest", "rest"]})
    cells = sampling_weights(table, ["math_condition"], None).cells
    assert [cell.classes for cell in cells] == [("rest-F",), ("rest-M",)]
    with pytest.raises(UserError, match="emotion needs column emotion"):
        sampling_weights(table, ["emotion"], None)


def test_no_tasks_equalise_datasets():
    weights = sampling_weights(rows({"a": 10, "b": 30}), [], None).weights
    np.testing.assert_allclose(np.unique(weights), [40 / 60, 2])
