"""Readers against the formats' own definitions on real files, and against bytes that were changed on purpose."""

import shutil
import struct
from pathlib import Path

import edfio
import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.formats import read, read_header
from signal_diffusion.recordings.formats.checks import unique_names
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.writers import write_cnt, write_edf

EDF_FILES = (
    "eegmat/Subject00_1.edf",
    "eegmat/Subject31_1.edf",
    "bids_eeglab/sub-S1/ses-01/eeg/sub-S1_ses-01_task-Experiment_run-01_eeg.edf",
    "chbmit/chb01_03_ictal.edf",
    "chbmit/chb08_02.edf",
)
CNT_FILES = {  # bytes per sample, channels, Hz, seconds
    "1_1_20180804.cnt": (4, 66, 1000, 10.0),
    "7_1_20180411.cnt": (4, 66, 1000, 10.0),
    "jw_broken_evtpos.cnt": (4, 2, 1000, 90.0),
    "jw_broken_nsamples_neg732.cnt": (4, 2, 1000, 90.0),
    "jw_broken_nsamples_zero.cnt": (4, 2, 1000, 90.0),
    "jw_clean_int32.cnt": (4, 2, 1000, 90.0),
    "scan41_short.cnt": (2, 128, 400, 7.675),
    "test_CNT_events_mne_JWoess_clipped.cnt": (4, 2, 1000, 90.0),
}


def patch(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def find(shared: Path, name: str) -> Path:
    found = sorted((shared / "data").rglob(name))
    if not found:
        pytest.skip(f"{name} is not in {shared / 'data'}")
    return found[0]


def edf_samples(path: Path) -> list[tuple[str, np.ndarray]]:
    """Labels and microvolts of the signals in volts, by the EDF specification."""
    content = path.read_bytes()
    count = int(content[252:256])

    def fields(start: int, width: int) -> list[str]:
        at = [256 + count * start + width * i for i in range(count)]
        return [content[a : a + width].decode("latin-1").strip() for a in at]

    lengths = [int(field) for field in fields(216, 8)]
    records = np.frombuffer(content, "<i2", offset=256 * (count + 1)).reshape(-1, sum(lengths))
    low, high, bottom, top = (np.array(list(map(float, fields(at, 8)))) for at in (104, 112, 120, 128))
    found = []
    for i, (label, unit) in enumerate(zip(fields(0, 16), fields(96, 8), strict=True)):
        digital = records[:, sum(lengths[:i]) :][:, : lengths[i]].ravel()
        physical = low[i] + (digital - bottom[i]) * (high[i] - low[i]) / (top[i] - bottom[i])
        if unit in ("uV", "mV"):
            found.append((label, physical * {"uV": 1.0, "mV": 1e3}[unit]))
    return found


def cnt_samples(path: Path, width: int, channels: int, samples: int) -> np.ndarray:
    """Microvolts [channels, samples] by the SETUP and ELECTLOC structures of the format."""
    content = path.read_bytes()
    digital = np.frombuffer(content, f"<i{width}", samples * channels, 900 + 75 * channels)
    at = [900 + 75 * i for i in range(channels)]
    baseline, sensitivity, calibration = (
        np.array([struct.unpack_from(kind, content, a + offset)[0] for a in at])
        for kind, offset in (("<h", 47), ("<f", 59), ("<f", 71))
    )
    return ((digital.reshape(-1, channels) - baseline) * sensitivity * calibration / 204.8).T


@pytest.mark.parametrize("name", EDF_FILES)
def test_edf_equals_the_specification(shared, name):
    path = find(shared, Path(name).name)
    mine, header, expected = read(path), read_header(path), edf_samples(path)
    assert mine.channels == header.channels == unique_names(label for label, _ in expected)
    assert (mine.fs, header.duration) == (header.fs, mine.data.shape[1] / mine.fs)
    assert mine.data.dtype == np.float32
    np.testing.assert_allclose(mine.data, np.stack([row for _, row in expected]), rtol=1e-6, atol=1e-3)


def test_edf_picks_in_the_order_asked(edf, recording):
    mine = read(edf, ["Cz", "EEG Fp1"])
    assert mine.channels == ("Cz", "EEG Fp1")
    np.testing.assert_allclose(mine.data, recording.data[[2, 0]], atol=0.016)


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


@pytest.mark.parametrize("name", CNT_FILES)
def test_cnt_equals_the_specification(shared, name):
    width, channels, fs, seconds = CNT_FILES[name]
    path = find(shared, name)
    mine, header = read(path), read_header(path)
    assert (len(mine.channels), mine.fs, header.duration) == (channels, fs, seconds)
    expected = cnt_samples(path, width, channels, round(fs * seconds))
    np.testing.assert_allclose(mine.data, expected, rtol=1e-5, atol=1e-3)


def test_cnt_picks_in_the_order_asked(cnt, recording):
    mine = read(cnt, ["Cz", "EEG Fp1"])
    assert mine.channels == ("Cz", "EEG Fp1")
    np.testing.assert_allclose(mine.data, recording.data[[2, 0]], atol=0.006)


def test_long_recordings_are_read_in_blocks(tmp_path):
    # More samples than are decoded at a time, in a number that no block divides.
    data = np.random.default_rng(0).normal(0, 20, (2, 700 * 200)).cumsum(axis=1).astype(np.float32) / 10
    long = Recording(data, 200.0, ("Fp1", "Fp2"))
    write_cnt(long, tmp_path / "a.cnt")
    write_edf(long, tmp_path / "a.edf")
    np.testing.assert_allclose(read(tmp_path / "a.cnt").data, data, atol=0.006)
    np.testing.assert_allclose(read(tmp_path / "a.edf").data, np.clip(data, -1000, 1000), atol=0.02)


def test_cnt_count_beyond_the_file_gives_way_to_the_event_table(cnt, recording):
    patch(cnt, 864, struct.pack("<i", 10**6))
    np.testing.assert_allclose(read(cnt).data, recording.data, atol=0.006)


def test_cnt_channels_that_stand_twice_are_numbered(cnt, recording):
    patch(cnt, 900, b"Cz" + bytes(8))
    assert read(cnt).channels == read_header(cnt).channels == ("Cz-0", "EEG T3", "Cz-1")
    np.testing.assert_allclose(read(cnt, ["Cz-1"]).data[0], recording.data[2], atol=0.006)


def test_cnt_events_that_mne_cannot_parse_are_refused(cnt):
    patch(cnt, 886, struct.pack("<i", 900))
    with pytest.raises(UserError, match="event|struct|buffer"):
        read(cnt)


def test_cnt_broken_headers_give_the_clean_signal(shared):
    clean = read(find(shared, "jw_clean_int32.cnt")).data
    for name in ("jw_broken_evtpos.cnt", "jw_broken_nsamples_neg732.cnt", "jw_broken_nsamples_zero.cnt"):
        np.testing.assert_array_equal(read(find(shared, name)).data, clean)


@pytest.mark.parametrize(
    ("name", "channels", "fs", "seconds"),
    [
        ("eeglab_data.set", 32, 128.0, 238.3125),
        ("00_task_processed_filtered_ICA.set", 19, 500.0, 60.002),
        ("sub-01_ses-eeg_task-rest_eeg.vhdr", 69, 5000.0, 2.0),
    ],
)
def test_set_and_brainvision(shared, name, channels, fs, seconds):
    path = find(shared, name)
    header, recording = read_header(path), read(path)
    assert (len(header.channels), header.fs, header.duration) == (channels, fs, seconds)
    assert recording.data.shape[1] == round(fs * seconds)
    assert recording.data.dtype == np.float32
    one = read(path, [recording.channels[3]])
    np.testing.assert_array_equal(one.data[0], recording.data[3])


def test_set_is_in_microvolts(shared):
    # The file's own float32 samples [samples, channels] are microvolts.
    path = find(shared, "eeglab_data.set")
    raw = np.fromfile(path.with_suffix(".fdt"), "<f4").reshape(-1, 32).T
    np.testing.assert_allclose(read(path).data, raw, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", ["edf", "cnt"])
@pytest.mark.parametrize("lost", [1, 100, 3000])
def test_a_truncated_file_is_refused(request, kind, lost):
    path = request.getfixturevalue(kind)
    size = path.stat().st_size
    with path.open("r+b") as file:
        # A CNT may lose its event table; every sample less than its header's count is a refusal.
        file.truncate(size - lost - (9 if kind == "cnt" else 0))
    with pytest.raises(UserError, match="found .* expected") as error:
        read(path)
    assert path.name in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(UserError):
        read_header(path)


@pytest.mark.parametrize("suffix", [".edf", ".bdf", ".cnt", ".set", ".vhdr"])
@pytest.mark.parametrize("content", [b"", b"x" * 5000, bytes(5000)])
def test_a_file_that_is_something_else_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_unknown_suffix_and_absent_file(tmp_path):
    with pytest.raises(UserError, match="suffix"):
        read(tmp_path / "a.fif")
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "a.edf")


@pytest.mark.parametrize(
    ("offset", "field", "complaint"),
    [
        (184, b"999     ", "999 stated"),
        (192, b"EDF+D", "EDF\\+C"),
        (236, b"-1      ", "data records"),
        (236, b"many    ", "data records"),
        (256 + 3 * 96, b"furlong ", "unit of EEG Fp1"),
        (256 + 3 * 96, b"nV      ", "unit of EEG Fp1"),
        (256 + 3 * 104, b"1000    ", "Physical range .* EEG Fp1"),
    ],
)
def test_an_edf_header_that_lies_is_refused(edf, offset, field, complaint):
    patch(edf, offset, field)
    with pytest.raises(UserError, match=complaint):
        read(edf, ["EEG Fp1"])


def test_edf_signals_that_are_not_in_volts_are_left_out(tmp_path):
    signals = [
        edfio.EdfSignal(np.arange(256.0), 128, label="Fp1", physical_dimension="uV"),
        edfio.EdfSignal(np.arange(256.0), 128, label="Status", physical_dimension=""),
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


def test_cnt_whose_count_and_table_disagree_is_refused(cnt):
    patch(cnt, 864, struct.pack("<i", 700))
    with pytest.raises(UserError, match="700 in the header, expected 1000"):
        read(cnt)


def test_cnt_of_noise_that_fits_no_width_is_refused(cnt):
    start = 900 + 75 * 3
    patch(cnt, start, np.random.default_rng(0).bytes(cnt.stat().st_size - start - 9))
    with pytest.raises(UserError, match="as 32 bits"):
        read(cnt)


def test_a_set_with_a_short_or_absent_fdt_is_refused(shared, tmp_path):
    path = find(shared, "eeglab_data.set")
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    with pytest.raises(UserError, match="fdt"):
        read_header(copy)
    copy.with_suffix(".fdt").write_bytes(path.with_suffix(".fdt").read_bytes()[:-400])
    with pytest.raises(UserError, match="fdt"):
        read_header(copy)


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_truncated_set_is_refused(shared, tmp_path, share):
    path = find(shared, "eeglab_data.set")
    copy = tmp_path / path.name
    shutil.copy(path.with_suffix(".fdt"), tmp_path)
    copy.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError):
        read(copy)


@pytest.mark.parametrize("lost", [0, 1, 69 * 2 * 5000, 69 * 2 * 10000])
def test_a_truncated_brainvision_file_is_refused(shared, tmp_path, lost):
    """Its header states no length, so the marker that is put on the last sample is the only trace."""
    path = find(shared, "sub-01_ses-eeg_task-rest_eeg.vhdr")
    for part in path.parent.glob(f"{path.stem}.*"):
        (tmp_path / part.name).write_bytes(part.read_bytes())
    data, markers = (tmp_path / f"{path.stem}.{kind}" for kind in ("eeg", "vmrk"))
    data.write_bytes(data.read_bytes()[: data.stat().st_size - lost])
    markers.write_text(markers.read_text() + "\nMk3=Stimulus,S  1,10000,1,0\n")
    if not lost:
        assert read(tmp_path / path.name).data.shape == (67, 10000)  # 2 of the 69 are not in volts
        return
    with pytest.raises(UserError):
        read_header(tmp_path / path.name)
