import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.signals.images import (
    content_columns,
    decibels,
    dequantise,
    half_precision,
    quantise,
    tile,
    untile,
)


def test_decibels():
    power = np.array([1.0, 100.0, 0.01, 0.0], np.float32)
    np.testing.assert_allclose(decibels(power), [0, 20, -20, -40], atol=1e-5)


def test_half_precision_equals_numpy():
    rng = np.random.default_rng(0)
    wide = rng.choice([-1, 1], 20000) * 10 ** rng.uniform(-4, 4.8, 20000)
    ties = (1 + (np.arange(64) + 0.5) / 1024) * 2.0 ** np.arange(-14, 15)[:, None]
    values = np.concatenate([wide, ties.ravel(), -ties.ravel(), [0.0, 65504.0]]).astype(np.float32)
    assert np.array_equal(half_precision(values), values.astype(np.float16))
    assert np.array_equal(half_precision(np.float32([[6e-5, -1e-9]])), [[0, 0]])


def test_tiles_stand_side_by_side_with_low_frequencies_at_the_bottom():
    windows = np.zeros((2, 3, 8, 2), np.uint8)
    windows[1, 2, 0, 1] = 200  # window 1, last channel, lowest row, last frame
    windows[0, 0, 7, 0] = 100  # window 0, first channel, highest row, first frame
    images = tile(windows, 8)
    assert images.shape == (2, 8, 8) and images.dtype == np.uint8
    assert images[1, 7, 6] == 200 and images[0, 0, 1] == 100
    assert images.sum(dtype=int) == 300


def test_columns_beside_the_channels_are_black():
    images = tile(np.full((1, 19, 256, 13), 255, np.uint8), 256)
    columns = content_columns(256, 19, 13)
    assert columns == slice(4, 251)
    assert (images[:, :, columns] == 255).all()
    assert images.sum(dtype=int) == 255 * 256 * 247


def test_untile_undoes_tile():
    windows = np.random.default_rng(0).integers(0, 256, (4, 5, 64, 12)).astype(np.uint8)
    assert np.array_equal(untile(tile(windows, 64), 5, 12), windows)


def test_too_many_channels_are_refused():
    with pytest.raises(UserError, match="spectrogram.resolution"):
        content_columns(64, 20, 4)
    with pytest.raises(UserError, match="rows"):
        tile(np.zeros((1, 2, 32, 4)), 64)


def test_quantise_rounds_and_clips():
    db = np.array([-50, -40, -39.93, -39.91, 0, 19.91, 19.93, 20, 90], np.float32)
    step = 60 / 255
    expected = np.clip(np.floor((db.astype(float) + 40) / step + 0.5), 0, 255)
    assert quantise(db, -40, 20).tolist() == expected.tolist()


def test_dequantise_is_within_half_a_level():
    db = np.random.default_rng(1).uniform(-40, 20, 5000).astype(np.float16)
    levels = quantise(db, -40, 20)
    assert levels.dtype == np.uint8
    assert np.abs(dequantise(levels, -40, 20) - db.astype(np.float32)).max() <= 30 / 255 + 1e-4
    assert np.array_equal(quantise(dequantise(np.arange(256), -40, 20), -40, 20), np.arange(256))


def test_an_empty_range_is_refused():
    with pytest.raises(UserError, match="min_db"):
        quantise(np.zeros(3), 5, 5)
