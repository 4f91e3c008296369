"""Streamed statistics against numpy's over all windows."""

from types import SimpleNamespace

import numpy as np
import pytest
from signal_diffusion.datasets.ranges import DecibelHistogram, RowHistogram, SeriesStatistics, decibel_range
from signal_diffusion.errors import UserError


@pytest.mark.parametrize("q", [0, 0.5, 12.3, 50, 99.5, 100])
@pytest.mark.parametrize("n", [1, 2, 7, 5000])
def test_percentiles_equal_numpy(q, n):
    values = np.random.default_rng(n).normal(-10, 20, n).astype(np.float16)
    histogram = DecibelHistogram()
    for part in np.array_split(values, 3):
        histogram.add(part)
    assert histogram.percentile(q) == pytest.approx(np.percentile(values.astype(np.float64), q), abs=1e-9)


def test_signed_zeros_and_ties():
    histogram = DecibelHistogram()
    histogram.add(np.array([[0.0, -0.0], [-1.0, 1.0]], dtype=np.float16))
    assert [histogram.percentile(q) for q in (0, 50, 100)] == [-1, 0, 1]


def test_configured_ends_win_and_empty_ranges_are_refused():
    histogram = DecibelHistogram()
    histogram.add(np.arange(101, dtype=np.float16))
    keys = dict(min_db=None, max_db=None, lower_percentile=10, upper_percentile=90)
    assert decibel_range(SimpleNamespace(**keys), histogram) == (10, 90)
    assert decibel_range(SimpleNamespace(**keys | {"min_db": -40.0}), histogram) == (-40, 90)
    with pytest.raises(UserError, match="min_db 95.0 is not below max_db 90.0"):
        decibel_range(SimpleNamespace(**keys | {"min_db": 95.0}), histogram)


def test_row_percentiles_are_within_a_bin_of_numpys():
    rng = np.random.default_rng(0)
    windows = (rng.standard_normal((6, 4, 3, 50)) * [[0.01], [1.0], [300.0]]).astype(np.float16)
    histogram = RowHistogram(3)
    for part in np.array_split(windows, 4):
        histogram.add(part)
    magnitudes = np.abs(windows.astype(np.float64)).transpose(2, 0, 1, 3).reshape(3, -1)
    for q in (50, 99, 99.95):
        expected = np.percentile(magnitudes, q, axis=1, method="inverted_cdf")
        found = histogram.percentile(q)
        assert (found >= expected).all() and (found <= expected * (1 + 1 / 128) + 1e-7).all()


def test_rows_without_a_signal_have_a_scale_all_the_same():
    histogram = RowHistogram(2)
    histogram.add(np.zeros((1, 1, 2, 5), np.float16))
    assert 0 < min(histogram.percentile(99.95)) < 1e-6
    assert RowHistogram(1).percentile(50)[0] > 0


def test_moments_of_series_equal_numpys():
    windows = (np.random.default_rng(1).standard_normal((7, 3, 200)) * 30 + 5).astype(np.float32)
    windows[:, 2] = 0
    statistics = SeriesStatistics()
    for part in np.array_split(windows, 3):
        statistics.add(part)
    scales = statistics.numbers()["scales"]
    assert scales["mean"] == pytest.approx(windows.mean(axis=(0, 2), dtype=float), abs=1e-9)
    assert scales["sd"] == pytest.approx([*windows[:, :2].std(axis=(0, 2), dtype=float), 1.0])
