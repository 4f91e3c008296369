"""Each detector finds the fault that was planted for it, and nothing in clean recordings."""

import numpy as np
import pytest
from signal_diffusion.config.quality import Quality
from signal_diffusion.equipment import CHANNEL_SETS
from signal_diffusion.recordings.channels import pick, picks
from signal_diffusion.recordings.formats import read, read_header
from signal_diffusion.recordings.simulated_faults import CHANNEL_FAULTS, WINDOW_FAULTS, plant
from signal_diffusion.signals.extremes import Extremes, extremes
from signal_diffusion.signals.quality import CLIPPED, FLAT, GOOD, OUTLYING, inspect, window_faults
from signal_diffusion.signals.resample import resample

from .recordings import planted, simulated

LIMITS = Quality()
CHANNELS = CHANNEL_SETS["1020-19"]
T7, F3, P8, O1 = (CHANNELS.index(name) for name in ("T7", "F3", "P8", "O1"))


def findings(recording, channels=CHANNELS, **limits):
    data = pick(recording, channels).data
    data = data - data.mean(axis=1, keepdims=True)
    raw = extremes(data, recording.fs)
    return inspect(resample(data, recording.fs, 125.0), raw, 125.0, Quality(**limits))


def unsuspicious(channels, seconds):
    """Extremes that tell nothing."""
    return Extremes(np.ones((channels, seconds)), np.zeros((channels, seconds)))


def reasons(found):
    return {CHANNELS[row]: reason for row, reason in found.bad.items()}


def test_clean_recordings_give_no_alarm():
    for subject in range(8):
        for channels in (CHANNELS, CHANNEL_SETS["1020-8"]):
            found = findings(simulated(subject), channels)
            assert not found.bad
            assert (found.codes == GOOD).mean() > 0.99 and not (found.codes == CLIPPED).any()


def almost_silent(data, rng):
    data[T7] = 0.02 * rng.standard_normal(data.shape[1])


def loud(data, rng):
    data[T7] *= 12


@pytest.mark.parametrize("name", CHANNEL_FAULTS)
def test_a_bad_channel_is_found_and_no_other(name):
    fault = CHANNEL_FAULTS[name]
    # What is so noisy is large as well, and either may be seen first.
    called = {fault.reason, "outlying"} if fault.reason == "noisy" else {fault.reason}
    for subject in range(4):
        [(channel, reason)] = reasons(findings(plant(simulated(subject), fault, ["T7"], subject))).items()
        assert channel == "T7" and reason in called


def test_less_than_an_amplifiers_noise_is_flat():
    assert reasons(findings(planted(almost_silent))) == {"T7": "flat"}


def test_several_faults_at_once():
    def faults(data, rng):
        data[T7] = 3.0
        data[F3] = 40 * rng.standard_normal(data.shape[1])
        data[P8] *= 40
        data[O1] = np.clip(data[O1], -300, 3)

    expected = {"F3": "noisy", "T7": "flat", "P8": "outlying", "O1": "clipped"}
    assert reasons(findings(planted(faults))) == expected


def test_a_wrong_scale_is_found_without_a_comparison():
    found = findings(planted(lambda data, rng: np.multiply(data, 1500, out=data)))
    assert set(found.bad.values()) == {"outlying"} and len(found.bad) == len(CHANNELS)


def test_bad_seconds_are_found_where_they_are():
    def faults(data, rng):
        data[T7, 2500:3000] = 0
        data[:19, 5000:6000] *= rng.uniform(8, 20, 19)[:, None]

    found = findings(planted(faults))
    assert not found.bad
    assert (found.codes[T7, 10:12] == FLAT).all() and (found.codes[T7, :10] == GOOD).all()
    assert (found.codes[:, 20:24] == OUTLYING).mean() > 0.8
    assert (found.codes[:, 25:] == GOOD).mean() > 0.99
    assert found.good_seconds(0.25) == 56


def test_a_break_of_the_whole_recording_speaks_against_no_channel():
    found = findings(plant(simulated(), WINDOW_FAULTS["pause"]))
    assert not found.bad and found.good_seconds(0.25) == pytest.approx(0.66 * 60, abs=1.5)


def test_what_little_a_broken_recording_leaves_is_not_judged_alone():
    def spoil(data, rng):
        data[:, :500] *= 0.02
        np.clip(data, -3, 3, out=data)

    assert set(findings(planted(spoil)).bad.values()) == {"clipped"}


def test_the_reference_electrode_is_not_judged():
    def reference(data, rng):
        data[T7] = 0

    data = pick(planted(reference), CHANNELS).data
    data = resample(data, 250.0, 125.0)
    assert inspect(data, unsuspicious(19, 60), 125.0, LIMITS, [T7]).bad == {}
    assert inspect(data, unsuspicious(19, 60), 125.0, LIMITS).bad == {T7: "flat"}


def test_what_is_usual_needs_enough_channels_and_seconds():
    few = CHANNEL_SETS["1020-8"][:4]
    recording = planted(lambda data, rng: data.__setitem__(CHANNELS.index("F3"), 50 * data[4]))
    assert not findings(recording, few).bad and findings(recording).bad
    assert not inspect(np.zeros((4, 60), np.float32), unsuspicious(4, 0), 125.0, LIMITS).bad


def test_channels_that_all_disagree_are_not_called_disconnected():
    independent = 10 * np.random.default_rng(0).standard_normal((8, 125 * 60)).astype(np.float32)
    assert not inspect(independent, unsuspicious(8, 60), 125.0, LIMITS).bad


def test_the_order_of_channels_changes_nothing():
    data = resample(pick(planted(loud), CHANNELS).data, 250.0, 125.0)
    raw = unsuspicious(19, 60)
    order = np.random.default_rng(0).permutation(19)
    plain, mixed = inspect(data, raw, 125.0, LIMITS), inspect(data[order], raw, 125.0, LIMITS)
    assert np.array_equal(plain.codes[order], mixed.codes)
    assert {int(order[row]): reason for row, reason in mixed.bad.items()} == plain.bad


def test_thresholds_are_the_recipes():
    recording = planted(lambda data, rng: data.__setitem__(T7, 3 * data[T7]))
    assert not findings(recording).bad
    assert reasons(findings(recording, factor=2.5)) == {"T7": "outlying"}
    assert len(findings(recording, flat_uv=100.0).bad) == 19


def test_windows_are_bad_by_their_share_of_bad_seconds():
    def faults(data, rng):
        data[:19, 0:2500] = 0
        data[:19, 10000:12000] *= 30

    found = findings(planted(faults))
    starts = np.arange(0, 7500 - 1000 + 1, 500)
    faults = window_faults(found, starts, 1000, 125.0, 0.25)
    assert faults == {"flat": [0, 1], "outlying": [9, 10, 11]}
    assert window_faults(found, starts[:0], 1000, 125.0, 0.25) == {}


@pytest.mark.parametrize("rail", [-30, 30])
def test_clipping_is_told_from_peaks(rail):
    rng = np.random.default_rng(1)
    noise = np.round(20 * rng.standard_normal((1, 30000)))
    drift = np.round(50 * np.sin(np.arange(30000) / 4000))[None]
    cut = np.minimum(noise, rail) if rail > 0 else np.maximum(noise, rail)
    found = extremes(np.vstack([noise, drift, cut, 0 * noise]), 500.0)
    shares = found.clipped
    assert shares.shape == (4, 60) and (found.ranges[3] == 0).all()
    assert (shares[0] < 0.005).all() and (shares[[1, 3]] == 0).all()
    np.testing.assert_allclose(shares[2], (cut == rail).reshape(60, 500).mean(axis=1), atol=0.003)


def test_a_recording_shorter_than_a_second_has_no_seconds():
    assert extremes(np.ones((3, 400)), 500.0).clipped.shape == (3, 0)


@pytest.mark.parametrize("fs", [200.0, 200.45])
def test_seconds_do_not_drift_at_a_fractional_rate(fs):
    data = np.random.default_rng(0).normal(0, 20, (2, int(1800 * fs))).astype(np.float32)
    data[:, int(1700 * fs) : int(1704 * fs) + 1] = 0
    found = extremes(data, fs).ranges
    assert found.shape[1] == 1800
    assert set(np.flatnonzero((found == 0).all(axis=0))) == {1700, 1701, 1702, 1703}


def test_real_recordings_give_no_alarm(shared):
    """24 EEGMAT files of 19 channels, which were chosen for being clean: 456 channels, no window."""
    paths = sorted((shared / "data/eegmat").rglob("*.edf"))
    assert len(paths) == 24
    for path in paths:
        recording = read(path, picks(read_header(path).channels, CHANNELS))
        found = findings(recording)
        starts = np.arange(0, found.codes.shape[1] * 125 - 2047, 1024)
        assert found.bad == {}, path.name
        assert window_faults(found, starts, 2048, 125.0, LIMITS.bad_share) == {}, path.name
        # All end in two seconds that fade to nothing; the others are good but for blinks.
        assert (found.codes[:, :-2] == GOOD).mean() > 0.98, path.name
