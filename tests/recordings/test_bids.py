"""Folders in BIDS without code of their own: labels by column, and sidecars that contradict the data."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from mne_bids import get_bids_path_from_fname
from signal_diffusion.config import load_settings
from signal_diffusion.config.datasets import DatasetPaths
from signal_diffusion.errors import UserError
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.datasets.bids_tables import Tree, reference
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.writers import write_edf

from .bids_layouts import EIGHT, NAME, copy_layout, index, recipe, simulated, state, write, write_set
from .layouts import to_dataset
from .test_index import environment


def test_the_tiny_folder_of_mne_bids(shared):
    """BrainVision, a byte order mark in its tables, one bad channel, floats that the header calls integers."""
    (row,) = index(shared / "data/bids_tiny", "tiny")
    assert (row["recording"], row["session"], row["status"]) == ("sub-01_ses-eeg_task-rest", "ses-eeg", "ok")
    assert (row["gender"], row["age"], row["health"], row["task"]) == ("F", "29", "", "rest")
    assert row["handedness"] == ""  # A, ambidextrous, is neither left nor right
    assert (row["rate"], row["duration"], row["channels"]) == ("5000", "1", 69)  # eeg.json: 0.9998 s
    assert row["warning"].split("; ") == [
        "its header says INT_16, its samples are read as IEEE_FLOAT_32",
        "channels.tsv marks PO10 as bad",
    ]


def test_what_a_sessions_table_says_can_be_a_label(shared):
    health = {"Parkinson's disease": "PD"}
    (row,) = index(shared / "data/bids_tiny", columns={"health": "pathology"}, values={"health": health})
    assert (row["health"], row["age"]) == ("PD", "29")


def test_the_file_is_believed_where_its_sidecars_contradict_it(shared):
    """16 channels at 256 Hz for 60 s; its sidecars say 15 other names, 64 channels, 32 Hz, 758 s."""
    (row,) = index(shared / "data/bids_eeglab", "eeglab")
    assert (row["status"], row["rate"], row["duration"], row["channels"]) == ("ok", "256", "60", 16)
    assert row["warning"].split("; ") == [
        "eeg.json says 32 Hz, the file 256 Hz",
        "eeg.json says 758 s, the file 60 s",
        "eeg.json says 64 EEG channels, the file 16 channels",
        "channels.tsv lists AF7, AF3, F1, F5, FT7, FC5, FC3, FC1 and 2 more, which the file lacks",
        "the file holds EEG Fp2, EEG T4, EEG T5, EEG T6, EEG F8, EEG F4, EEG C4, EEG P3 and 3 more, "
        "which channels.tsv lacks",
    ]
    # Columns are Gender and Age; the derivative beside it is not read; the header has a person's initials.
    assert (row["gender"], row["age"]) == ("M", "32") and row["file"].startswith("sub-S1/")
    assert "J. B." not in str(row) and "RHYTHM" not in str(row)


def test_the_tiny_folder_becomes_a_dataset(shared, tmp_path):
    toml = recipe("tiny", "1020-19", nsamps=64).replace("resolution = 64", 'resolution = 64\nbins = "linear"')
    toml = toml.replace("window = 128", "window = 64")
    (row,), _, folder = to_dataset(
        "tiny", shared / "data/bids_tiny", toml, tmp_path, DatasetPaths(kind="bids")
    )
    rows = pd.read_csv(folder / "metadata.csv")
    assert list(rows["start_s"]) == [0.0, 0.256] and set(rows["subject"]) == {"sub-01"}  # 1 s of 125 Hz
    assert set(rows["text"]) == {"a spectrogram image of a 29 year old, female subject"}


def test_a_folder_whose_signal_is_none_is_refused_and_becomes_a_dataset_only_on_demand(shared, tmp_path):
    """Each second of the file holds one value 256 times: what is named by its header is no EEG any more."""
    root, options = shared / "data/bids_eeglab", DatasetPaths(kind="bids")
    path = next(root.glob("sub-*/ses-*/eeg/*.edf"))
    seconds = formats.read(path).data.reshape(16, 60, 256)
    assert (seconds == seconds[:, :, :1]).all()
    toml = recipe("eeglab", "1020-8", nsamps=128)
    (tmp_path / "strict").mkdir(), (tmp_path / "lax").mkdir()
    with pytest.raises(UserError, match=r"0 of 8 channels are good \(flat: 8 channels\)"):
        to_dataset("eeglab", root, toml, tmp_path / "strict", options)
    lax = toml + "[quality]\nflat_uv = 0.0\ndrop = []\n"
    (row,), _, folder = to_dataset("eeglab", root, lax, tmp_path / "lax", options)
    rows = pd.read_csv(folder / "metadata.csv")
    assert row["status"] == "ok" and set(rows["gender"]) == {"M"} and set(rows["age"]) == {32}
    assert len(rows) > 100


def test_channels_that_the_file_lacks_are_refused_by_name_whatever_the_sidecar_lists(shared, tmp_path):
    """channels.tsv lists FC3, the file has none; and the file alone says that it has O1."""
    with pytest.raises(UserError, match="channels missing: Fz, Cz, Pz"):
        to_dataset("x", shared / "data/bids_eeglab", recipe("x"), tmp_path, DatasetPaths(kind="bids"))


@pytest.mark.parametrize(
    ("dataset", "options"),
    [
        ("parkinsons", {"columns": {"health": "GROUP"}, "values": {"health": {"PD": "PD", "Control": "H"}}}),
        ("longitudinal", {"tasks": ["EyesOpen"]}),
    ],
)
def test_the_named_datasets_can_be_read_without_their_code(shared, tmp_path, dataset, options):
    number, suffix = {"parkinsons": ("ds004584", ".set"), "longitudinal": ("ds005385", ".edf")}[dataset]
    root = copy_layout(shared / "data/bids_layouts" / number, tmp_path / "raw")
    for description in root.rglob("*_eeg.json"):
        description.with_suffix(suffix).write_bytes(b"")
    chosen = DatasetPaths(kind="bids", **options)
    entries = {entry.path: entry for entry in datasets.get("own", chosen).list_recordings(root)}
    for entry in datasets.get(dataset).list_recordings(root):
        if entry.session == "ses-2":
            continue  # what ages and the onsets of gaps there mean needs the dataset's own code
        other = entries[entry.path]
        shared_labels = [label for label in ("gender", "age", "handedness") if label in entry.labels]
        assert (other.reference, other.subject) == (entry.reference, entry.subject)
        assert all(str(entry.labels[label]) == other.labels[label] for label in shared_labels)
        assert dataset == "longitudinal" or other.labels["health"] == entry.labels["health"]


def test_columns_are_known_by_the_names_that_bids_gives_them(tmp_path):
    people = "participant_id\tSex\tAGE\thand\tgroup\nsub-01\tmale\t30.5\tR\tpatient\nsub-02\tO\tn/a\ta\t\n"
    (
        write(tmp_path, NAME, people),
        write(tmp_path, "sub-02_task-rest", people),
        write(tmp_path, "sub-03_task-rest", people),
    )
    rows = index(tmp_path)
    assert [(row["gender"], row["age"], row["handedness"], row["group"], row["health"]) for row in rows] == [
        ("M", "30.5", "right", "patient", ""),
        ("", "", "", "", ""),
        ("", "", "", "", ""),
    ]
    assert [row["warning"] for row in rows] == ["", "", "participants.tsv has no such participant"]


def test_a_session_that_stands_twice_refuses_its_subject_alone(tmp_path):
    write(tmp_path, "sub-01_ses-a_task-rest"), write(tmp_path, "sub-02_ses-a_task-rest")
    (tmp_path / "sub-01/sub-01_sessions.tsv").write_text("session_id\tage\nses-a\t35\na\t45\n")
    first, second = index(tmp_path)
    assert "session_id: found ses-a twice" in first["reason"] and second["status"] == "ok"


def test_a_torn_table_of_sessions_refuses_its_subject_alone(tmp_path):
    write(tmp_path, "sub-01_ses-a_task-rest"), write(tmp_path, "sub-02_ses-a_task-rest")
    (tmp_path / "sub-01/sub-01_sessions.tsv").write_text("session\tage\nses-a\t35\n")
    first, second = index(tmp_path)
    assert (first["status"], second["status"]) == ("refused", "ok")
    assert first["reason"].startswith("sub-01/sub-01_sessions.tsv: columns: session_id missing")


def test_words_that_mean_nothing_refuse_their_recording_alone(tmp_path):
    people = "participant_id\tsex\tage\nsub-01\twoman\t30\nsub-02\tF\t31\n"
    write(tmp_path, NAME, people), write(tmp_path, "sub-02_task-rest", people)
    first, second = index(tmp_path)
    assert (first["status"], second["status"], second["gender"]) == ("refused", "ok", "F")
    assert first["reason"].startswith("own: sub-01: sex: found 'woman', expected one of f, female")
    (first, _) = index(tmp_path, values={"gender": {"woman": "F", "F": "F"}})
    assert (first["status"], first["gender"]) == ("ok", "F")


def test_settings_that_fit_nothing_are_refused(tmp_path):
    write(tmp_path, NAME)
    with pytest.raises(
        UserError, match=r"\[datasets.own\] columns.health: found 'group', the tables have age, "
    ):
        index(tmp_path, columns={"health": "group"})
    with pytest.raises(UserError, match=r"columns.split cannot be a label's name"):
        index(tmp_path, columns={"split": "sex"})
    with pytest.raises(UserError, match="has a recording of task walk"):
        index(tmp_path, tasks=["walk"])
    with pytest.raises(UserError, match="correct the root"):
        index(tmp_path / "sub-01")


def test_the_settings_name_a_folder_of_ones_own(tmp_path):
    path = write(tmp_path / "data/mine", NAME)
    toml = '[data]\nroot = "data"\noutput_root = "work"\n[datasets.mine]\nkind = "bids"\nreference = "Fz"\n'
    (tmp_path / "settings.toml").write_text(toml)
    options = load_settings(tmp_path / "settings.toml").datasets["mine"]
    (entry,) = datasets.get("mine", options).list_recordings(options.root)
    assert (entry.dataset, entry.path, entry.reference) == ("mine", path, "Fz")  # eeg.json says Cz


def test_sidecars_hold_for_what_lies_below_them_as_mne_bids_finds_them(tmp_path):
    path = write(tmp_path, "sub-01_ses-a_task-rest_run-1")
    path.with_suffix(".json").unlink()
    path.with_name("sub-01_ses-a_task-rest_run-1_channels.tsv").unlink()
    (tmp_path / "task-rest_eeg.json").write_text('{"EEGReference": "Cz", "SamplingFrequency": 125}')
    (tmp_path / "task-walk_eeg.json").write_text('{"EEGReference": "Pz"}')
    tree = Tree(tmp_path)
    assert tree.sidecars(path, "eeg.json") == [tmp_path / "task-rest_eeg.json"]
    assert index(tmp_path)[0]["warning"] == "eeg.json says 125 Hz, the file 250 Hz"
    nearer = path.with_name("sub-01_ses-a_task-rest_eeg.json")
    nearer.write_text('{"SamplingFrequency": 250}')
    tree = Tree(tmp_path)
    assert tree.sidecars(path, "eeg.json")[0] == nearer and tree.description(path)["EEGReference"] == "Cz"
    found = get_bids_path_from_fname(path, verbose="error").find_matching_sidecar("eeg", ".json")
    assert found == nearer and index(tmp_path)[0]["warning"] == ""


@pytest.mark.parametrize(
    ("said", "electrode"),
    [
        ("FCz", "FCz"),
        ("TP9", "TP9"),
        ("A1", "A1"),
        ("common", None),
        ("n/a", None),
        ("average of A1 and A2", None),
        (None, None),
    ],
)
def test_a_reference_is_one_electrode_or_none(said, electrode):
    assert reference({} if said is None else {"EEGReference": said}) == electrode


def test_sidecars_that_agree_say_nothing_and_those_that_do_not_are_said(tmp_path):
    path = write(tmp_path, NAME)
    table = path.with_name(f"{NAME}_channels.tsv")
    assert index(tmp_path)[0]["warning"] == ""
    state(path.with_suffix(".json"), RecordingDuration=5)  # whole seconds may be cut
    assert index(tmp_path)[0]["warning"] == ""
    state(path.with_suffix(".json"), RecordingDuration=5.5)
    assert index(tmp_path)[0]["warning"] == "eeg.json says 5.5 s, the file 6 s"
    path.with_suffix(".json").unlink()
    header, *lines = table.read_text().splitlines()
    table.write_text("\n".join([header, *lines[::-1]]) + "\n")
    assert index(tmp_path)[0]["warning"] == "channels.tsv lists the channels in another order than the file"
    table.write_text("\n".join([header, *lines[1:], "VEOG\tEOG\tuV"]) + "\n")
    assert index(tmp_path)[0]["warning"] == "the file holds F3, which channels.tsv lacks"


def test_a_unit_that_nothing_settles_is_refused(tmp_path):
    path = write(tmp_path, NAME)
    path.unlink()
    write_set(path.with_suffix(".set"), simulated(NAME, 8, 1500), 250, EIGHT)
    assert index(tmp_path)[0]["status"] == "ok"
    table = path.with_name(f"{NAME}_channels.tsv")
    table.write_text(table.read_text().replace("uV", "V"))
    (row,) = index(tmp_path)
    assert row["status"] == "refused" and "units in channels.tsv: found V, expected µV" in row["reason"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (f"{NAME}_eeg.json", "[1]", "found a JSON list, expected an object"),
        (f"{NAME}_eeg.json", "{", "not a JSON object"),
        (f"{NAME}_events.tsv", "onset\ttrial_type\nsoon\tboundary\n", "onset of a boundary: found ['soon']"),
        (f"{NAME}_events.tsv", "onset\ttrial_type\n1\n", "found 1 cells in "),
        (f"{NAME}_channels.tsv", "type\tunits\nEEG\tuV\n", "columns: name missing"),
    ],
)
def test_a_sidecar_that_cannot_be_read_refuses_its_recording_alone(tmp_path, name, content, reason):
    write(tmp_path, NAME), write(tmp_path, "sub-02_task-rest")
    (tmp_path / "sub-01/eeg" / name).write_text(content)
    first, second = index(tmp_path)
    assert (first["status"], second["status"]) == ("refused", "ok")
    assert reason in first["reason"] and str(tmp_path) not in first["reason"]


def test_two_files_of_one_name_are_refused(tmp_path):
    path = write(tmp_path, NAME)
    write_set(path.with_suffix(".set"), simulated("other", 8, 1500), 250, EIGHT)
    (row,) = index(tmp_path)
    assert row["status"] == "refused"
    assert f"found both {NAME}_eeg.edf and {NAME}_eeg.set, expected one recording" in row["reason"]


@pytest.mark.parametrize("words", [("boundary",), ("BAD boundary", "EDGE boundary")])
def test_onsets_are_seconds_and_a_boundary_parts_the_recording(tmp_path, words):
    path = write(tmp_path, NAME)
    lines = "".join(f"2.5\t0\t{word}\n" for word in words)
    path.with_name(f"{NAME}_events.tsv").write_text(f"onset\tduration\ttrial_type\n0\tn/a\tboundary\n{lines}")
    rows = index(tmp_path)
    assert [(row["start"], row["stop"]) for row in rows] == [("0", "2.5"), ("2.5", "6")]
    assert formats.read(path, ["C3"], (2.5, float("inf"))).data.shape == (1, 875)


def test_a_link_to_content_that_was_not_fetched_is_no_recording(tmp_path):
    write(tmp_path, NAME)
    link = tmp_path / "sub-01/eeg/sub-01_task-walk_eeg.edf"
    link.symlink_to(tmp_path / ".git/annex/objects/none")
    assert [row["recording"] for row in index(tmp_path)] == [NAME]


def test_a_sidecar_that_was_not_fetched_refuses_its_recording_alone(tmp_path):
    for name in (NAME, NAME.replace("01", "02")):
        write(tmp_path, name)
    table = tmp_path / f"sub-01/eeg/{NAME}_channels.tsv"
    table.unlink()
    table.symlink_to(tmp_path / ".git/annex/objects/none")
    assert [row["status"] for row in index(tmp_path)] == ["refused", "ok"]


def test_changed_sidecars_make_another_listing(tmp_path):
    path = write(tmp_path, NAME)
    options = DatasetPaths(kind="bids")
    before = datasets.get("own", options).list_recordings(tmp_path)
    assert datasets.get("own", options).list_recordings(tmp_path) == before
    state(path.with_suffix(".json"), SamplingFrequency=500)
    assert datasets.get("own", options).list_recordings(tmp_path) != before


def test_listing_needs_neither_mne_nor_mne_bids(tmp_path):
    write(tmp_path, NAME)
    code = (
        "import sys; from signal_diffusion.recordings import datasets;"
        "from signal_diffusion.config.datasets import DatasetPaths;"
        "print(len(datasets.get('own', DatasetPaths(kind='bids')).list_recordings(sys.argv[1])),"
        "*{'mne', 'mne_bids', 'pandas', 'scipy', 'torch'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, tmp_path]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    assert found.stdout.strip() == "1"


def test_strange_names_in_header_and_sidecar_are_not_repeated(tmp_path):
    path = write(tmp_path, NAME)
    names = ["Jane Roe", *EIGHT[1:]]
    write_edf(Recording(simulated(NAME, 8, 1500).astype(np.float32), 250.0, tuple(names)), path)
    table = path.with_name(f"{NAME}_channels.tsv")
    table.write_text(table.read_text().replace("F4\t", "John Roe\t"))
    (row,) = index(tmp_path)
    assert "Roe" not in str(row) and row["warning"].split("; ") == [
        "channels.tsv lists F3, (channel 2), which the file lacks",
        "the file holds (channel 1), F4, which channels.tsv lacks",
    ]


@pytest.mark.parametrize("name", ["sub-01_foo-1", "sub-01_run-1_task-rest", "sub-01_task-rest_run-a"])
def test_a_name_that_is_not_of_bids_is_said(tmp_path, name):
    write(tmp_path, name)
    (row,) = index(tmp_path)
    assert (row["status"], row["warning"]) == (
        "ok",
        "the name is not one of BIDS, so no sidecar was compared",
    )
