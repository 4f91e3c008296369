"""One raw file in, one shard out: real recordings, refusals, and a start in well under a second."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from edfio import Edf, EdfSignal
from scipy.signal import resample_poly, spectrogram
from signal_diffusion.config.quality import Filter, Quality
from signal_diffusion.config.recipe import Channels
from signal_diffusion.equipment import CHANNEL_SETS
from signal_diffusion.errors import UserError
from signal_diffusion.files import sha256
from signal_diffusion.signals.representations import spectrogram_windows
from signal_diffusion.signals.shards import read_shard, shard_recording
from signal_diffusion.signals.stft import Stft

SIGNAL = SimpleNamespace(fs=125.0, nsamps=2048, ovr_perc=0.5, reference="average")
SPECTROGRAM = SimpleNamespace(resolution=64, bins="log", window=512, fmin=0.5)
EIGHT = CHANNEL_SETS["1020-8"]


def write_edf(path, data, fs=250):
    signals = [
        EdfSignal(trace, fs, label=f"EEG {name}", physical_dimension="uV", physical_range=(-500, 500))
        for name, trace in zip(EIGHT, data, strict=True)
    ]
    Edf(signals).write(path)
    return path


def noise(seconds=40, fs=250):
    return 20 * np.random.default_rng(0).standard_normal((8, seconds * fs))


def make(path, out, channels="1020-8", representation="db-only", **changes):
    sections = {"signal": SIGNAL, "spectrogram": SPECTROGRAM, "filter": Filter(), "quality": Quality()}
    recipe = SimpleNamespace(channels=Channels(set=channels), **sections | changes)
    return shard_recording(path, out, recipe, representation)


def test_shard_of_a_recording(tmp_path):
    source = write_edf(tmp_path / "a.edf", noise())
    written = make(source, tmp_path / "a.safetensors")
    shard = read_shard(tmp_path / "a.safetensors")
    assert shard.windows.shape == (3, 8, 64, 8) and shard.windows.dtype == np.float16
    assert shard.starts.tolist() == [0, 1024, 2048]
    assert np.array_equal(shard.windows, written.windows) and shard.meta == written.meta
    assert shard.meta["status"] == "ok" and shard.meta["file"] == "a.edf"
    assert shard.meta["rate"] == 250 and shard.meta["duration"] == 40
    assert shard.meta["channels"] == EIGHT and len(shard.meta["frequencies"]) == 64


def test_the_same_recording_gives_the_same_bytes(tmp_path):
    source = write_edf(tmp_path / "a.edf", noise())
    for name in ("one", "two"):
        make(source, tmp_path / name)
    assert sha256(tmp_path / "one") == sha256(tmp_path / "two")


def test_levels_equal_an_independent_computation(tmp_path):
    """Referenced, decimated and transformed by scipy alone, averaged over time, in dB."""
    data = noise(60)
    shard = make(write_edf(tmp_path / "a.edf", data), tmp_path / "a")
    frequencies = np.array(shard.meta["frequencies"])
    mean = 10 * np.log10(np.mean(10 ** (shard.windows.astype(float) / 10), axis=(0, 3)))
    expected = resample_poly(data - data.mean(axis=0), 1, 2, axis=1)
    grid, _, density = spectrogram(expected, 125, "hann", 512, 384, detrend=False)
    reference = 10 * np.log10(density.mean(axis=2))
    inner = (frequencies > 1) & (frequencies < 50)
    for row, trace in zip(mean, reference, strict=True):
        assert abs(np.mean(row[inner] - np.interp(frequencies[inner], grid, trace))) < 0.5


@pytest.mark.parametrize("reference, expected", [("average", True), ("none", False)])
def test_average_reference_removes_what_is_common(tmp_path, reference, expected):
    common = 50 * np.sin(2 * np.pi * 10 * np.arange(10000) / 250)
    signal = SimpleNamespace(**vars(SIGNAL) | {"reference": reference})
    shard = make(write_edf(tmp_path / "a.edf", noise() / 20 + common), tmp_path / "a", signal=signal)
    row = np.argmin(np.abs(np.array(shard.meta["frequencies"]) - 10))
    assert (shard.windows[:, :, row].mean() < 0) == expected


def test_an_offset_changes_nothing(tmp_path):
    plain = make(write_edf(tmp_path / "a.edf", noise()), tmp_path / "a")
    lifted = make(write_edf(tmp_path / "b.edf", noise() + 300), tmp_path / "b")
    assert np.abs(plain.windows.astype(float) - lifted.windows).mean() < 0.02


def test_a_flat_channel_is_named(tmp_path):
    data = noise()
    data[3] = 0
    shard = make(write_edf(tmp_path / "a.edf", data), tmp_path / "a")
    assert shard.meta["status"] == "ok" and shard.meta["quality"]["bad_channels"] == {EIGHT[3]: "flat"}


@pytest.mark.parametrize(
    "spoil, reason",
    [
        (lambda path: write_edf(path, noise(10)), "10.0 s, one window"),
        (lambda path: write_edf(path, np.zeros((8, 10000))), "flat"),
        (lambda path: path.write_bytes(write_edf(path, noise()).read_bytes()[:-1000]), "size"),
        (lambda path: path.write_bytes(b"not a recording"), "a.edf"),
        (lambda path: None, "no such file"),
    ],
)
def test_a_bad_recording_is_refused_with_its_reason(tmp_path, spoil, reason):
    spoil(tmp_path / "a.edf")
    make(tmp_path / "a.edf", tmp_path / "a")
    shard = read_shard(tmp_path / "a")
    assert shard.meta["status"] == "refused" and reason in shard.meta["reason"]
    assert "\n" not in shard.meta["reason"]
    assert shard.windows.shape == (0, 8, 64, 8) and shard.windows.dtype == np.float16
    assert shard.starts.shape == (0,) and shard.starts.dtype == np.int64


def test_missing_channels_are_refused_by_name(tmp_path):
    source = write_edf(tmp_path / "a.edf", noise())
    shard = make(source, tmp_path / "a", channels="1020-19")
    assert shard.meta["status"] == "refused" and "Fp1" in shard.meta["reason"]


def test_missing_samples_are_refused(tmp_path, monkeypatch):
    from signal_diffusion.signals import preparation

    source = write_edf(tmp_path / "a.edf", noise())
    read = preparation.read

    def broken(path, picks, span):
        recording = read(path, picks, span)
        recording.data[2, 500] = np.nan
        return recording

    monkeypatch.setattr(preparation, "read", broken)
    shard = make(source, tmp_path / "a")
    assert shard.meta["status"] == "refused" and EIGHT[2] in shard.meta["reason"]


def test_impossible_settings_are_an_error_not_a_refusal(tmp_path):
    source = write_edf(tmp_path / "a.edf", noise())
    spectrogram = SimpleNamespace(**vars(SPECTROGRAM) | {"window": 4096})
    with pytest.raises(UserError, match="spectrogram.window"):
        make(source, tmp_path / "a", spectrogram=spectrogram)
    assert not (tmp_path / "a").exists()


def test_blocks_change_no_window():
    data = np.random.default_rng(1).standard_normal((8, 40000)).astype(np.float32)
    stft = Stft(64, 8, 2048, 125.0)
    starts = np.arange(0, 40000 - 2048, 1024)
    power = np.abs(stft.transform(data, starts)) ** 2
    windows, _ = spectrogram_windows(stft, data, starts)
    np.testing.assert_allclose(windows, 10 * np.log10(np.maximum(power, 1e-4)), atol=0.04)


def test_real_recordings(shared, tmp_path):
    spectrogram = SimpleNamespace(**vars(SPECTROGRAM) | {"resolution": 256})
    source = sorted((shared / "data" / "eegmat").rglob("Subject00_1.edf"))[0]
    shard = make(source, tmp_path / "a", channels="1020-19", spectrogram=spectrogram)
    assert shard.meta["status"] == "ok", shard.meta["reason"]
    assert shard.windows.shape == (21, 19, 256, 13)
    assert -40 < np.median(shard.windows) < 20
    frequencies = np.array(shard.meta["frequencies"])
    parietal = shard.windows[:, shard.meta["channels"].index("Pz")].astype(float).mean(axis=(0, 2))
    alpha = parietal[(frequencies > 8) & (frequencies < 12)].max()
    beyond = parietal[(frequencies > 20) & (frequencies < 30)].mean()
    assert alpha > beyond + 3


def test_a_shard_job_imports_nothing_heavy():
    code = (
        "import sys; import signal_diffusion.signals.shards; "
        "print([m for m in ('torch', 'scipy', 'pandas', 'mne', 'pydantic') if m in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert printed.strip() == "[]"
