"""8 bits: bounds of the error, and that every level comes back to itself."""

import numpy as np
import pytest
from signal_diffusion.signals import levels
from signal_diffusion.signals.encoding import Encoder
from signal_diffusion.signals.images import quantise

SCALE = np.float32([[0.5], [20.0], [3000.0]])
STEP = np.log1p(255) / 2  # half a level in units of the logarithm, times the number of levels


def spread(rows=3, n=4000):
    """From a millionth of the scale to all of it, in each row."""
    return (10 ** np.random.default_rng(0).uniform(-6, 0, (rows, n)) * SCALE).astype(np.float32)


@pytest.mark.parametrize(
    "encode, decode, count",
    [
        (levels.signed_levels, levels.from_signed_levels, 127),
        (levels.magnitude_levels, levels.from_magnitude_levels, 255),
    ],
)
def test_errors_are_half_a_level_of_the_mu_law(encode, decode, count):
    values = spread()
    found = decode(encode(values, SCALE), SCALE)
    bound = np.expm1(STEP / count) * (values + SCALE / 255)
    assert (np.abs(found - values) <= bound * 1.001).all()
    assert encode(values, SCALE).dtype == np.uint8 and found.dtype == np.float32


def test_levels_have_a_sign_and_an_end():
    values = np.float32([[-99.0, -0.5, 0.0, 0.5, 99.0]])
    assert levels.signed_levels(values, np.float32([[0.5]])).tolist() == [[1, 1, 128, 255, 255]]
    assert levels.magnitude_levels(values[:, 2:], np.float32([[0.5]])).tolist() == [[0, 255, 255]]
    mirrored = levels.signed_levels(-spread(), SCALE).astype(int) + levels.signed_levels(spread(), SCALE)
    assert (mirrored == 256).all()


def test_every_level_comes_back_to_itself():
    all_levels = np.arange(256, dtype=np.uint8)
    signed = levels.signed_levels(levels.from_signed_levels(all_levels, 7.0), 7.0)
    assert signed.tolist() == [1, *range(1, 256)]
    assert levels.magnitude_levels(levels.from_magnitude_levels(all_levels, 7.0), 7.0).tolist() == list(
        range(256)
    )
    assert levels.phase_levels(levels.from_phase_levels(all_levels)).tolist() == list(range(256))


def test_phases_go_round():
    turns = np.float32(np.linspace(-np.pi, np.pi, 4001))
    found = levels.from_phase_levels(levels.phase_levels(turns))
    assert np.abs(np.angle(np.exp(1j * (found - turns)))).max() <= np.pi / 256 * 1.001
    assert levels.phase_levels(np.float32([-np.pi, 0, np.pi])).tolist() == [0, 128, 0]


def test_the_table_of_decibels_equals_the_formula_for_every_float16():
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    windows = values[np.isfinite(values)].reshape(16, 1, 64, 62)
    spec = {"representation": "db-only", "bins": "log", "resolution": 64, "min_db": -41.37, "max_db": 22.5}
    content = Encoder(spec)(windows)[:, :, ::-1, 1:63]
    assert np.array_equal(content, quantise(windows, -41.37, 22.5))
