"""What holds of every reader, and BrainVision."""

from pathlib import Path

import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.batches import Job
from signal_diffusion.recordings.formats import files, read, read_header
from signal_diffusion.recordings.formats.names import damaged, is_electrode, is_known, shown
from signal_diffusion.recordings.recording import gaps_within

from .material import find

SEED = (
    "FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7 C5 C3 C1 CZ C2 C4 C6 T8 "
    "M1 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 M2 P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 OZ O2 "
    "CB2 VEO HEO"
).split()
WAVES = 300 * np.sin(np.arange(1000)[:, None] / np.arange(5, 13))


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


def test_brainvision_whose_header_denies_that_its_samples_are_floats(shared):
    """Taken for INT_16, which its header says, they are 2 s of noise; its sidecar says 0.9998 s."""
    path = find(shared, "sub-01_ses-eeg_task-rest_eeg.vhdr")
    header, recording = read_header(path), read(path)
    assert (len(header.channels), header.fs, header.duration) == (69, 5000.0, 1.0)
    assert header.notes == ("its header says INT_16, its samples are read as IEEE_FLOAT_32",)
    truth = 0.1 * np.fromfile(path.with_suffix(".eeg"), "<f4").reshape(-1, 69).T
    np.testing.assert_allclose(recording.data, truth[:67], rtol=1e-6)  # the other 2 are not in volts
    part = read(path, [recording.channels[3]], (0.5, 0.75))
    assert (part.data[0] == recording.data[3, 2500:3750]).all()
    with pytest.raises(UserError, match="span: found 1 to 3 s"):
        read_header(path, (1.0, 3.0))


def write_brainvision(path, samples, stated, channels=8, data="a.eeg"):
    rows = "".join(f"Ch{i + 1}=E{i + 1},,0.1,µV\n" for i in range(channels))
    path.write_text(
        f"Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile={data}\n"
        f"MarkerFile=a.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels={channels}\n"
        f"SamplingInterval=4000\n[Binary Infos]\nBinaryFormat={stated}\n[Channel Infos]\n{rows}",
        encoding="utf-8",
    )
    path.with_suffix(".vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nDataFile=a.eeg\n[Marker Infos]\n"
        "Mk1=New Segment,,1,1,0\n"
    )
    samples.tofile(path.with_name(data))


@pytest.mark.parametrize("offset", [0, 15000, -13000])
def test_brainvision_as_its_header_says(tmp_path, offset):
    """Integers with a large offset have the exponents of floats, but they are smooth."""
    for stated, kind in (("INT_16", "<i2"), ("IEEE_FLOAT_32", "<f4")):
        samples = (WAVES + offset).astype(kind)
        write_brainvision(tmp_path / "a.vhdr", samples, stated)
        assert read_header(tmp_path / "a.vhdr").notes == ()
        np.testing.assert_allclose(read(tmp_path / "a.vhdr").data, 0.1 * samples.T, rtol=1e-6)


def test_brainvision_of_another_name_than_its_data_is_refused_where_its_own_are_there(tmp_path):
    """A header that was renamed or copied by hand still names the data it was written with."""
    write_brainvision(tmp_path / "a.vhdr", WAVES.astype("<i2"), "INT_16")
    (tmp_path / "a.vhdr").rename(tmp_path / "b.vhdr")
    assert read(tmp_path / "b.vhdr").data.shape == (8, 1000)
    for kind, key in (("vmrk", "MarkerFile"), ("eeg", "DataFile")):
        (tmp_path / f"b.{kind}").write_bytes((tmp_path / f"a.{kind}").read_bytes())
        with pytest.raises(UserError, match=f"b.vhdr: {key}: found another file than b.{kind}"):
            read_header(tmp_path / "b.vhdr")


def test_the_data_that_a_brainvision_header_names_are_among_its_files(tmp_path):
    path = tmp_path / "a.vhdr"
    write_brainvision(path, WAVES.astype("<i2"), "INT_16", data="Müller.dat")
    assert files(path) == [path, tmp_path / "a.vmrk", tmp_path / "Müller.dat"]
    path.write_bytes(path.read_text("utf-8").replace("UTF-8", "ANSI").encode("latin-1"))
    assert files(path)[2:] == [tmp_path / "Müller.dat"]
    source = Job("a", path).made_from([])
    (tmp_path / "Müller.dat").write_bytes(bytes(8 * 2 * 1001))
    assert Job("a", path).made_from([]) != source


def test_planning_opens_no_file_that_needs_no_other(edf, monkeypatch):
    def opened(*arguments, **named):
        raise AssertionError("opened")

    monkeypatch.setattr(Path, "open", opened)
    edf.with_suffix(".set").touch()
    edf.with_suffix(".fdt").touch()
    alone = edf.with_name("alone.set")
    alone.touch()
    assert files(alone) == [alone]
    assert files(edf) == [edf] and files(edf.with_suffix(".set")) == [
        edf.with_suffix(".set"),
        edf.with_suffix(".fdt"),
    ]


def test_later_segments_of_brainvision_are_gaps(tmp_path):
    write_brainvision(tmp_path / "a.vhdr", WAVES.astype("<i2"), "INT_16")
    assert gaps_within(read_header(tmp_path / "a.vhdr"), None) == []
    with (tmp_path / "a.vmrk").open("a") as file:
        file.write("Mk2=Stimulus,S  1,400,1,0\nMk3=New Segment,,501,1,0,20200101010000000000\n")
    assert gaps_within(read_header(tmp_path / "a.vhdr"), None) == [2.0]


@pytest.mark.parametrize("lost", [0, 8, 30])
def test_brainvision_of_32_bit_integers(tmp_path, lost):
    samples = np.round(1e4 * WAVES).astype("<i4")
    write_brainvision(tmp_path / "a.vhdr", samples, "INT_32")
    data = tmp_path / "a.eeg"
    data.write_bytes(data.read_bytes()[: data.stat().st_size - lost])
    if lost:
        with pytest.raises(UserError, match="size of a.eeg: found .* expected a multiple of 32"):
            read_header(tmp_path / "a.vhdr")
    else:
        np.testing.assert_allclose(read(tmp_path / "a.vhdr").data, 0.1 * samples.T, rtol=1e-6)


def test_brainvision_that_says_floats_and_holds_none_is_refused(tmp_path):
    samples = WAVES.astype("<i2")
    write_brainvision(tmp_path / "a.vhdr", samples, "IEEE_FLOAT_32")
    with pytest.raises(
        UserError, match="a.vhdr: BinaryFormat: found IEEE_FLOAT_32, expected what the samples of a"
    ):
        read_header(tmp_path / "a.vhdr")
    write_brainvision(tmp_path / "a.vhdr", samples, "INT_16", channels=0)
    with pytest.raises(UserError, match="a.vhdr: NumberOfChannels: found no such number"):
        read_header(tmp_path / "a.vhdr")


@pytest.mark.parametrize("lost", [0, 1, 69 * 4 * 2500, 69 * 4 * 5000])
def test_a_truncated_brainvision_file_is_refused(shared, tmp_path, lost):
    """Its header states no length, so the marker that is put on the last sample is the only trace."""
    path = find(shared, "sub-01_ses-eeg_task-rest_eeg.vhdr")
    for part in path.parent.glob(f"{path.stem}.*"):
        (tmp_path / part.name).write_bytes(part.read_bytes())
    data, markers = (tmp_path / f"{path.stem}.{kind}" for kind in ("eeg", "vmrk"))
    data.write_bytes(data.read_bytes()[: data.stat().st_size - lost])
    markers.write_text(markers.read_text() + "\nMk3=Stimulus,S  1,5000,1,0\n")
    if not lost:
        assert read(tmp_path / path.name).data.shape == (67, 5000)  # 2 of the 69 are not in volts
        return
    with pytest.raises(UserError):
        read_header(tmp_path / path.name)


def test_names_of_electrodes():
    assert all(map(is_known, SEED)) and damaged(SEED) is None
    assert all(map(is_electrode, ("EEG T3-REF", "fp1", "FP1-F7", "T8-P8-0", "FFC5h", "EEG A2-A1", "PO10")))
    assert not any(map(is_electrode, ("ECG ECG", "VEO", "Resp", "X", "Fp11", "Jane", "E17", "", "-")))
    assert all(map(is_known, ("ECG ECG", "Status", "EDF Annotations", "DC01", "E17", "128", "--0")))


@pytest.mark.parametrize(
    ("name", "hurt"), [("Fq1", True), ("FP#", True), ("ZP1", True), ("FP2", False), ("FOTO", False)]
)
def test_a_name_that_differs_by_a_letter_from_an_absent_electrode_is_known_as_hurt(name, hurt):
    assert damaged([name, *SEED[1:]]) == (0 if hurt else None)
    assert damaged([name, "Amplitude", "Left leg", "Bed"]) is None  # where names say nothing


def test_a_strangers_text_is_not_repeated():
    assert shown("EEG Fp1", 3) == "EEG Fp1"
    assert shown("Jane Roe", 3) == "(channel 4)"
