"""EEGLAB sets: of MATLAB 5 and 7.3, with and without `.fdt`, and fields that contradict each other."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.formats import files, read, read_header
from signal_diffusion.recordings.recording import gaps_within

from .material import find

NAMES = ["Fp1", "Fp2", "Cz", "Status"]
SAMPLES, RATE = 640, 128.0


@pytest.fixture
def fields() -> dict:
    """EEG's fields as EEGLAB keeps them, samples inside."""
    data = np.random.default_rng(0).normal(0, 20, (4, SAMPLES)).astype(np.float32)
    places = np.zeros(4, dtype=[("labels", object), ("type", object)])
    places["labels"] = NAMES
    places["type"] = ["EEG", "", "EEG", "STIM"]
    return {
        "setname": "planted",
        "nbchan": 4.0,
        "pnts": float(SAMPLES),
        "trials": 1.0,
        "srate": RATE,
        "xmin": 0.0,
        "xmax": (SAMPLES - 1) / RATE,
        "times": np.arange(SAMPLES) / RATE * 1e3,
        "data": data,
        "chanlocs": places,
    }


def write_7_3(path: Path, fields: dict) -> None:
    """The struct EEG as MATLAB writes it to HDF5: transposed arrays, texts as UTF-16, structs by reference."""

    def stored(group, name: str, value: str | float):
        if isinstance(value, float):
            group[name] = np.array([[value]])
            return group[name].ref
        codes = np.array([[ord(letter)] for letter in value] or [[0]], np.uint16)
        group[name] = codes
        group[name].attrs["MATLAB_class"] = np.bytes_("char")
        group[name].attrs["MATLAB_int_decode"] = np.int32(2)
        return group[name].ref

    with h5py.File(path, "w", userblock_size=512) as file:
        eeg = file.create_group("EEG")
        eeg.attrs["MATLAB_class"] = np.bytes_("struct")
        refs = file.create_group("#refs#")
        for name, value in fields.items():
            if isinstance(value, str):
                stored(eeg, name, value)
            elif getattr(value, "dtype", None) is not None and value.dtype.names:
                places = eeg.create_group(name)
                places.attrs["MATLAB_class"] = np.bytes_("struct")
                for key in value.dtype.names:
                    pointers = [[stored(refs, f"{name}{key}{i}", each)] for i, each in enumerate(value[key])]
                    places.create_dataset(key, data=np.array(pointers, dtype=h5py.ref_dtype))
            else:
                eeg[name] = np.atleast_2d(np.asarray(value, np.float64)).T
                eeg[name].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def write(path: Path, fields: dict, kind: str) -> Path:
    if kind == "7.3":
        write_7_3(path, fields)
    else:
        savemat(path, {"EEG": fields} if kind == "struct" else fields)
    return path


@pytest.mark.parametrize("kind", ["struct", "fields", "7.3"])
@pytest.mark.parametrize("outside", [False, True])
def test_every_kind_of_set(fields, tmp_path, kind, outside):
    expected = fields["data"]
    if outside:
        expected.T.tofile(tmp_path / "a.fdt")
        fields["data"] = "a.fdt"
    path = write(tmp_path / "a.set", fields, kind)
    header, mine = read_header(path), read(path)
    assert header.channels == mine.channels == ("Fp1", "Fp2", "Cz")
    assert (header.fs, header.duration, header.format) == (RATE, SAMPLES / RATE, "set")
    np.testing.assert_array_equal(mine.data, expected[:3])
    part = read(path, ["Cz", "Fp1"], (1.0, 2.5))
    np.testing.assert_array_equal(part.data, expected[[2, 0], 128:320])
    with pytest.raises(UserError, match="also Status"):
        read(path, ["Status"])


@pytest.mark.parametrize("kind", ["struct", "fields", "7.3"])
@pytest.mark.parametrize("count", [1, 3])
def test_boundaries_are_gaps(fields, tmp_path, kind, count):
    """As EEGLAB leaves them where it cut something out: half-way between two samples, which count from 1."""
    events = [("boundary", 256.5), ("S 1", 300.0), ("boundary", 0.5)][:count]
    fields["event"] = np.array(events, dtype=[("type", object), ("latency", object)])
    header = read_header(write(tmp_path / "a.set", fields, kind))
    assert header.gaps == (2.0, 0.0)[: 1 + count // 3]
    assert gaps_within(header, None) == [2.0] and gaps_within(header, (1.5, 4.0)) == [0.5]
    assert gaps_within(header, (2.0, 4.0)) == gaps_within(header, (0.0, 2.0)) == []
    fields["event"][0] = ("boundary", "nowhere")
    with pytest.raises(UserError, match="latency of a boundary: found no single number"):
        read_header(write(tmp_path / "b.set", fields, kind))


def test_equals_mne(shared):
    from mne.io import read_raw_eeglab

    for name in ("eeglab_data.set", "00_task_processed_filtered_ICA.set"):
        path = find(shared, name)
        raw, mine = read_raw_eeglab(path, verbose="error"), read(path)
        assert (tuple(raw.ch_names), raw.info["sfreq"]) == (mine.channels, mine.fs)
        np.testing.assert_allclose(mine.data, 1e6 * raw.get_data(), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "channels", "fs", "seconds"),
    [("eeglab_data.set", 32, 128.0, 238.3125), ("00_task_processed_filtered_ICA.set", 19, 500.0, 60.002)],
)
def test_real_sets_are_the_float32_of_their_fdt(shared, name, channels, fs, seconds):
    path = find(shared, name)
    raw = np.fromfile(path.with_suffix(".fdt"), "<f4").reshape(-1, channels).T
    mine, header = read(path), read_header(path)
    assert (len(header.channels), header.fs, header.duration) == (channels, fs, seconds)
    np.testing.assert_array_equal(mine.data, raw)


@pytest.mark.parametrize("kind", ["struct", "7.3"])
@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("srate", 256.0, "xmin to xmax: found 4.99219 s, expected 2.49609 s"),
        ("srate", 0.0, "srate"),
        ("srate", float("nan"), "srate"),
        ("pnts", 639.0, "times|data"),
        ("pnts", 64.5, "pnts: found 64.5"),
        ("nbchan", 3.0, "chanlocs"),
        ("nbchan", 5.0, "chanlocs"),
        ("trials", 2.0, "trials"),
        ("xmax", 9.0, "xmin to xmax"),
        ("times", np.arange(SAMPLES) / RATE, "times"),
        ("times", np.arange(SAMPLES - 1) / RATE * 1e3, "times: found 639 values"),
        ("data", "b.fdt", "data file"),
        ("data", "Jane Roe", "data file"),
        ("setname", "kept", None),
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields, tmp_path, kind, field, value, complaint):
    path = write(tmp_path / "a.set", fields | {field: value}, kind)
    if complaint is None:
        assert read(path).fs == RATE
        return
    with pytest.raises(UserError, match=complaint) as error:
        read_header(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value) and "Jane" not in str(error.value)


def test_the_end_may_stand_one_sample_further(fields, tmp_path):
    """As other writers of sets than EEGLAB have it; and without times and end there is only the rate."""
    assert read(write(tmp_path / "a.set", fields | {"xmax": SAMPLES / RATE}, "struct")).fs == RATE
    for name in ("xmin", "xmax", "times"):
        fields.pop(name)
    assert read(write(tmp_path / "b.set", fields, "struct")).fs == RATE


def test_labels(fields, tmp_path):
    labels = fields["chanlocs"]["labels"]
    labels[2] = "C\x01"
    with pytest.raises(UserError, match="label of channel 3"):
        read(write(tmp_path / "a.set", fields, "struct"))
    labels[2] = "Fp1"
    assert read(write(tmp_path / "b.set", fields, "struct")).channels == ("Fp1-0", "Fp2", "Fp1-1")
    fields["chanlocs"] = fields["chanlocs"]["labels"]
    with pytest.raises(UserError, match="chanlocs: found no labels"):
        read(write(tmp_path / "c.set", fields, "struct"))


def test_a_short_absent_or_second_fdt_is_refused(shared, tmp_path):
    path = find(shared, "eeglab_data.set")
    copy = tmp_path / "renamed.set"
    shutil.copy(path, copy)
    with pytest.raises(UserError, match="none of renamed.fdt"):
        read_header(copy)
    data = path.with_suffix(".fdt").read_bytes()
    copy.with_suffix(".fdt").write_bytes(data[:-400])
    with pytest.raises(UserError, match="size of renamed.fdt: found 3904112 bytes, expected 3904512"):
        read_header(copy)
    copy.with_suffix(".fdt").rename(tmp_path / "eeglab_data.fdt")
    assert files(copy) == [copy, tmp_path / "eeglab_data.fdt"]
    (tmp_path / "eeglab_data.fdt").unlink()
    copy.with_suffix(".fdt").write_bytes(data)
    assert read(copy).data.shape == (32, 30504)
    (tmp_path / "eeglab_data.fdt").write_bytes(data)
    with pytest.raises(UserError, match="2 of renamed.fdt and the one that the set names"):
        read_header(copy)


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_truncated_set_is_refused(shared, tmp_path, share):
    path = find(shared, "eeglab_data.set")
    copy = tmp_path / path.name
    shutil.copy(path.with_suffix(".fdt"), tmp_path)
    copy.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match="MATLAB file"):
        read(copy)


def test_samples_in_the_wrong_order_of_bytes_are_refused(shared, tmp_path):
    path = find(shared, "eeglab_data.set")
    shutil.copy(path, tmp_path)
    np.fromfile(path.with_suffix(".fdt"), "<f4").byteswap().tofile(tmp_path / "eeglab_data.fdt")
    with pytest.raises(UserError, match="samples of"):
        read(tmp_path / path.name)
