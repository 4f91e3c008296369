import numpy as np
import pytest
from scipy.signal import resample_poly
from signal_diffusion.errors import UserError
from signal_diffusion.signals.resample import average_reference, resample
from signal_diffusion.signals.windows import window_starts


@pytest.mark.parametrize("fs", [128, 200, 250, 256, 400, 500, 512, 1000, 5000, 249.9])
def test_length_rule(fs):
    for samples in (1000, 1001, 1002, 1003, 1007, 7777, 30001):
        length = resample(np.zeros((2, samples), np.float32), fs, 125).shape[1]
        assert length == int(np.floor(samples * 125 / fs + 0.5))


@pytest.mark.parametrize("fs", [250.0, 500.0, 1000.0, 512.0])
def test_signals_keep_their_time_and_amplitude(fs):
    def signal(rate, samples):
        time = np.arange(samples) / rate
        return np.stack([np.sin(2 * np.pi * 9.7 * time), np.cos(2 * np.pi * 41.3 * time + 0.4)])

    resampled = resample(signal(fs, int(8 * fs)), fs, 125)
    assert resampled.dtype == np.float32
    np.testing.assert_allclose(resampled[:, 125:-125], signal(125, 1000)[:, 125:-125], atol=1e-3)


def test_agrees_with_scipy_and_removes_what_would_alias():
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal((3, 8000)))
    spectrum[:, 640:] = 0  # 40 Hz: below the transition bands of both filters
    data = np.fft.irfft(spectrum)
    ours, theirs = resample(data, 500, 125), resample_poly(data, 1, 4, axis=1)
    assert np.corrcoef(ours[0, 50:-50], theirs[0, 50:-50])[0, 1] > 0.9999
    alias = np.sin(2 * np.pi * 115 * np.arange(8000) / 500)[None]
    assert np.abs(resample(alias, 500, 125)[:, 100:-100]).max() < 1e-4


def test_the_same_rate_changes_nothing():
    data = np.random.default_rng(0).standard_normal((3, 100)).astype(np.float32)
    assert np.array_equal(resample(data, 125.0, 125), data)


def test_average_reference_sums_to_zero():
    data = np.random.default_rng(0).standard_normal((19, 100)).astype(np.float32)
    referenced = average_reference(data)
    np.testing.assert_allclose(referenced.sum(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(referenced[3] - referenced[7], data[3] - data[7], atol=1e-5)


def test_windows_overlap_and_stay_inside():
    assert window_starts(5000, 2048, 0.5).tolist() == [0, 1024, 2048]
    assert window_starts(4096, 2048, 0).tolist() == [0, 2048]
    assert window_starts(2048, 2048, 0.5).tolist() == [0]
    assert window_starts(2047, 2048, 0.5).tolist() == []
    assert window_starts(100, 10, 0.75).tolist() == list(range(0, 91, 3))
    assert window_starts(5000, 2048, 0.5).dtype == np.int64


@pytest.mark.parametrize("overlap", [1.0, -0.1])
def test_impossible_overlaps_are_refused(overlap):
    with pytest.raises(UserError, match="ovr_perc"):
        window_starts(5000, 2048, overlap)
