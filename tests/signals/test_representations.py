"""What a shard holds in each representation, against the transform and against each other."""

from types import SimpleNamespace

import numpy as np
import pytest
from signal_diffusion.files import sha256
from signal_diffusion.signals.representations import REPRESENTATIONS, series_windows, spectrogram_windows
from signal_diffusion.signals.shards import read_shard
from signal_diffusion.signals.stft import Stft

from .test_shards import SIGNAL, make, noise, write_edf

STARTS = np.array([0, 1024, 1500])


@pytest.fixture
def data():
    return (20 * np.random.default_rng(0).standard_normal((5, 4000))).astype(np.float32)


@pytest.fixture
def stft():
    return Stft(64, 5, 2048, 125.0)


def test_planes_are_the_coefficients(data, stft):
    coefficients = stft.transform(data, STARTS)
    iq, _ = spectrogram_windows(stft, data, STARTS, "db-iq")
    polar, _ = spectrogram_windows(stft, data, STARTS, "db-polar")
    assert iq.shape == polar.shape == (3, 3, 5, 64, 12) and iq.dtype == polar.dtype == np.float16
    iq, polar = iq.astype(np.float64), polar.astype(np.float64)
    tolerance = 2.0**-11 * np.abs(coefficients)  # of a float16
    assert (np.abs(iq[:, 1] + 1j * iq[:, 2] - coefficients) <= 2 * tolerance + 1e-4).all()
    found = polar[:, 1] * np.exp(1j * polar[:, 2])
    assert (np.abs(found - coefficients) <= 4 * tolerance + 1e-4).all()


def test_decibels_are_the_same_in_every_representation(data, stft):
    db, *others = (
        spectrogram_windows(stft, data, STARTS, kind)[0] for kind in ("db-only", "db-iq", "db-polar")
    )
    for windows in others:
        assert np.array_equal(windows[:, 0], db)


@pytest.mark.parametrize("kind, names", [("db-only", ["dB"]), ("db-iq", ["dB", "I", "Q"])])
def test_ranges_are_those_of_each_row(data, stft, kind, names):
    windows, ranges = spectrogram_windows(stft, data, STARTS, kind)
    planes = windows.astype(np.float64).reshape(3, -1, 5, 64, 12)
    assert list(ranges) == names
    for number, name in enumerate(names):
        rows = np.moveaxis(planes[:, number], 2, 0).reshape(64, -1)
        np.testing.assert_allclose(ranges[name]["low"], rows.min(axis=1), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(ranges[name]["high"], rows.max(axis=1), rtol=1e-3, atol=1e-4)


def test_values_beyond_a_float16_are_clipped(stft):
    data = np.zeros((1, 2048), np.float32)
    data[0, 1024:] = 1e7  # a step of 10 V
    for kind in ("db-iq", "db-polar"):
        windows, _ = spectrogram_windows(stft, data, np.zeros(1, np.int64), kind)
        assert np.isfinite(windows).all() and windows[:, 1].max() == 65504


def test_series_are_the_signal(data):
    windows, ranges = series_windows(data, STARTS, 2048)
    assert windows.shape == (3, 5, 2048) and windows.dtype == np.float32
    for window, start in zip(windows, STARTS, strict=True):
        assert np.array_equal(window, data[:, start : start + 2048])
    assert ranges["timeseries"]["high"] == pytest.approx(windows.max(axis=(0, 2)), rel=1e-4)


@pytest.mark.parametrize("kind", REPRESENTATIONS)
def test_a_shard_says_what_it_holds_and_has_the_same_bytes_again(tmp_path, kind):
    source = write_edf(tmp_path / "a.edf", noise())
    for name in ("one", "two"):
        make(source, tmp_path / name, representation=kind)
    assert sha256(tmp_path / "one") == sha256(tmp_path / "two")
    shard = read_shard(tmp_path / "one")
    image = kind != "timeseries"
    assert shard.meta["representation"] == kind and ("frequencies" in shard.meta) == image
    planes = {"db-only": (), "db-iq": (3,), "db-polar": (3,)}
    expected = (3, *planes[kind], 8, 64, 8) if image else (3, 8, 2048)
    assert shard.windows.shape == expected
    assert all(len(ends["low"]) == (64 if image else 8) for ends in shard.meta["scales"].values())


@pytest.mark.parametrize("kind", REPRESENTATIONS)
def test_a_refused_recording_has_a_shard_of_its_kind(tmp_path, kind):
    shapes = [
        make(write_edf(tmp_path / "a.edf", noise(seconds)), tmp_path / "a", representation=kind).windows.shape
        for seconds in (10, 40)
    ]
    assert shapes[0] == (0, *shapes[1][1:])


def test_log_legacy_shards_keep_every_digit(tmp_path):
    legacy = SimpleNamespace(resolution=64, bins="log-legacy", hop_step=4)
    signal = SimpleNamespace(**vars(SIGNAL) | {"nsamps": 2000})
    shard = make(write_edf(tmp_path / "a.edf", noise()), tmp_path / "a", signal=signal, spectrogram=legacy)
    assert shard.windows.dtype == np.float64 and shard.windows.shape[1:] == (8, 64, 8)
    assert -130 < np.median(shard.windows) < -60
