"""The streaming histogram against numpy's percentiles."""

from types import SimpleNamespace

import numpy as np
import pytest
from signal_diffusion.datasets.ranges import DecibelHistogram, Quantiser, decibel_range
from signal_diffusion.errors import UserError
from signal_diffusion.signals.images import quantise


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


def test_the_quantiser_equals_the_formula_for_every_float16():
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = values[np.isfinite(values)].reshape(4, -1)
    assert np.array_equal(Quantiser(-41.37, 22.5)(finite), quantise(finite, -41.37, 22.5))
