"""The simulated subjects: their files, their labels, and the effects that the recordings show."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.signal import welch
from signal_diffusion.recordings.channels import pick
from signal_diffusion.recordings.formats import read, read_header
from signal_diffusion.recordings.simulate import simulate_subject
from signal_diffusion.recordings.simulated_effects import (
    EFFECTS,
    Effect,
    measured_effects,
    measures,
    true_effects,
)
from signal_diffusion.recordings.simulated_files import (
    ACTIVITIES,
    file_name,
    names_together,
    subjects_together,
)
from signal_diffusion.recordings.simulated_signals import simulate_recording
from signal_diffusion.recordings.simulated_spectra import (
    BANDS,
    expected_psd,
    subject_labels,
    subject_parameters,
)

MEASURES = (*BANDS, "alpha_peak")
LABELS = ("gender", "health", "handedness")


@pytest.fixture(scope="module")
def labels(simulation) -> list[dict]:
    return [subject_labels(simulation, i) for i in range(simulation.subjects)]


@pytest.fixture(scope="module")
def welch_rows(simulation, labels) -> list[dict]:
    """Measures of every simulated recording, from 24 s of average-referenced signal."""
    short = SimpleNamespace(**vars(simulation) | {"seconds": 24.0})
    rows = []
    for index, subject in enumerate(labels):
        for activity in ACTIVITIES:
            data = simulate_recording(short, index, activity).data[:19]
            frequencies, psd = welch(data - data.mean(axis=0), short.rate, nperseg=512)
            rows.append(
                subject | {"activity": activity, "subject": index} | measures(psd.astype(float), frequencies)
            )
    return rows


def test_labels_are_balanced_and_independent(labels):
    cells = Counter(tuple(row[name] for name in LABELS) for row in labels)
    assert len(cells) == 8 and set(cells.values()) == {10}
    ages = np.array([row["age"] for row in labels])
    assert ages.min() >= 20 and ages.max() <= 80 and ages.std() > 14
    for name in LABELS:
        half = np.array([row[name] == labels[0][name] for row in labels])
        assert abs(ages[half].mean() - ages[~half].mean()) < 2.0
        assert half[::2].sum() == half[1::2].sum()  # the file format tells nothing


def test_a_subject_depends_on_seed_and_index_alone(simulation):
    fewer = SimpleNamespace(**vars(simulation) | {"subjects": 9})
    other = SimpleNamespace(**vars(simulation) | {"seed": 8})
    assert [subject_labels(fewer, i) for i in range(9)] == [subject_labels(simulation, i) for i in range(9)]
    assert any(subject_labels(other, i) != subject_labels(simulation, i) for i in range(8))
    assert subject_parameters(other, 3).alpha_hz != subject_parameters(simulation, 3).alpha_hz


def test_the_table_states_the_true_effects(simulation):
    for stated, true in zip(EFFECTS, true_effects(simulation), strict=True):
        assert stated.size == pytest.approx(true.size, rel=0.01)
        assert stated.subject_sd == pytest.approx(true.subject_sd, rel=0.01)
        assert 0.8 <= abs(true.cohens_d) <= 1.5


def test_recordings_show_the_documented_effects(welch_rows):
    for stated, found in zip(EFFECTS, measured_effects(welch_rows), strict=True):
        assert np.sign(found.size) == np.sign(stated.size)
        assert 0.8 <= abs(found.cohens_d) <= 1.5, (found.label, found.measure, found.cohens_d)
        assert 0.6 <= found.size / stated.size <= 1.3


def test_handedness_leaves_no_trace(simulation, welch_rows):
    effects = tuple(Effect("handedness", "left", "right", measure, "", 0.0, 1.0) for measure in MEASURES)
    assert all(abs(found.cohens_d) < 0.1 for found in true_effects(simulation, effects))
    assert all(abs(found.cohens_d) < 0.25 for found in measured_effects(welch_rows, effects))


def test_labels_leave_the_bands_of_others_alone(simulation):
    effects = (
        Effect("gender", "M", "F", "alpha", "dB", 0.0, 1.0),
        Effect("gender", "M", "F", "theta", "dB", 0.0, 1.0),
        Effect("activity", "rest", "arithmetic", "gamma", "dB", 0.0, 1.0),
        Effect("health", "H", "PD", "alpha", "dB", 0.0, 1.0),
    )
    assert all(abs(found.cohens_d) < 0.15 for found in true_effects(simulation, effects))


def test_signals_have_the_expected_spectrum(simulation):
    long = SimpleNamespace(**vars(simulation) | {"seconds": 400.0, "line_hz": 60.0})
    frequencies, psd = welch(simulate_recording(long, 3, "rest").data[2:19], long.rate, nperseg=1000)
    inside = (frequencies >= 5.0) & (frequencies <= 45.0)
    expected = expected_psd(subject_parameters(long, 3), "rest", frequencies[inside])[2:]
    error_db = 10.0 * np.log10(psd[:, inside] / expected)
    assert np.abs(error_db.mean()) < 0.2
    assert np.abs(error_db.mean(axis=0)).max() < 1.5


def test_amplitudes_artefacts_and_line_noise_are_like_an_eeg(simulation):
    data = simulate_recording(simulation, 0, "rest").data
    assert np.all((data[2:19].std(axis=1) > 5.0) & (data[2:19].std(axis=1) < 40.0))
    blinks = (data[0] - data[17]).max()
    assert blinks > 50.0 and blinks > 4.0 * data[17].std()
    frequencies, psd = welch(data[:19], simulation.rate, nperseg=1000)
    beside = psd[:, np.abs(frequencies - 46.0) < 2].mean(axis=1)
    line = psd[:, np.abs(frequencies - 50.0) < 0.3].max(axis=1) / beside
    assert np.median(line) > 3.0


def test_alpha_waxes_and_wanes(simulation):
    from scipy.signal import butter, hilbert, sosfiltfilt

    data = simulate_recording(simulation, 2, "rest").data[17]
    band = sosfiltfilt(butter(4, (7, 13), "bandpass", fs=simulation.rate, output="sos"), data)
    envelope = np.abs(hilbert(band))[250:-250]
    assert envelope.std() / envelope.mean() > 0.45


@pytest.mark.parametrize(("index", "suffix", "channel"), [(0, ".edf", "EEG T3"), (1, ".cnt", "T7")])
def test_files_are_real_and_read_back(simulation, tmp_path, index, suffix, channel):
    short = SimpleNamespace(**vars(simulation) | {"seconds": 12.0})
    paths = simulate_subject(short, index, tmp_path)
    assert [path.name for path in paths] == [f"sub-00{index}_{a}{suffix}" for a in ACTIVITIES]
    for path, activity in zip(paths, ACTIVITIES, strict=True):
        header, recording = read_header(path), read(path)
        assert (header.fs, header.duration, len(header.channels)) == (250.0, 12.0, 20)
        assert channel in recording.channels
        made = simulate_recording(short, index, activity)
        picked = pick(recording, "1020-19")
        np.testing.assert_allclose(picked.data, made.data[:19], atol=0.016)


def test_files_are_read_by_mne_alike(simulation, tmp_path):
    from mne.io import read_raw_cnt, read_raw_edf

    short = SimpleNamespace(**vars(simulation) | {"seconds": 4.0})
    for index, reader in ((0, read_raw_edf), (1, read_raw_cnt)):
        path = simulate_subject(short, index, tmp_path)[0]
        raw = reader(path, verbose="error")
        assert raw.ch_names == list(read(path).channels)
        np.testing.assert_allclose(read(path).data, raw.get_data() * 1e6, rtol=1e-5, atol=1e-3)


def test_the_same_subject_gives_the_same_bytes(simulation, tmp_path):
    short = SimpleNamespace(**vars(simulation) | {"seconds": 4.0})
    for index in (0, 1):
        first = [path.read_bytes() for path in simulate_subject(short, index, tmp_path / "a")]
        assert first == [path.read_bytes() for path in simulate_subject(short, index, tmp_path / "b")]
        assert first[0] != first[1]


@pytest.mark.parametrize(("tens", "first"), [("00", 0), ("07", 70), ("10", 100), ("123", 1230)])
def test_ten_subjects_files_are_named_by_what_their_numbers_begin_with(tens, first):
    numbers = range(first, first + 10)
    assert list(subjects_together(tens)) == list(numbers)
    assert names_together(tens) == [file_name(number, a) for number in numbers for a in ACTIVITIES]
