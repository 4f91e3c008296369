"""Zero-phase filters against scipy's recursive ones, run forwards and backwards."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import signal
from signal_diffusion.config.quality import Filter
from signal_diffusion.signals.filters import _quick_length, filtered, gain, harmonics

FREQUENCIES = np.linspace(0, 62.5, 1001)
FILTERS = {
    "notch": (Filter(notch=50.0), [signal.tf2sos(*signal.iirnotch(50, 25, fs=125))]),
    "narrow notch": (
        Filter(notch=20.0, notch_width=0.5),
        [signal.tf2sos(*signal.iirnotch(line, line / 0.5, fs=125)) for line in (20, 40, 60)],
    ),
    "high-pass": (Filter(highpass=0.5), [signal.butter(4, 0.5, "highpass", fs=125, output="sos")]),
    "low-pass": (Filter(lowpass=40.0, order=6), [signal.butter(6, 40, "lowpass", fs=125, output="sos")]),
    "band": (
        Filter(highpass=1.0, lowpass=30.0, order=2),
        [signal.butter(2, 1, "highpass", fs=125, output="sos"), signal.butter(2, 30, fs=125, output="sos")],
    ),
}


@pytest.fixture
def walk():
    return np.random.default_rng(0).standard_normal((3, 9001)).cumsum(axis=1).astype(np.float32)


@pytest.mark.parametrize("name", FILTERS)
def test_gains_are_those_of_scipy_run_both_ways(name):
    filters, sections = FILTERS[name]
    _, response = signal.sosfreqz(np.concatenate(sections), FREQUENCIES, fs=125)
    np.testing.assert_allclose(gain(FREQUENCIES, filters, 125), np.abs(response) ** 2, atol=1e-9)


@pytest.mark.parametrize("name", FILTERS)
def test_signals_are_those_of_scipy_run_both_ways(name, walk):
    filters, sections = FILTERS[name]
    expected = signal.sosfiltfilt(np.concatenate(sections), walk.astype(np.float64), axis=1, padlen=3000)
    made = filtered(walk, filters, 125.0)
    assert made.shape == walk.shape and made.dtype == np.float32
    inner = slice(1500, -1500)
    np.testing.assert_allclose(made[:, inner], expected[:, inner], atol=2e-4 * walk.std())
    # At the ends both continue the signal by its reflection, for different times.
    assert np.abs(made - expected).max() < 0.1 * walk.std()


def test_edges_lie_at_minus_6_db():
    filters = Filter(notch=50.0, notch_width=2.0, highpass=0.5, lowpass=30.0)
    remains = gain(np.array([0.0, 0.5, 10.0, 30.0, 50.0]), filters, 125)
    np.testing.assert_allclose(remains, [0, 0.5, 1, 0.5, 0], atol=0.01)


def test_nothing_is_delayed():
    impulse = np.zeros((1, 1001), np.float32)
    impulse[0, 500] = 1
    response = filtered(impulse, Filter(notch=50.0, highpass=1.0, lowpass=30.0), 125.0)[0]
    np.testing.assert_allclose(response, response[::-1], atol=1e-6)


def test_the_line_and_its_harmonics_go_and_the_rest_stays():
    time = np.arange(20000) / 500
    wanted = np.sin(2 * np.pi * 10 * time)
    line = sum(np.sin(2 * np.pi * f * time + f) for f in (50, 100, 150, 200))
    made = filtered((wanted + 5 * line)[None].astype(np.float32), Filter(notch=50.0), 500.0)[0]
    assert np.abs(made - wanted)[1000:-1000].max() < 0.01


def test_harmonics_end_below_the_nyquist_frequency():
    assert harmonics(50.0, 125) == [50] and harmonics(50.0, 300) == [50, 100] and harmonics(None, 125) == []


def test_without_filters_nothing_is_copied(walk):
    assert filtered(walk, Filter(), 125.0) is walk


def test_short_and_long_signals(walk):
    for samples in (1, 2, 60, 4999):
        assert np.isfinite(filtered(walk[:, :samples], Filter(highpass=0.5), 125.0)).all()


def test_lengths_are_the_next_that_transform_quickly():
    for samples in (1, 7, 1025, 22751, 91001):
        candidates = [2**a * 3**b * 5**c for a in range(18) for b in range(12) for c in range(8)]
        assert _quick_length(samples) == min(each for each in candidates if each >= samples)


def test_filters_need_no_scipy():
    program = (
        "import sys, numpy; from signal_diffusion.config.quality import Filter;"
        "from signal_diffusion.signals.filters import filtered;"
        "filtered(numpy.ones((1, 500), 'f4'), Filter(notch=50.0, highpass=1.0), 125.0);"
        "assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})
