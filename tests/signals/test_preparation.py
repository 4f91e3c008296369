"""From a file to referenced, completed channels: against plain numpy and MNE; refusals say why."""

from dataclasses import replace

import mne
import numpy as np
import pytest
from signal_diffusion.equipment import CHANNEL_SETS
from signal_diffusion.errors import UserError
from signal_diffusion.files import load_tensors, sha256
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.signals import preparation
from signal_diffusion.signals.interpolation import spline_weights
from signal_diffusion.signals.preparation import prepare
from signal_diffusion.signals.shards import read_shard, shard_recording

from .recordings import planted, recipe, simulated, write

CHANNELS = CHANNEL_SETS["1020-19"]
T7, CZ, O1, O2 = (CHANNELS.index(name) for name in ("T7", "Cz", "O1", "O2"))
PLAIN = recipe(signal={"reference": "none", "nsamps": 1024})


def spoiled(data, rng):
    data[T7] = 0
    data[O1] *= 9


def without(recording: Recording, *names: str) -> Recording:
    rows = [row for row, name in enumerate(recording.channels) if name not in names]
    return Recording(recording.data[rows], recording.fs, tuple(recording.channels[row] for row in rows))


@pytest.fixture
def clean(tmp_path):
    return write(simulated(), tmp_path / "clean.edf")


@pytest.fixture
def bad(tmp_path):
    return write(planted(spoiled), tmp_path / "bad.edf")


def refused(path, rules, **named) -> str:
    prepared = prepare(path, rules, **named)
    assert prepared.meta["status"] == "refused" and "\n" not in prepared.meta["reason"]
    assert prepared.data.shape[1] == 0 and len(prepared.starts) == 0
    return prepared.meta["reason"]


def test_the_average_is_that_of_all_channels_when_all_are_good(clean):
    plain, averaged = prepare(clean, PLAIN).data, prepare(clean, recipe()).data
    np.testing.assert_allclose(averaged, plain - plain.mean(axis=0), atol=1e-4)


def test_the_average_is_that_of_the_good_channels_and_flat_ones_stay_flat(bad):
    plain, prepared = prepare(bad, PLAIN).data, prepare(bad, recipe())
    assert prepared.meta["quality"]["bad_channels"] == {"T7": "flat", "O1": "outlying"}
    expected = plain - np.delete(plain, [T7, O1], axis=0).mean(axis=0)
    expected[T7] = 0
    np.testing.assert_allclose(prepared.data, expected, atol=1e-4)


@pytest.mark.parametrize("reference, rows", [("Cz", [CZ]), (["O1", "O2"], [O1, O2]), ("CZ", [CZ])])
def test_a_named_reference_is_subtracted(clean, reference, rows):
    plain = prepare(clean, PLAIN).data
    made = prepare(clean, recipe(signal={"reference": reference, "nsamps": 1024})).data
    np.testing.assert_allclose(made, plain - plain[rows].mean(axis=0), atol=1e-4)


def test_the_reference_may_lie_outside_the_wanted_channels(clean):
    plain = prepare(clean, PLAIN).data
    rules = recipe(
        channels={"set": ["F3", "F4", "P3", "P4", "O1"]}, signal={"reference": "Cz", "nsamps": 1024}
    )
    prepared = prepare(clean, rules)
    rows = [CHANNELS.index(name) for name in prepared.channels]
    np.testing.assert_allclose(prepared.data, plain[rows] - plain[CZ], atol=1e-4)
    assert prepared.pictures["amplitude"].shape[0] == 5


def test_a_bad_or_absent_reference_is_refused(bad, clean):
    rules = {"channels": {"set": ["F3", "F4", "C3", "C4", "P3", "P4"]}}
    flat = recipe(**rules, signal={"reference": "T7", "nsamps": 1024})
    assert "reference is bad (flat: T7)" in refused(bad, flat)
    assert "M1" in refused(clean, recipe(signal={"reference": ["M1", "M2"], "nsamps": 1024}))
    among = recipe(signal={"reference": ["Cz", "T7"], "nsamps": 1024}, channels={"bad": "interpolate"})
    assert "reference is bad (flat: T7)" in refused(bad, among)


def test_an_absent_reference_is_refused_where_absent_channels_are_interpolated(tmp_path):
    path = write(without(simulated(), "Cz"), tmp_path / "a.edf")
    rules = recipe(channels={"missing": "interpolate"}, signal={"reference": "Cz", "nsamps": 1024})
    assert "channels missing: Cz" in refused(path, rules)
    assert prepare(path, rules, reference="Cz").meta["status"] == "ok"


def test_the_recordings_own_reference_is_the_same_absent_or_as_zeros(tmp_path):
    def grounded(data, rng):
        data[CZ] = 0

    zeros = prepare(write(planted(grounded), tmp_path / "a.edf"), recipe(), reference="CZ")
    absent = prepare(write(without(simulated(), "Cz"), tmp_path / "b.edf"), recipe(), reference="Cz")
    assert zeros.meta["quality"]["bad_channels"] == {} and zeros.data[CZ].std() > 1
    np.testing.assert_allclose(zeros.data, absent.data, atol=1e-4)


def test_channels_against_different_ears_have_no_common_reference(tmp_path):
    recording = simulated()
    for ears, fine in (("A1", True), ("A2", False)):
        names = [f"{name}-{'A1' if name[-1] in '13579' else ears}" for name in recording.channels]
        path = write(replace(recording, channels=tuple(names)), tmp_path / f"{ears}.edf")
        assert prepare(path, PLAIN).meta["status"] == "ok"
        if fine:
            assert prepare(path, recipe()).meta["status"] == "ok"
        else:
            assert "were recorded against different electrodes" in refused(path, recipe())


def test_the_recordings_own_reference_is_good(tmp_path):
    path = write(without(simulated(), "Pz"), tmp_path / "a.edf")
    prepared = prepare(path, recipe(), reference="Pz")
    assert prepared.meta["quality"]["bad_channels"] == {} and prepared.data[CHANNELS.index("Pz")].std() > 1


def test_absent_channels_are_refused_or_interpolated_as_mne_does(tmp_path, clean):
    path = write(without(simulated(), "Cz", "T7"), tmp_path / "a.edf")
    assert "Cz" in refused(path, recipe())
    prepared = prepare(path, recipe(channels={"missing": "interpolate"}))
    quality = prepared.meta["quality"]
    assert quality["interpolated"] == ["T7", "Cz"]
    assert quality["bad_channels"] == {"T7": "missing", "Cz": "missing"}
    assert np.isnan(prepared.pictures["amplitude"][[T7, CZ]].astype(float)).all()
    measured = np.delete(prepared.data, [T7, CZ], axis=0)
    np.testing.assert_allclose(measured.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(
        prepared.data[[T7, CZ]], by_mne(prepared.data, ["T7", "Cz"]), rtol=1e-3, atol=0.01
    )
    true = prepare(clean, recipe()).data[CZ]
    assert np.corrcoef(prepared.data[CZ], true)[0, 1] > 0.9


def by_mne(data, bads):
    """The bad rows of 19 channels as MNE estimates them from the others."""
    raw = mne.io.RawArray(data.astype(float), mne.create_info(CHANNELS, 125.0, "eeg"), verbose="error")
    raw.set_montage(
        "colin27_1005" if "colin27_1005" in mne.channels.get_builtin_montages() else "standard_1005"
    )
    raw.info["bads"] = bads
    return raw.interpolate_bads(verbose="error").get_data(bads)


@pytest.mark.parametrize("bad_channels", ["keep", "interpolate", "refuse"])
def test_bad_channels_are_kept_interpolated_or_refused(bad, bad_channels):
    rules = recipe(channels={"bad": bad_channels})
    if bad_channels == "refuse":
        assert "flat: T7; outlying: O1" in refused(bad, rules)
        return
    prepared = prepare(bad, rules)
    replaced = ["T7", "O1"] if bad_channels == "interpolate" else []
    assert prepared.meta["quality"]["interpolated"] == replaced
    kept = prepare(bad, recipe()).data
    expected = by_mne(kept, ["T7", "O1"]) if replaced else kept[[T7, O1]]
    np.testing.assert_allclose(prepared.data[[T7, O1]], expected, rtol=1e-3, atol=0.01)


def test_splines_take_any_spelling_and_refuse_what_has_no_place():
    known = [name for name in CHANNELS if name != "T7"]
    weights = spline_weights(known, ["T7"])
    assert np.array_equal(weights, spline_weights([f"EEG {name.upper()}-REF" for name in known], ["T3"]))
    assert weights.shape == (1, 18) and weights.sum() == pytest.approx(1, abs=1e-4)
    with pytest.raises(UserError, match="F7-T7 have no place"):
        spline_weights(known, ["F7-T7"])
    with pytest.raises(UserError, match="3 good channels are too few"):
        spline_weights(["F3", "F4", "Cz"], ["Pz"])


def test_too_few_good_channels_or_seconds_are_refused(tmp_path, bad, clean):
    reason = refused(bad, recipe(quality={"min_channels": 0.95}))
    assert reason.startswith(
        "17 of 19 channels are good (flat: T7; outlying: O1), quality.min_channels = 0.95"
    )
    assert "asks for 19" in reason
    broken = write(planted(lambda data, rng: data[:, 5000:].fill(0)), tmp_path / "broken.edf")
    assert prepare(broken, recipe()).meta["status"] == "ok"
    reason = refused(broken, recipe(quality={"min_seconds": 30.0}))
    assert reason.startswith("20.0 of 60.0 s are good (most others flat), quality.min_seconds = 30")
    silent = write(planted(lambda data, rng: data.fill(0)), tmp_path / "silent.edf")
    assert "0 of 19 channels are good (flat: 19 channels)" in refused(silent, recipe())
    assert "flat" in refused(silent, recipe(quality={"min_channels": 0.0}))
    assert refused(clean, recipe(signal={"nsamps": 8192})).startswith("recording lasts 60.0 s")


def test_a_recording_slower_than_the_recipe_is_refused(clean):
    reason = refused(clean, recipe(signal={"fs": 300.0, "nsamps": 1024}))
    assert reason.startswith("sampling rate: found 250 Hz, expected signal.fs = 300 Hz or more")
    for fs in (250.0, 250.2):  # as far as a rounded rate may be off
        assert prepare(clean, recipe(signal={"fs": fs, "nsamps": 1024})).meta["status"] == "ok"


def test_no_window_spans_a_gap_and_windows_begin_anew_after_it(clean, monkeypatch):
    def cut(*gaps):
        header = preparation.read_header
        monkeypatch.setattr(preparation, "read_header", lambda *read: replace(header(*read), gaps=gaps))

    fs, nsamps = PLAIN.signal.fs, PLAIN.signal.nsamps
    cut(0.0, 20.0, 25.0)
    starts = prepare(clean, PLAIN).starts
    assert 0 in starts and 25 * fs in starts and not any(20 * fs <= start < 25 * fs for start in starts)
    assert not any(start < 20 * fs < start + nsamps for start in starts)
    assert (prepare(clean, PLAIN, span=(20.0, 60.0)).starts >= 5 * fs).all()
    cut(*np.arange(1.0, 60.0, 5.0))
    assert refused(clean, PLAIN).startswith("recording lasts 5.0 s without a gap, one window")


@pytest.mark.parametrize("fs", [125.0, 250.0])
def test_nothing_rings_across_a_gap(tmp_path, monkeypatch, fs):
    """What is filtered on each side is what a file of that side alone gives."""

    def stepped(data, rng):
        data[:, cut:] += 300.0

    cut = 24 * 250
    rules = recipe(
        filter={"highpass": 0.5, "notch": 50.0}, signal={"reference": "none", "nsamps": 1024, "fs": fs}
    )
    path = write(planted(stepped), tmp_path / "a.edf")
    header = preparation.read_header
    sides = [prepare(path, rules, span=span).data for span in ((0.0, 24.0), (24.0, 60.0))]
    monkeypatch.setattr(preparation, "read_header", lambda *read: replace(header(*read), gaps=(24.0,)))
    np.testing.assert_allclose(prepare(path, rules).data, np.hstack(sides), atol=0.05)


def test_a_part_of_a_few_samples_is_refused(clean):
    rules = recipe(filter={"notch": 50.0}, signal={"fs": 60.0, "nsamps": 1024})
    for seconds in (0.004, 0.02):
        assert "recording lasts 0.0 s" in refused(clean, rules, span=(60.0 - seconds, np.inf))


def test_a_reason_does_not_tell_where_the_file_lies(tmp_path):
    (tmp_path / "a.edf").write_bytes(b"nothing")
    reason = refused(tmp_path / "a.edf", recipe())
    assert "a.edf" in reason and str(tmp_path) not in reason


def test_a_refused_recording_still_has_its_picture(tmp_path, bad):
    shard_recording(bad, tmp_path / "shard", recipe(channels={"bad": "refuse"}))
    shard = read_shard(tmp_path / "shard")
    assert shard.meta["status"] == "refused" and len(shard.windows) == 0
    assert shard.pictures["amplitude"].shape == shard.pictures["faults"].shape == (19, 60)
    assert shard.pictures["spectra"].shape == (19, 63)
    assert (shard.pictures["faults"][T7] == 1).all() and shard.pictures["spectra"][T7].max() == -40


def test_spectra_are_densities_and_the_line_stands_out(tmp_path):
    def add(data, rng):
        data[:19] += (
            20 * np.sin(2 * np.pi * 50 * np.arange(data.shape[1]) / 250) * rng.uniform(0.2, 2, (19, 1))
        )

    assert abs(prepare(write(simulated(), tmp_path / "a.edf"), recipe()).meta["quality"]["line_db"]) < 10
    path = write(planted(add), tmp_path / "b.edf")
    prepared = prepare(path, PLAIN)
    assert prepared.meta["quality"]["line_db"] > 20
    assert prepare(path, recipe(filter={"notch": 50.0})).meta["quality"]["line_db"] < 5
    density = 10 ** (prepared.pictures["spectra"].astype(float) / 10)
    np.testing.assert_allclose(density[:, 2:].sum(axis=1), prepared.data.var(axis=1), rtol=0.35)
    assert prepare(path, recipe(signal={"fs": 64.0, "nsamps": 512})).meta["quality"]["line_db"] is None


def test_filters_run_before_anything_is_judged(tmp_path):
    def hum(data, rng):
        data[T7] += 150 * np.sin(2 * np.pi * 50 * np.arange(data.shape[1]) / 250)

    path = write(planted(hum), tmp_path / "a.edf")
    assert prepare(path, recipe()).meta["quality"]["bad_channels"] == {"T7": "outlying"}
    assert prepare(path, recipe(filter={"notch": 50.0})).meta["quality"]["bad_channels"] == {}


def test_the_same_recording_gives_the_same_bytes(tmp_path, bad):
    rules = recipe(channels={"bad": "interpolate"}, filter={"notch": 50.0, "highpass": 0.5})
    for name in ("one", "two"):
        shard_recording(bad, tmp_path / name, rules)
    assert sha256(tmp_path / "one") == sha256(tmp_path / "two")
    arrays, _ = load_tensors(tmp_path / "one")
    assert np.isfinite(arrays["windows"]).all()
