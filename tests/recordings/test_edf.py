"""EDF, EDF+ and BDF against the specification on real files, and against headers changed on purpose."""

from pathlib import Path

import edfio
import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.formats import read, read_header
from signal_diffusion.recordings.formats.checks import unique_names
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.writers import write_edf

from .material import edf_samples, find, patch

FILES = (
    "eegmat/Subject00_1.edf",
    "eegmat/Subject31_1.edf",
    "bids_eeglab/sub-S1/ses-01/eeg/sub-S1_ses-01_task-Experiment_run-01_eeg.edf",
    "chbmit/chb01_03_ictal.edf",
    "chbmit/chb08_02.edf",
)
UNITS, LOW, DURATION = 256 + 3 * 96, 256 + 3 * 104, 244  # of the fixture `edf`, which has three signals


@pytest.fixture
def timed(recording, tmp_path) -> Path:
    """EDF+ with a signal of annotations whose records state their times."""
    signals = [
        edfio.EdfSignal(row.astype(float), 200, label=name, physical_dimension="uV")
        for name, row in zip(("Fp1", "Fp2", "Cz"), recording.data, strict=True)
    ]
    annotations = [edfio.EdfAnnotation(0.5, None, "eyes open")]
    edfio.Edf(signals, annotations=annotations, data_record_duration=1).write(tmp_path / "timed.edf")
    return tmp_path / "timed.edf"


@pytest.mark.parametrize("name", FILES)
def test_equals_the_specification(shared, name):
    path = find(shared, Path(name).name)
    mine, header, expected = read(path), read_header(path), edf_samples(path)
    assert mine.channels == header.channels == unique_names(label for label, _ in expected)
    assert (mine.fs, header.duration) == (header.fs, mine.data.shape[1] / mine.fs)
    assert mine.data.dtype == np.float32
    np.testing.assert_allclose(mine.data, np.stack([row for _, row in expected]), rtol=1e-6, atol=1e-3)


def test_equals_mne(shared):
    from mne.io import read_raw_edf

    path = find(shared, "Subject00_2.edf")
    raw, mine = read_raw_edf(path, verbose="error"), read(path)
    assert tuple(raw.ch_names) == mine.channels
    np.testing.assert_allclose(mine.data, 1e6 * raw.get_data(), rtol=1e-6, atol=1e-3)


def test_a_span_is_those_samples_of_the_whole(shared, edf):
    for path, span in ((edf, (1.5, 3.25)), (find(shared, "Subject00_2.edf"), (10.1, 61.0))):
        whole, part = read(path), read(path, span=span)
        first, stop = (round(second * whole.fs) for second in span)
        np.testing.assert_array_equal(part.data, whole.data[:, first:stop])
        assert part.data.flags.c_contiguous
    for reader in (read, read_header):
        with pytest.raises(UserError, match="span: found 1 to 5.5 s"):
            reader(edf, span=(1.0, 5.5))


def test_picks_in_the_order_asked(edf, recording):
    mine = read(edf, ["Cz", "EEG Fp1"])
    assert mine.channels == ("Cz", "EEG Fp1")
    np.testing.assert_allclose(mine.data, recording.data[[2, 0]], atol=0.016)


def test_long_recordings_are_read_in_blocks(tmp_path):
    data = np.random.default_rng(0).normal(0, 20, (2, 9000 * 200)).cumsum(axis=1).astype(np.float32) / 50
    write_edf(Recording(data, 200.0, ("Fp1", "Fp2")), tmp_path / "a.edf")
    np.testing.assert_allclose(read(tmp_path / "a.edf").data, np.clip(data, -1000, 1000), atol=0.02)
    part = read(tmp_path / "a.edf", ["Fp2"], (8000.5, 8900.0)).data
    np.testing.assert_allclose(part[0], np.clip(data[1, 1600100:1780000], -1000, 1000), atol=0.02)


@pytest.mark.parametrize("biosemi", [True, False])
def test_pauses_of_a_biosemi_amplifier_are_gaps(tmp_path, biosemi):
    """Bit 16 of Status rises where an epoch begins, bit 20 is high while the reference loop is closed."""
    triggers, whole = np.zeros(128 * 10), (-(2.0**23), 2.0**23 - 1)
    triggers[0] = triggers[320:330] = 2**16 + 5
    if biosemi:
        triggers += 2**20
        triggers[1000:1064] -= 2**20
    noise = np.random.default_rng(0).normal(0, 10, (2, 1280))
    signals = [
        edfio.BdfSignal(row, 128, label=name, physical_dimension="uV", physical_range=(-500, 500))
        for row, name in zip(noise, ("Fp1", "Fp2"), strict=True)
    ]
    status = edfio.BdfSignal(
        triggers, 128, label="Status", physical_dimension="Boolean", physical_range=whole
    )
    edfio.Bdf([*signals, status]).write(tmp_path / "a.bdf")
    header = read_header(tmp_path / "a.bdf")
    assert header.channels == ("Fp1", "Fp2")
    assert header.gaps == ((2.5,) if biosemi else ())
    assert header.notes == (("the reference loop was open for 0.5 s",) if biosemi else ())


def test_bdf_equals_edfio(tmp_path):
    data = np.random.default_rng(0).normal(0, 30, (2, 512))
    data[:, :2] = [[-5000.0, 5000.0]] * 2
    bounds = (-262144.0, 262143.0)
    signals = [
        edfio.BdfSignal(row, 128, label=name, physical_dimension="uV", physical_range=bounds)
        for name, row in zip(("Fp1", "Fp2"), data, strict=True)
    ]
    edfio.Bdf(signals).write(tmp_path / "a.bdf")
    mine = read(tmp_path / "a.bdf")
    expected = np.stack([signal.data for signal in edfio.read_bdf(tmp_path / "a.bdf").signals])
    np.testing.assert_allclose(mine.data, expected, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(mine.data, data, atol=0.02)


@pytest.mark.parametrize(
    ("offset", "field", "complaint"),
    [
        (0, b"Jane Roe", "version"),
        (184, b"999     ", "999 stated"),
        (192, b"EDF+D", "EDF\\+C"),
        (192, b"EDF+C", "annotations"),
        (236, b"-1      ", "data records"),
        (236, b"many    ", "data records: found text"),
        # To Python's float() the first is a space; it is none of EDF's characters.
        (236, b"\x854     ", "data records: found text"),
        (236, b"0_4     ", "data records: found text"),
        (236, b"4       ", "size"),
        (DURATION, b"3       ", "rate: found 66.6667 Hz"),
        (DURATION, b"8       ", "rate: found 25 Hz"),
        (DURATION, b"0       ", "data record"),
        (DURATION, b"nan     ", "duration of a data record"),
        (256, b"EEG F\x01", "label of signal 1"),
        (UNITS, b"furlong ", "unit of EEG Fp1"),
        (UNITS, b"nV      ", "unit of EEG Fp1"),
        (LOW, b"1000    ", "physical range of EEG Fp1"),
        (LOW, b"-9999999999"[:8], "physical range of EEG Fp1"),
        (LOW, b"2000    ", "physical range of EEG Fp1: found its minimum above"),
        (256 + 3 * 120, b"40000   ", "digital range of EEG Fp1"),
        (256 + 3 * 128, b"-32768  ", "digital range of EEG Fp1"),
    ],
)
def test_a_header_that_lies_is_refused(edf, offset, field, complaint):
    patch(edf, offset, field)
    with pytest.raises(UserError, match=complaint):
        read(edf, ["EEG Fp1", "Cz"])


def test_a_signal_that_exchanged_its_name_and_its_unit_is_refused(edf):
    patch(edf, 256, b"uV  Fp1 ")
    patch(edf, UNITS, b"EEG     ")
    with pytest.raises(UserError, match=r"unit of \(channel 1\): found another one"):
        read(edf)


def test_records_that_state_other_times_than_the_header_are_refused(timed):
    assert read(timed).data.shape == (3, 1000)
    signals = int(timed.read_bytes()[252:256])
    rate = "time of data record 5: found 4 s, expected 8 s"
    counts = 256 + signals * 216
    swapped = timed.read_bytes()[counts : counts + 8 * signals]
    for offset, content, complaint in (
        (DURATION, b"2       ", rate),
        (
            counts,
            swapped[8 * signals - 8 :] + swapped[8:-8] + swapped[:8],
            "time of data record 1: found no time",
        ),
        (256 + 16 * (signals - 1), b"EDF Annotatixns ", "annotations"),
    ):
        content_before = timed.read_bytes()
        patch(timed, offset, content)
        with pytest.raises(UserError, match=complaint):
            read_header(timed)
        timed.write_bytes(content_before)


def test_a_shift_in_the_midst_of_edf_plus_is_refused(timed):
    """As long as before, so that only the times of the records show it."""
    content = timed.read_bytes()
    start = 256 * (1 + int(content[252:256]))
    timed.write_bytes(content[: start + 3000] + bytes(20) + content[start + 3000 : -40] + content[-20:])
    assert timed.stat().st_size == len(content)
    with pytest.raises(UserError, match="time of data record"):
        read(timed)


@pytest.mark.parametrize("shift", [0, 1])
def test_bytes_in_the_wrong_order_are_refused(shared, tmp_path, shift):
    content = bytearray(find(shared, "chb01_03_ictal.edf").read_bytes())
    start = 256 * (1 + int(content[252:256]))
    samples = np.frombuffer(bytes(content[start:]), "<i2")
    content[start:] = np.roll(samples.view(np.uint8), 1).tobytes() if shift else samples.byteswap().tobytes()
    (tmp_path / "a.edf").write_bytes(content)
    with pytest.raises(UserError, match="lowest byte first"):
        read(tmp_path / "a.edf")


def test_a_name_that_lost_a_letter_is_refused_or_not_found(shared, tmp_path):
    content = find(shared, "Subject00_2.edf").read_bytes()
    (tmp_path / "a.edf").write_bytes(content[:256] + b"EEG Jp1" + content[263:])
    with pytest.raises(UserError, match="name of channel 1"):
        read(tmp_path / "a.edf")
    with pytest.raises(UserError, match="also EEG Fp1") as error:
        read(tmp_path / "a.edf", ["EEG Fp1"])
    assert "Jp1" not in str(error.value)


def test_signals_that_are_not_in_volts_are_left_out(tmp_path):
    signals = [
        edfio.EdfSignal(np.arange(256.0), 128, label="Fp1", physical_dimension="uV"),
        edfio.EdfSignal(np.arange(256.0), 128, label="Status", physical_dimension=""),
        edfio.EdfSignal(np.arange(256.0), 128, label="-", physical_dimension="uV"),
        edfio.EdfSignal(np.arange(20.0), 10, label="slow", physical_dimension="mV"),
    ]
    edfio.Edf(signals).write(tmp_path / "a.edf")
    assert read(tmp_path / "a.edf").channels == read_header(tmp_path / "a.edf").channels == ("Fp1",)
    assert read(tmp_path / "a.edf", ["slow"]).fs == 10.0
    np.testing.assert_allclose(read(tmp_path / "a.edf", ["slow"]).data[0], 1e3 * np.arange(20), rtol=1e-3)
    with pytest.raises(UserError, match="unit of Status"):
        read(tmp_path / "a.edf", ["Status"])
    with pytest.raises(UserError, match="one rate"):
        read(tmp_path / "a.edf", ["Fp1", "slow"])


def test_electrodes_are_read_whatever_rate_more_of_the_others_have(tmp_path):
    """A night's recording has muscles, eyes and heart at twice the rate of few electrodes."""
    rates = dict.fromkeys(("EEG C3-A2", "EEG C4-A1"), 100) | dict.fromkeys(
        ("Chin1", "Chin2", "ECG", "LEOG"), 200
    )
    noise = np.random.default_rng(0).normal(0, 20, 2000).cumsum() / 10
    signals = [
        edfio.EdfSignal(noise[: 10 * rate], rate, label=name, physical_dimension="uV")
        for name, rate in rates.items()
    ]
    edfio.Edf(signals).write(tmp_path / "night.edf")
    edfio.Edf(signals[1:]).write(tmp_path / "one.edf")
    edfio.Edf(signals[2:]).write(tmp_path / "none.edf")
    assert (read_header(tmp_path / "night.edf").fs, read(tmp_path / "night.edf").channels) == (
        100,
        tuple(rates)[:2],
    )
    assert read(tmp_path / "one.edf").channels == ("EEG C4-A1",)
    assert (read_header(tmp_path / "none.edf").fs, read(tmp_path / "none.edf").channels) == (
        200,
        tuple(rates)[2:],
    )


def test_an_electrode_with_a_volt_is_refused(tmp_path):
    rows = (np.array([0.0, 3.0] * 64), np.sin(np.arange(128.0)))
    signals = [
        edfio.EdfSignal(row, 128, label=name, physical_dimension="V")
        for row, name in zip(rows, ("ECG", "Fp1"), strict=True)
    ]
    edfio.Edf(signals).write(tmp_path / "a.edf")
    assert read(tmp_path / "a.edf", ["ECG"]).data.max() > 2.9e6
    with pytest.raises(UserError, match="samples of Fp1: found 1e\\+06 uV|samples of Fp1: found 999"):
        read(tmp_path / "a.edf", ["Fp1"])
