"""OpenNeuro ds005385 (`longitudinal`): every way in which it departs from its documents, on its own sidecars."""

import math
import shutil
from collections import Counter

import edfio
import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config import load_settings
from signal_diffusion.config.datasets import DatasetPaths
from signal_diffusion.datasets.labels import get, tasks
from signal_diffusion.errors import UserError
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.channels import pick, picks
from signal_diffusion.recordings.datasets.bids_tables import Tree, read_participants
from signal_diffusion.recordings.index import index_dataset

from .bids_layouts import change_row, channel_names, copy_layout, recipe, simulated, state, write_edf
from .layouts import to_dataset

FS, SECONDS = 1000, 8
SUBJECTS = ("sub-001", "sub-002", "sub-005", "sub-008", "sub-075", "sub-230")
GAP = "sub-075_ses-1_task-EyesOpen_acq-pre"  # boundaries at the samples 1 and 177161
ALL = DatasetPaths(tasks=["EyesClosed", "EyesOpen"])


def write_recording(description, seconds=SECONDS, stated=None, **ranges):
    """The EDF beside a real `eeg.json`, which then says that length; microvolts by channel."""
    name = description.name.removesuffix("_eeg.json")
    channels = channel_names(description.with_name(f"{name}_channels.tsv"))
    data = simulated(name, len(channels), seconds * FS)
    status = np.zeros(data.shape[1])
    status[81], status[5000] = 255, 128000  # triggers, as sub-008 has them
    write_edf(description.with_suffix(".edf"), data, FS, channels, status, **ranges)
    state(description, RecordingDuration=seconds if stated is None else stated)
    return dict(zip(channels, data, strict=True))


def descriptions(root, task="EyesOpen"):
    return sorted(root.glob(f"sub-*/ses-*/eeg/*_task-{task}_*_eeg.json"))


@pytest.fixture(scope="module")
def written(shared, tmp_path_factory):
    """All EyesOpen recordings of the six participants, short but for the one with a gap; one EyesClosed."""
    root = copy_layout(shared / "data/bids_layouts/ds005385", tmp_path_factory.mktemp("longitudinal") / "raw")
    for number, description in enumerate(descriptions(root)):
        seconds = 192 if description.name.startswith(GAP) else SECONDS
        write_recording(description, seconds, seconds - number % 2)
    write_recording(descriptions(root, "EyesClosed")[0])
    yield root
    shutil.rmtree(root)


@pytest.fixture
def root(shared, tmp_path):
    """Two sessions of one participant, to be spoiled."""
    root = copy_layout(shared / "data/bids_layouts/ds005385", tmp_path / "raw")
    for session in (1, 2):
        write_recording(
            root / f"sub-001/ses-{session}/eeg/sub-001_ses-{session}_task-EyesOpen_acq-pre_eeg.json"
        )
    return root


def listed(root, options=None):
    return datasets.get("longitudinal", options).list_recordings(root)


def index(root, options=None):
    return index_dataset("longitudinal", root, options=options)


def test_the_real_table(shared):
    people = read_participants(shared / "data/bids_layouts/ds005385", ("session1", "session2", "late_ses1"))
    assert Counter(row["sex"] for row in people.values()) == {"F": 376, "M": 232}
    assert Counter(row["handedness"] for row in people.values()) == {"right": 566, "left": 40, "": 2}
    assert Counter(row["session2"] for row in people.values()) == {"no": 400, "yes": 208}
    assert all(20 <= int(row["age"]) <= 70 for row in people.values())


def test_eyes_open_is_taken_unless_the_settings_say_otherwise(written):
    assert {entry.labels["eyes"] for entry in listed(written)} == {"open"} and len(listed(written)) == 21
    assert Counter(entry.labels["eyes"] for entry in listed(written, ALL)) == {"open": 21, "closed": 1}
    (closed,) = listed(written, DatasetPaths(tasks=["EyesClosed"]))
    assert closed.recording == "sub-001_ses-1_task-EyesClosed_acq-post"
    with pytest.raises(UserError, match=r"\[datasets.longitudinal\] tasks: Rest is unknown"):
        listed(written, DatasetPaths(tasks=["Rest"]))


def test_the_tasks_key_of_the_settings(tmp_path):
    base = '[data]\nroot = "raw"\noutput_root = "work"\n'
    path = tmp_path / "settings.toml"
    path.write_text(
        base
        + '[datasets.longitudinal]\ntasks = ["EyesClosed"]\n[datasets.own]\nkind = "bids"\ntasks = ["rest"]\n'
    )
    found = load_settings(path).datasets
    assert (found["longitudinal"].tasks, found["own"].tasks, found["math"].tasks) == (
        ["EyesClosed"],
        ["rest"],
        [],
    )
    path.write_text(base + '[datasets.math]\ntasks = ["rest"]\n')
    with pytest.raises(UserError, match=r"\[datasets.math\] tasks: is for longitudinal and for kind"):
        load_settings(path)


def test_labels_and_the_age_at_each_session(written):
    found = {(e.subject, e.session): e.labels["age"] for e in listed(written)}
    # participants.tsv has the age at the baseline; sessions.tsv says 2017 and 2022, but 2018 and 2024 of sub-230.
    assert found[("sub-001", "ses-1")] == 60 and found[("sub-001", "ses-2")] == 65
    assert found[("sub-230", "ses-1")] == 26 and found[("sub-230", "ses-2")] == 32
    labels = {e.recording: e.labels for e in listed(written)}["sub-008_ses-1_task-EyesOpen_acq-post"]
    assert labels == dict(gender="M", health="H", age=39, acquisition="post", eyes="open", handedness="left")
    assert {e.labels["handedness"] for e in listed(written) if e.subject != "sub-008"} == {"right"}


def test_an_age_that_the_years_do_not_say_is_unknown(root):
    (root / "sub-001/sub-001_sessions.tsv").write_text(
        "session_id\trecording_year\nses-1\tn/a\nses-2\t2022\n"
    )
    assert [entry.labels["age"] for entry in listed(root)] == [60, ""]
    (root / "sub-001/sub-001_sessions.tsv").unlink()
    assert [entry.labels["age"] for entry in listed(root)] == [60, ""]
    change_row(root / "participants.tsv", "sub-001", age="n/a", handedness="n/a")
    assert [(entry.labels["age"], entry.labels["handedness"]) for entry in listed(root)] == [
        ("", ""),
        ("", ""),
    ]


def test_years_out_of_order_are_refused_by_name(root):
    (root / "sub-001/sub-001_sessions.tsv").write_text(
        "session_id\trecording_year\nses-1\t2022\nses-2\t2017\n"
    )
    first, second = index(root)
    assert first["status"] == "ok" and second["status"] == "refused"
    assert second["reason"].startswith("sub-001_sessions.tsv: recording_year: found 2022 and 2017")


@pytest.mark.parametrize("cells", [{"sex": "X"}, {"handedness": "both"}, {"age": "old"}])
def test_a_row_that_makes_no_sense_is_refused_by_name(root, cells):
    change_row(root / "participants.tsv", "sub-001", **cells)
    rows = index(root)
    assert {row["status"] for row in rows} == {"refused"} and str(root) not in str(rows)
    assert all(row["reason"].startswith("participants.tsv: sub-001: found sex") for row in rows)


def test_a_participant_without_a_row_is_not_taken_for_healthy(root):
    table = root / "participants.tsv"
    table.write_text("".join(line for line in table.open() if not line.startswith("sub-001")))
    assert [(row["health"], row["gender"], row["warning"]) for row in index(root)] == [
        ("", "", "participants.tsv has no such participant")
    ] * 2


def test_the_files_have_the_size_of_the_real_ones_and_status_is_no_channel(written):
    path = written / "sub-001/ses-1/eeg/sub-001_ses-1_task-EyesOpen_acq-pre_eeg.edf"
    assert path.stat().st_size == 16896 + 130000 * SECONDS
    assert [signal.label for signal in edfio.read_edf(path).signals][64] == "Status"
    header = formats.read_header(path)
    assert len(header.channels) == 64 and "Status" not in header.channels and "FCz" not in header.channels
    assert formats.read(path).channels == header.channels


def test_channels_are_found_by_name_where_their_order_differs(shared, tmp_path):
    root = copy_layout(shared / "data/bids_layouts/ds005385", tmp_path / "raw")
    said = {
        name: root / f"{name}/ses-1/eeg/{name}_ses-1_task-EyesOpen_acq-post_eeg.json"
        for name in SUBJECTS[3:5]
    }
    signals = {name: write_recording(description) for name, description in said.items()}
    assert set(signals["sub-008"]) == set(signals["sub-075"]) and list(signals["sub-008"]) != list(
        signals["sub-075"]
    )
    for name, description in said.items():
        path = description.with_suffix(".edf")
        wanted = ["Fz", "FCz", "Cz", "Pz", "O1"]
        recording = formats.read(path, picks(formats.read_header(path).channels, wanted, "FCz"))
        for channel, trace in zip(wanted, pick(recording, wanted, "FCz").data, strict=True):
            # 16 bits over the range of the samples; FCz was the reference and is zero.
            truth = np.zeros(SECONDS * FS) if channel == "FCz" else signals[name][channel]
            np.testing.assert_allclose(trace, truth, atol=0.01, err_msg=f"{name} {channel}")


def test_a_physical_range_is_used_for_what_it_is_and_refused_when_it_cannot_be_one(root):
    """The README calls the ranges invalid, as limits of the amplifier; as calibration they hold, or are none."""
    description = root / "sub-001/ses-1/eeg/sub-001_ses-1_task-EyesOpen_acq-pre_eeg.json"
    truth = write_recording(description, Fz=(-3276.8, 3276.7), Cz=(-500.0, 16000.0))
    recording = formats.read(description.with_suffix(".edf"), ["Fz", "Cz", "Pz"])
    for name, trace in zip(recording.channels, recording.data, strict=True):
        np.testing.assert_allclose(trace, truth[name], atol=0.3, err_msg=name)
    path = description.with_suffix(".edf")
    for start, content in ((104, b"0"), (112, b"0")):  # physical minimum and maximum of the first signal, Fp1
        with path.open("r+b") as file:
            file.seek(256 + 65 * start)
            file.write(content.ljust(8))
    first, second = index(root)
    assert (first["status"], second["status"]) == ("refused", "ok")
    assert "physical range" in first["reason"].lower() and path.name in first["reason"]


@pytest.mark.parametrize(("scale", "reason"), [(1e-3, "flat: 19 channels"), (100.0, "outlying: 19 channels")])
def test_an_amplitude_that_no_eeg_has_is_refused(root, tmp_path, scale, reason):
    """The header's ranges are the only calibration there is; an absurd one shows in the amplitude."""
    path = root / "sub-001/ses-1/eeg/sub-001_ses-1_task-EyesOpen_acq-pre_eeg.edf"
    for session in (1, 2):
        description = root / f"sub-001/ses-{session}/eeg/sub-001_ses-{session}_task-EyesOpen_acq-pre_eeg.json"
        write_recording(description, seconds=40)
    signals = edfio.read_edf(path).signals
    with path.open("r+b") as file:
        for number, signal in enumerate(signals[:64]):
            for start, limit in ((104, signal.physical_min), (112, signal.physical_max)):
                file.seek(256 + 65 * start + 8 * number)
                file.write(f"{limit * scale:.8g}"[:8].ljust(8).encode())
    _, _, folder = to_dataset("longitudinal", root, recipe("longitudinal"), tmp_path)
    refused = pd.read_csv(folder / "refused.csv")
    assert list(refused["recording"]) == ["sub-001_ses-1_task-EyesOpen_acq-pre"]
    assert f"channels are good ({reason})" in refused["reason"][0]


def test_a_length_in_the_sidecar_that_is_a_second_short_is_no_contradiction(written):
    rows = [row for row in index(written) if not row["start"]]
    assert {(row["status"], row["warning"], row["rate"], row["duration"]) for row in rows} == {
        ("ok", "", "1000", "8")
    }


def test_a_length_that_is_shorter_still_is_said(root):
    write_recording(root / "sub-001/ses-1/eeg/sub-001_ses-1_task-EyesOpen_acq-pre_eeg.json", stated=183)
    assert index(root)[0]["warning"] == "eeg.json says 183 s, the file 8 s"


def test_onsets_are_samples_from_one_and_a_boundary_parts_the_recording(written):
    first, second = [entry for entry in listed(written) if entry.recording.startswith(GAP)]
    assert (first.recording, first.span) == (f"{GAP}_part-1", (0.0, 177.16))
    assert (second.recording, second.span) == (f"{GAP}_part-2", (177.16, math.inf))
    rows = {row["recording"]: row for row in index(written)}
    found = [rows[entry.recording] for entry in (first, second)]
    assert [(row["start"], row["stop"], row["duration"]) for row in found] == [
        ("0", "177.16", "177.16"),
        ("177.16", "192", "14.84"),
    ]
    assert found[1]["warning"] == "interrupted at 177.16 s, so it is 2 recordings"
    whole = formats.read(first.path, ["Fz"]).data
    halves = [formats.read(entry.path, ["Fz"], entry.span).data for entry in (first, second)]
    assert halves[0].shape[1] == 177160  # the boundary is before sample 177161 of 192000
    np.testing.assert_array_equal(np.concatenate(halves, axis=1), whole)


def test_late_counts_that_are_boundaries_and_those_that_are_triggers(shared):
    root = shared / "data/bids_layouts/ds005385"
    tree, people = Tree(root), read_participants(root)

    def gaps(pattern):
        names = [path.with_name(path.name.replace("events.tsv", "eeg.edf")) for path in root.glob(pattern)]
        return [onset for name in names for onset in tree.gaps(name) if onset > 1]

    for subject, session in (("sub-075", 1), ("sub-005", 2)):
        inside = gaps(f"{subject}/ses-{session}/eeg/*_events.tsv")
        assert len(inside) == int(people[subject][f"late_ses{session}"])
    assert int(people["sub-008"]["late_ses1"]) == 1901 and not gaps("sub-008/ses-1/eeg/*_events.tsv")
    table = pd.read_csv(root / "sub-008/ses-1/eeg/sub-008_ses-1_task-EyesOpen_acq-pre_events.tsv", sep="\t")
    # A trigger every 0.19 to 0.2 s, and the one between 255 and 1 is no trigger: nothing is missing.
    assert table["onset"].diff()[2:].between(180, 401).all()


def test_a_boundary_behind_the_end_of_a_file_refuses_the_part(root):
    (root / "sub-001/ses-1/eeg/sub-001_ses-1_task-EyesOpen_acq-pre_events.tsv").write_text(
        "onset\tduration\ttype\n1\tn/a\tboundary\n9001\tn/a\tboundary\n"
    )
    rows = index(root)
    assert [row["status"] for row in rows] == ["refused", "refused", "ok"]
    assert "span: found 0 to 9 s, expected a part of the 8 s that the file holds" in rows[0]["reason"]


def test_missing_and_extra_files_are_said_by_name(root, caplog):
    with caplog.at_level("INFO", "signal_diffusion"):
        write_recording(root / "sub-002/ses-1/eeg/sub-002_ses-1_task-EyesClosed_acq-pre_eeg.json")
        index(root)
    assert "607 participants have no recording: sub-002, sub-003," in caplog.text
    assert "1 files are not taken: sub-002_ses-1_task-EyesClosed_acq-pre_eeg.edf" in caplog.text
    with pytest.raises(UserError, match="no sub-.*task-EyesOpen.*download OpenNeuro ds005385"):
        for path in root.glob("sub-001/ses-*/eeg/*.edf"):
            path.unlink()
        index(root)


def test_from_raw_files_to_a_dataset(written, tmp_path):
    _, _, folder = to_dataset("longitudinal", written, recipe("longitudinal"), tmp_path, ALL)
    rows = pd.read_csv(folder / "metadata.csv")
    assert set(rows["subject"]) == set(SUBJECTS) and set(rows["split"]) == {"train", "val", "test"}
    assert rows.groupby("subject")["split"].nunique().max() == 1
    assert set(rows["session"].dropna()) == {"ses-1", "ses-2"} and set(rows["health"]) == {"H"}
    assert {task.name for task in tasks("longitudinal")} >= {
        "gender",
        "health",
        "age",
        "acquisition",
        "handedness",
        "eyes",
    }
    found = {
        name: sorted({get(name).encode(row) for row in rows.to_dict("records")})
        for name in ("acquisition", "eyes")
    }
    assert found == {"acquisition": [0, 1], "eyes": [0, 1]}
    # No window spans the gap: those of the first part end before it.
    ends = rows[rows["recording"] == f"{GAP}_part-1"]["start_s"] + 256 / 125
    assert len(ends) > 100 and ends.max() <= 177.16
