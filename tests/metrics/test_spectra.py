"""Features and measures against spectra that are known."""

import numpy as np
import pytest
from signal_diffusion.metrics import baselines
from signal_diffusion.metrics.features import Standardiser, spectral_features
from signal_diffusion.metrics.spectra import MEASURES, alpha_peak, decibels, measures
from signal_diffusion.signals.images import quantise, tile

FREQUENCIES = np.geomspace(1, 60, 64)


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    return np.random.default_rng(0).normal(5, 8, (6, 8, 64, 8))


def test_decibels_undo_the_image(windows, spec):
    images = quantise(tile(windows, 64), spec["min_db"], spec["max_db"])[:, None]
    assert np.abs(decibels(images, spec) - windows).max() <= 0.5 * 90 / 255 + 1e-4


def test_features_are_band_powers_then_spectrum_then_variability(windows, spec):
    images = quantise(tile(windows, 64), spec["min_db"], spec["max_db"])[:, None]
    features = spectral_features(images, spec)
    alpha = (FREQUENCIES >= 7) & (FREQUENCIES < 13)
    assert features[3, 2 * 5 + 2] == pytest.approx(windows[3, 2, alpha].mean(), abs=0.1)
    variability = windows[:, :, alpha].mean(axis=2).std(axis=2).mean(axis=1)
    assert features[:, -3] == pytest.approx(variability, abs=0.1)
    spectrum = features[:, 40:-5]
    assert spectrum.shape[1] == 24
    assert spectrum.mean() == pytest.approx(windows.mean(), abs=0.3)


def test_features_see_what_an_average_spectrum_does_not(windows, spec):
    """Swapping two channels or smoothing over time leaves the mean spectrum and moves the features."""
    loud = windows + np.arange(8)[None, :, None, None]
    variants = loud[:, ::-1], np.broadcast_to(loud.mean(axis=3, keepdims=True), loud.shape)
    images = [quantise(tile(one, 64), spec["min_db"], spec["max_db"])[:, None] for one in (loud, *variants)]
    plain, swapped, smooth = (spectral_features(one, spec).mean(axis=0) for one in images)
    assert np.abs(plain - swapped)[:40].max() > 5
    assert (plain - smooth)[-5:].min() > 0.5


@pytest.mark.parametrize("peak", [8.5, 9.5, 10.5, 11.5])
@pytest.mark.parametrize("slope", [5.0, 15.0, 25.0])
def test_alpha_peak_is_found_whatever_the_slope(peak, slope):
    spectrum = 20 - slope * np.log10(FREQUENCIES) + 8 * np.exp(-0.5 * ((FREQUENCIES - peak) / 0.9) ** 2)
    assert alpha_peak(spectrum, FREQUENCIES) == pytest.approx(peak, abs=0.25)


def test_measures_of_unreached_bands_are_nan():
    low = np.linspace(1, 12, 64)
    values = dict(zip(MEASURES, measures(np.zeros(64), low), strict=True))
    assert values["alpha"] == 0 and np.isnan(values["beta"]) and np.isnan(values["gamma"])


def test_standardiser_keeps_a_constant_feature_from_exploding():
    training = np.random.default_rng(0).normal(size=(200, 6))
    training[:, 2] = 1.0
    fitted = Standardiser.fit(training, 40)
    assert fitted.axes.shape == (6, 6)
    assert np.isfinite(fitted.standardise(training + 0.1)).all()
    assert Standardiser.fit(np.random.default_rng(0).normal(size=(200, 60)), 40).axes.shape == (60, 10)
    other = np.delete(fitted.standardise(training), 2, axis=1)
    assert other.std(axis=0) == pytest.approx(np.ones(5))


def test_baselines_keep_what_they_promise():
    rng = np.random.default_rng(1)
    images = np.clip(rng.normal(128, 20, (400, 1, 16, 16)) + 30 * np.sin(np.arange(16)), 0, 255).astype(
        np.uint8
    )
    shuffled = baselines.pixel_shuffled(images, rng)
    assert (np.sort(shuffled.reshape(400, -1)) == np.sort(images.reshape(400, -1))).all()
    assert (shuffled != images).mean() > 0.9
    phases = baselines.phase_shuffled(images, rng).astype(float)
    power = [np.abs(np.fft.fft2(one - one.mean((2, 3), keepdims=True))) ** 2 for one in (phases, images)]
    assert power[0].mean(0) == pytest.approx(power[1].mean(0), rel=0.15, abs=power[1].mean() * 0.05)
    assert np.abs(phases.mean((2, 3)) - images.mean((2, 3))).max() < 1.5
    drawn = baselines.pixel_gaussian(images, 400, rng)
    assert drawn.mean(0) == pytest.approx(images.mean(0), abs=6)
    correlation = np.corrcoef(drawn.reshape(400, -1)[:, :20].T) - np.eye(20)
    assert np.abs(correlation).max() < 0.25
