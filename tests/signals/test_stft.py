"""The transform against scipy, against the direct sum, and against signals of known density."""

import numpy as np
import pytest
from scipy.signal import ShortTimeFFT, get_window
from signal_diffusion.errors import UserError
from signal_diffusion.signals.scales import linear_scale, log_scale
from signal_diffusion.signals.stft import Stft

FS = 125.0


def noise(channels, samples, seed=0):
    return np.random.default_rng(seed).standard_normal((channels, samples)).astype(np.float32)


def direct(stft, frame):
    """Definition of every row, one sample at a time in float64."""
    coefficients = []
    time = np.arange(stft.window) - stft.window // 2
    for frequency, length in zip(stft.frequencies, stft.lengths, strict=True):
        taper = np.zeros(stft.window)
        inside = slice((stft.window - length) // 2, (stft.window + length) // 2)
        taper[inside] = get_window("hann", length)
        wave = taper * np.exp(-2j * np.pi * frequency * time / stft.fs)
        wave -= taper * wave.sum() / taper.sum()
        energy = np.sum(np.abs(wave) ** 2)
        coefficients.append(np.sum(wave * frame) * np.sqrt(2 / (stft.fs * energy)))
    return np.array(coefficients)


@pytest.mark.parametrize("bins", ["log", "linear"])
def test_rows_equal_the_direct_sum(bins):
    stft = Stft(64, 5, 1024, FS, window=256, bins=bins)
    data = 20 * noise(5, 3000)
    starts = np.array([0, 512, 1333])
    windows = stft.transform(data, starts)
    assert windows.shape == (3, 5, 64, 12) and windows.dtype == np.complex64
    for n, channel, frame in [(0, 0, 0), (1, 3, 5), (2, 4, 11)]:
        first = starts[n] + stft.offsets[frame]
        expected = direct(stft, data[channel, first : first + 256].astype(np.float64))
        np.testing.assert_allclose(
            windows[n, channel, :, frame], expected, atol=2e-5 * np.abs(expected).max()
        )


def test_linear_rows_equal_scipy_where_the_bins_coincide():
    window, hop = 512, 128
    stft = Stft(256, 19, 2048, FS, bins="linear", fmin=FS / 512)
    assert stft.hop == hop and np.allclose(stft.frequencies, np.arange(1, 257) * FS / 512)
    assert (stft.lengths == window).all()
    data = noise(19, 2048)
    reference = ShortTimeFFT(
        get_window("hann", window), hop, FS, fft_mode="onesided2X", scale_to="psd", phase_shift=None
    )
    expected = reference.stft_detrend(data, None, p0=2, p1=15)  # the slices that lie wholly inside
    ours = stft.transform(data, np.array([0]))[0]
    inner = slice(
        1, 255
    )  # bin 1 touches the offset that our rows leave out; the last is scipy's unpaired bin
    np.testing.assert_allclose(np.abs(ours[:, inner]), np.abs(expected[:, 2:256]), rtol=1e-3, atol=1e-5)


def test_shared_frames_equal_frames_computed_alone():
    stft = Stft(256, 19, 2048, FS)
    data = noise(19, 4096)
    positions, index = stft.locate(np.array([0, 1024, 2048]))
    assert len(positions) == 29 and index.shape == (3, 13)
    alone = stft.transform(data[:, 1024:3072], np.array([0]))
    np.testing.assert_allclose(stft.transform(data, np.array([1024])), alone, atol=1e-5)
    together = stft.transform(data, np.array([0, 1024, 2048]))[1]
    np.testing.assert_allclose(together, alone[0], atol=1e-5)


@pytest.mark.parametrize(
    "resolution, channels, nsamps, window",
    [(256, 19, 2048, 512), (64, 8, 2048, 512), (512, 19, 2048, 1024), (32, 32, 600, 256), (16, 5, 512, 512)],
)
@pytest.mark.parametrize("bins", ["log", "linear"])
def test_frames_lie_inside_the_window_and_rows_span_the_band(resolution, channels, nsamps, window, bins):
    stft = Stft(resolution, channels, nsamps, FS, window=window, bins=bins)
    assert len(stft.offsets) == stft.frames == resolution // channels
    assert stft.offsets[0] >= 0 and stft.offsets[-1] + window <= nsamps
    assert stft.offsets[0] + stft.offsets[-1] + window in (nsamps - 1, nsamps)
    assert (np.diff(stft.offsets) == stft.hop).all()
    assert stft.frequencies[0] == 0.5 and stft.frequencies[-1] == 62.5
    assert (np.diff(stft.frequencies) > 0).all()


@pytest.mark.parametrize("bins", ["log", "linear"])
@pytest.mark.parametrize("resolution, channels", [(256, 19), (64, 8)])
def test_white_noise_reads_flat_at_its_density(bins, resolution, channels):
    sigma, n = 7.0, 200_000
    data = sigma * noise(1, n, seed=3)
    stft = Stft(resolution, channels, 2048, FS, bins=bins)
    starts = np.arange(0, n - 2048, 1024)
    density = np.mean(np.abs(stft.transform(data, starts)) ** 2, axis=(0, 1, 3))
    expected = 2 * sigma**2 / FS
    np.testing.assert_allclose(density, expected, rtol=0.25)
    assert abs(density.mean() / expected - 1) < 0.02


@pytest.mark.parametrize("frequency", [3.0, 6.1, 10.4, 21.0, 40.3])
@pytest.mark.parametrize("bins", ["log", "linear"])
def test_a_sine_peaks_in_its_row_with_its_power(bins, frequency):
    stft = Stft(256, 19, 2048, FS, bins=bins)
    amplitude = 12.0
    data = amplitude * np.sin(2 * np.pi * frequency * np.arange(2048) / FS)[None]
    density = np.mean(np.abs(stft.transform(data, np.array([0]))[0, 0]) ** 2, axis=-1)
    nearest = np.argmin(np.abs(stft.frequencies - frequency))
    assert abs(int(np.argmax(density)) - nearest) <= 1
    near = np.abs(stft.frequencies - frequency) < 3
    power = np.trapezoid(density[near], stft.frequencies[near])
    assert power == pytest.approx(amplitude**2 / 2, rel=0.03)


def test_phase_is_that_of_the_middle_of_the_frame():
    stft = Stft(256, 19, 2048, FS)
    row = 150
    frequency, phase = stft.frequencies[row], 0.7
    middle = stft.offsets[4] + stft.window // 2
    data = np.cos(2 * np.pi * frequency * (np.arange(2048) - middle) / FS + phase)[None]
    assert np.angle(stft.transform(data, np.array([0]))[0, 0, row, 4]) == pytest.approx(phase, abs=1e-3)


def test_an_offset_reads_nothing():
    stft = Stft(64, 8, 2048, FS)
    constant = np.full((1, 2048), 1000.0, np.float32)
    assert np.abs(stft.transform(constant, np.array([0]))).max() < 0.01


@pytest.mark.parametrize("rows, finest", [(256, 0.122), (64, 0.122), (16, 0.122), (400, 0.122)])
def test_log_rows_follow_their_spacing(rows, finest):
    frequencies, spacings = log_scale(rows, 0.5, 62.5, finest)
    steps = np.diff(frequencies)
    assert (steps > 0.999 * finest).all()
    assert (steps[1:] >= steps[:-1] * 0.999).all()
    middle = (spacings[1:] + spacings[:-1]) / 2
    np.testing.assert_allclose(steps, middle, rtol=0.05)


def test_linear_rows_are_equally_spaced():
    frequencies, spacings = linear_scale(249, 0.5, 62.5)
    assert np.allclose(np.diff(frequencies), 0.25) and np.allclose(spacings, 0.25)


@pytest.mark.parametrize("bins", ["log", "linear"])
def test_inverse_restores_what_the_rows_see(bins):
    stft = Stft(256, 19, 2048, FS, bins=bins)
    rng = np.random.default_rng(5)
    frequencies = rng.uniform(1.5, 60, 40)[:, None]
    time = np.arange(2048) / FS
    data = np.sum(np.sin(2 * np.pi * frequencies * time + rng.uniform(0, 6, (40, 1))), axis=0)[None]
    coefficients = stft.transform(data, np.array([0]))
    restored = stft.inverse(coefficients)
    assert restored.shape == (1, 1, 2048)
    inner = slice(128, -128)
    error = np.std(restored[0, 0, inner] - data[0, inner]) / np.std(data)
    assert error < 0.02
    np.testing.assert_allclose(
        stft.transform(restored[0], np.array([0])), coefficients, atol=0.01 * np.abs(coefficients).max()
    )


def test_inverse_is_least_squares():
    """Also for coefficients that no signal has: equal to numpy's solution of the stacked real system."""
    stft = Stft(16, 4, 128, FS, window=64)
    rng = np.random.default_rng(2)
    coefficients = rng.standard_normal((2, 3, 16, 4)) + 1j * rng.standard_normal((2, 3, 16, 4))
    operator = np.zeros((16, 4, 128), complex)
    for frame, offset in enumerate(stft.offsets):
        operator[:, frame, offset : offset + 64] = stft.basis
    stacked = np.concatenate([operator.real, operator.imag]).reshape(-1, 128)
    np.testing.assert_allclose(stacked.T @ stacked, stft.gram(), atol=1e-9)

    target = np.concatenate([coefficients[1, 2].real, coefficients[1, 2].imag]).reshape(-1)
    damping = np.sqrt(1e-4 * np.linalg.norm(stft.gram(), np.inf)) * np.eye(128)
    augmented, extended = np.vstack([stacked, damping]), np.concatenate([target, np.zeros(128)])
    expected = np.linalg.lstsq(augmented, extended, rcond=None)[0]
    np.testing.assert_allclose(stft.inverse(coefficients, ridge=1e-4)[1, 2], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"n_channels": 300}, "spectrogram.resolution"),
        ({"window": 4096}, "spectrogram.window"),
        ({"window": 511}, "spectrogram.window"),
        ({"fmin": 70.0}, "spectrogram.fmin"),
        ({"bins": "mel"}, "spectrogram.bins"),
        ({"resolution": 1024}, "window is too short"),
    ],
)
def test_impossible_settings_are_refused_by_name(change, words):
    settings = {"resolution": 256, "n_channels": 19, "nsamps": 2048, "fs": FS} | change
    with pytest.raises(UserError, match=words):
        Stft(**settings)
