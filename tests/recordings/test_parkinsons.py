"""OpenNeuro ds004584 (`parkinsons`): every way in which it departs from its documents, on its own sidecars."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.datasets.labels import get, tasks
from signal_diffusion.errors import UserError
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.channels import pick, picks
from signal_diffusion.recordings.datasets.bids_tables import read_participants
from signal_diffusion.recordings.index import index_dataset

from .bids_layouts import change_row, channel_names, copy_layout, recipe, simulated, state, write_set
from .layouts import to_dataset

FS, SECONDS = 500, 12
SUBJECTS = ("sub-001", "sub-009", "sub-049", "sub-068", "sub-101")


def write_recording(root, subject, seconds=SECONDS):
    folder = root / subject / "eeg"
    channels = channel_names(folder / f"{subject}_task-Rest_channels.tsv")
    data = simulated(subject, len(channels), round(seconds * FS))
    for row, name in enumerate(channels):
        if name in ("Resp", "X", "Y", "Z"):
            data[row] = 4e4 * np.sin(np.arange(data.shape[1]))  # it would be seen in any average
    write_set(folder / f"{subject}_task-Rest_eeg.set", data, FS, channels)
    state(folder / f"{subject}_task-Rest_eeg.json", RecordingDuration=seconds)
    return dict(zip(channels, data, strict=True))


@pytest.fixture(scope="module")
def written(shared, tmp_path_factory):
    """Root and signals by subject and channel."""
    root = copy_layout(shared / "data/bids_layouts/ds004584", tmp_path_factory.mktemp("parkinsons") / "raw")
    return root, {subject: write_recording(root, subject) for subject in SUBJECTS}


@pytest.fixture
def root(shared, tmp_path):
    """A folder of one recording, to be spoiled."""
    root = copy_layout(shared / "data/bids_layouts/ds004584", tmp_path / "raw")
    write_recording(root, "sub-001")
    return root


def test_the_real_table_has_no_hc_and_agrees_with_itself(shared):
    people = read_participants(shared / "data/bids_layouts/ds004584")
    counts = Counter((row["GROUP"], row["TYPE"], row["GENDER"]) for row in people.values())
    assert counts == {
        ("PD", "1", "M"): 68,
        ("PD", "1", "F"): 32,
        ("Control", "0", "M"): 26,
        ("Control", "0", "F"): 23,
    }
    assert [name for name, row in people.items() if row["GROUP"] == "PD"] == [
        f"sub-{n:03}" for n in range(1, 101)
    ]
    # UPDRS is the word NaN for controls, which is no number.
    assert {row["UPDRS"] for row in people.values() if row["GROUP"] == "Control"} == {""}


def test_labels_are_joined_by_participant_whatever_the_order(written, tmp_path):
    rows = {row["subject"]: row for row in index_dataset("parkinsons", written[0])}
    found = {name: (row["gender"], row["health"], row["age"]) for name, row in rows.items()}
    assert found == {
        "sub-001": ("M", "PD", 80),
        "sub-009": ("F", "PD", 53),
        "sub-049": ("F", "PD", 68),
        "sub-068": ("F", "PD", 61),
        "sub-101": ("M", "H", 61),
    }


def test_the_order_of_the_table_changes_nothing(root, tmp_path):
    before = index_dataset("parkinsons", root)
    header, *lines = (root / "participants.tsv").read_text().splitlines()
    (root / "participants.tsv").write_text("\n".join([header, *reversed(lines)]) + "\n")
    assert index_dataset("parkinsons", root) == before
    assert "PD1001" not in str(before) and "1001" not in str(before)  # the table's ID and EEG


def test_the_sidecars_contradict_nothing(written):
    """Their types and units are all n/a; EEGChannelCount counts Resp and X, Y, Z too; one boundary at 0."""
    rows = index_dataset("parkinsons", written[0])
    assert {(row["status"], row["warning"], row["rate"], row["start"]) for row in rows} == {
        ("ok", "", "500", "")
    }
    assert [row["channels"] for row in rows] == [63, 63, 64, 66, 63]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_four_montages_are_picked_by_name(written, subject):
    root, signals = written
    (entry,) = [e for e in datasets.get("parkinsons").list_recordings(root) if e.subject == subject]
    header = formats.read_header(entry.path)
    recording = formats.read(entry.path, picks(header.channels, "1020-19", entry.reference))
    assert not {"Resp", "X", "Y", "Z"} & set(recording.channels)
    picked = pick(recording, "1020-19", entry.reference)
    for name, trace in zip(picked.channels, picked.data, strict=True):
        wanted = np.zeros(SECONDS * FS) if name == "Pz" else signals[subject][name]
        np.testing.assert_allclose(trace, wanted, rtol=1e-6, err_msg=name)
    assert picks(header.channels, ["AFz"]) == ["AFz"]  # the ground, yet a channel


def test_where_the_caps_differ(written):
    held = {subject: set(signals) for subject, signals in written[1].items()}
    assert held["sub-001"] == held["sub-101"] and held["sub-001"] - held["sub-009"] == {"FT9", "PO3", "PO4"}
    assert held["sub-009"] - held["sub-001"] == {"Iz", "I1", "I2"}
    assert held["sub-049"] - held["sub-009"] == {"Resp"} and held["sub-068"] - held["sub-009"] == set("XYZ")
    assert not any("Pz" in names for names in held.values())


def test_a_set_that_lacks_more_than_the_reference_is_refused(written):
    header = formats.read_header(written[0] / "sub-001/eeg/sub-001_task-Rest_eeg.set")
    with pytest.raises(UserError, match="channels missing: Iz"):
        picks(header.channels, ["Pz", "Iz"], "Pz")


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"TYPE": "0"}, "GROUP 'PD', TYPE '0'"),
        ({"GROUP": "HC", "TYPE": "n/a"}, "GROUP 'HC', TYPE ''"),
        ({"GENDER": "X"}, "GENDER 'X'"),
        ({"AGE": "old"}, "AGE 'old'"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused_by_name_and_the_others_go_on(root, cells, found):
    write_recording(root, "sub-009")
    change_row(root / "participants.tsv", "sub-001", **cells)
    first, second = index_dataset("parkinsons", root)
    assert (first["status"], second["status"], second["health"]) == ("refused", "ok", "PD")
    assert first["reason"].startswith("participants.tsv: sub-001: found ") and found in first["reason"]
    assert first["health"] == first["gender"] == first["age"] == ""


def test_files_without_a_row_and_rows_without_a_file_are_said_by_name(root, caplog):
    (root / "sub-150/eeg").mkdir(parents=True)
    for suffix in (".set", ".fdt"):
        source = root / f"sub-001/eeg/sub-001_task-Rest_eeg{suffix}"
        (root / f"sub-150/eeg/sub-150_task-Rest_eeg{suffix}").write_bytes(source.read_bytes())
    (root / "sub-001/eeg/sub-001_task-Move_eeg.set").write_bytes(b"")
    with caplog.at_level("INFO", "signal_diffusion"):
        rows = index_dataset("parkinsons", root)
    assert [(row["recording"], row["health"]) for row in rows] == [
        ("sub-001_task-Rest", "PD"),
        ("sub-150_task-Rest", ""),
    ]
    assert rows[1]["warning"] == "participants.tsv has no such participant"
    assert "148 participants have no recording: sub-002, sub-003," in caplog.text
    assert "1 files are not taken: sub-001_task-Move_eeg.set" in caplog.text


def test_a_torn_or_absent_fdt_is_refused_by_name(root):
    data = root / "sub-001/eeg/sub-001_task-Rest_eeg.fdt"
    assert data.stat().st_size == 4 * 63 * FS * SECONDS
    with data.open("r+b") as file:
        file.truncate(4 * 63 * 1000 + 2)
    (row,) = index_dataset("parkinsons", root)
    assert row["status"] == "refused"
    assert "sub-001_task-Rest_eeg.fdt: found 252002 bytes, expected 1512000" in row["reason"]
    data.unlink()
    (row,) = index_dataset("parkinsons", root)
    assert row["status"] == "refused" and "sub-001_task-Rest_eeg.fdt" in row["reason"]


def test_a_file_in_anothers_folder_is_refused(root):
    folder = root / "sub-001/eeg"
    (folder / "sub-001_task-Rest_eeg.set").rename(folder / "sub-002_task-Rest_eeg.set")
    (row,) = index_dataset("parkinsons", root)
    assert row["status"] == "refused" and row["reason"].startswith(
        "sub-001/eeg/sub-002_task-Rest_eeg.set: found another subject"
    )


def test_a_boundary_within_parts_the_recording(root):
    (root / "sub-001/eeg/sub-001_task-Rest_events.tsv").write_text(
        "onset\tduration\tsample\tvalue\n0.0000000000\tn/a\t0\tboundary\n7.5\tn/a\t3750\tboundary\n"
    )
    rows = index_dataset("parkinsons", root)
    assert [(row["start"], row["stop"], row["duration"]) for row in rows] == [
        ("0", "7.5", "7.5"),
        ("7.5", "12", "4.5"),
    ]
    assert [row["recording"] for row in rows] == ["sub-001_task-Rest_part-1", "sub-001_task-Rest_part-2"]


def test_a_length_that_the_sidecar_has_otherwise_is_said(root):
    state(root / "sub-001/eeg/sub-001_task-Rest_eeg.json", RecordingDuration=281.66)
    (row,) = index_dataset("parkinsons", root)
    assert (row["status"], row["warning"]) == ("ok", "eeg.json says 281.66 s, the file 12 s")


def test_what_is_not_the_dataset_is_refused(shared, tmp_path):
    with pytest.raises(UserError, match="participants.tsv"):
        index_dataset("parkinsons", tmp_path)
    root = copy_layout(shared / "data/bids_layouts/ds004584", tmp_path / "raw")
    with pytest.raises(UserError, match="no sub-.*download OpenNeuro ds004584"):
        index_dataset("parkinsons", root)
    (root / "participants.tsv").write_text("participant_id\tGROUP\nsub-001\tPD\n")
    with pytest.raises(UserError, match="columns: AGE, GENDER, TYPE missing"):
        index_dataset("parkinsons", root)


def test_from_raw_files_to_a_dataset(written, tmp_path):
    _, _, folder = to_dataset("parkinsons", written[0], recipe("parkinsons"), tmp_path)
    rows = pd.read_csv(folder / "metadata.csv")
    assert dict(rows.groupby("subject")["health"].first()) == dict.fromkeys(SUBJECTS[:4], "PD") | {
        "sub-101": "H"
    }
    assert rows.groupby("subject")["split"].nunique().max() == 1 and set(rows["split"]) == {
        "train",
        "val",
        "test",
    }
    assert rows["text"].str.contains("with Parkinson's disease").sum() == (rows["health"] == "PD").sum()
    assert {task.name for task in tasks("parkinsons")} == {"gender", "health", "age", "parkinsons_condition"}
    people = rows.drop_duplicates("subject").sort_values("subject").to_dict("records")
    assert [get("parkinsons_condition").encode(row) for row in people] == [2, 3, 3, 3, 0]
