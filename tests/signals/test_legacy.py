"""The predecessor's images, against their definition in plain loops, one sample at a time."""

import cmath
import math

import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.signals.encoding import Encoder, decode
from signal_diffusion.signals.legacy import LegacyStft
from signal_diffusion.signals.representations import spectrogram_windows


def defined(volts, resolution, min_db, max_db, multiple):
    """A window's image as rows of levels, from [channels][samples] in volts."""
    samples, channels = len(volts[0]), len(volts)
    hop = multiple
    while samples / hop > resolution // channels:
        hop += multiple
    length = 2 * resolution - 1
    tiles = [defined_tile(trace, resolution, length, hop) for trace in volts]
    image = [[0] * resolution for _ in range(resolution)]
    left = (resolution - channels * len(tiles[0][0])) // 2
    for number, rows in enumerate(tiles):
        for row, frames in enumerate(rows):
            for frame, db in enumerate(frames):
                share = (min(max(db, min_db), max_db) - min_db) / (max_db - min_db)
                image[resolution - 1 - row][left + number * len(frames) + frame] = int(share * 255)
    return image


def defined_tile(trace, resolution, length, hop):
    """dB of one channel, [rows][frames], lowest frequency first."""
    samples = len(trace)
    total = sum(trace)
    padded = [x - total / samples for x in trace] + [0.0] * (length - samples % hop)
    frames = [padded[start : start + length] for start in range(0, len(padded) - length + 1, hop)]
    top, bottom = math.log10(0.5), -3
    steps = resolution - 2
    rows = [[abs(total) / math.sqrt(samples)] * len(frames)]
    for row in range(resolution - 1):
        cycles = 10 ** (bottom + (top - bottom) * row / steps)
        rows.append([abs(folded(frame, cycles, length)) for frame in frames])
    return [[20 * math.log10(magnitude + 1e-9) for magnitude in row] for row in rows]


def folded(frame, cycles, length):
    """The coefficient at +f and the conjugate of that at -f, under a symmetric Hann window."""
    positive = negative = 0
    for n, x in enumerate(frame):
        value = x * (0.5 - 0.5 * math.cos(2 * math.pi * n / (length - 1))) / math.sqrt(length)
        positive += value * cmath.exp(-2j * math.pi * cycles * n)
        negative += value * cmath.exp(2j * math.pi * cycles * n)
    return positive + negative.conjugate()


def made(data, starts, resolution, min_db, max_db, multiple, nsamps):
    """What the project makes of the same: uint8 [n, height, width]."""
    stft = LegacyStft(resolution, len(data), nsamps, 125.0, multiple)
    windows, _ = spectrogram_windows(stft, data, starts)
    spec = described(stft, len(data), multiple, min_db=min_db, max_db=max_db)
    return Encoder(spec)(windows)[:, 0]


def described(stft, channels, multiple, representation="db-only", **numbers):
    spec = {"representation": representation, "bins": "log-legacy", "hop_step": multiple}
    spec |= {"resolution": stft.resolution, "frames": stft.frames, "fs": stft.fs, "nsamps": stft.nsamps}
    return spec | {"channels": [str(k) for k in range(channels)]} | numbers


@pytest.mark.parametrize(
    "resolution, channels, nsamps, multiple, range_db",
    [(16, 2, 61, 4, (-130, -80)), (32, 3, 250, 4, (-120.5, -88.25)), (32, 3, 250, 8, (-130, -95))],
)
def test_images_equal_the_definition_exactly(resolution, channels, nsamps, multiple, range_db):
    rng = np.random.default_rng(nsamps)
    drift = np.cumsum(rng.standard_normal((channels, nsamps + 40)), axis=1)
    data = (30 * rng.standard_normal((channels, nsamps + 40)) + 5 * drift).astype(np.float32)
    starts = np.array([0, 17, 40])
    images = made(data, starts, resolution, *range_db, multiple, nsamps)
    for image, start in zip(images, starts, strict=True):
        volts = [[float(x) * 1e-6 for x in trace[start : start + nsamps]] for trace in data]
        expected = defined(volts, resolution, *range_db, multiple)
        assert image.dtype == np.uint8 and np.array_equal(image, expected)
        assert len(np.unique(image)) > 20


@pytest.mark.parametrize(
    "resolution, multiple, hop, frames",
    [(256, 4, 172, 12), (256, 8, 176, 12), (512, 4, 84, 25), (512, 8, 88, 24)],
)
def test_hops_and_frames_are_those_that_are_documented(resolution, multiple, hop, frames):
    stft = LegacyStft(resolution, 20, 2048, 125.0, multiple)
    assert (stft.hop, stft.frames) == (hop, frames)
    assert stft.frequencies[[0, 1, -1]] == pytest.approx([0, 0.125, 62.5])


def test_eeg_lies_in_the_old_range():
    eeg = (20 * np.random.default_rng(0).standard_normal((20, 2048))).astype(np.float32)
    windows, ranges = spectrogram_windows(LegacyStft(256, 20, 2048, 125.0), eeg, np.array([0]))
    assert windows.dtype == np.float64 and windows.shape == (1, 20, 256, 12)
    assert -130 < np.percentile(windows, 1) and windows.max() < -60
    assert ranges["dB"]["high"][100] == pytest.approx(windows[0, :, 100].max(), abs=0.01)


def test_levels_come_back_in_the_middle():
    stft = LegacyStft(32, 2, 250, 125.0)
    data = (30 * np.random.default_rng(1).standard_normal((2, 250))).astype(np.float32)
    windows, _ = spectrogram_windows(stft, data, np.array([0]))
    spec = described(stft, 2, 4, min_db=-130.0, max_db=-80.0)
    error = decode(Encoder(spec)(windows), spec) - np.clip(windows, -130, -80)
    assert np.abs(error).max() <= 25 / 255 + 1e-4 and abs(error.mean()) < 0.01


def test_the_waveform_comes_back_with_its_mean():
    stft = LegacyStft(256, 19, 2048, 125.0)
    time = np.arange(2048) / 125
    data = np.stack([np.sin(2 * np.pi * f * time) + 3 for f in (1.5, 4.2, 9.7, 12.1)])[None].astype(
        np.float32
    )
    restored = stft.inverse(stft.transform_windows(data))
    assert restored.mean(axis=-1) == pytest.approx(3, abs=0.02)
    inner = slice(128, -128)
    assert np.abs(restored[..., inner] - data[..., inner]).max() < 0.05


@pytest.mark.parametrize("resolution, channels", [(16, 20), (64, 16)])
def test_channels_that_do_not_fit_are_refused(resolution, channels):
    with pytest.raises(UserError, match="spectrogram.resolution = .*columns"):
        LegacyStft(resolution, channels, 2048, 125.0)
