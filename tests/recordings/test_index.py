"""Datasets and their index: labels joined by id, bad files refused one by one, nothing personal."""

import csv
import errno
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import edfio
import numpy as np
import pytest
import signal_diffusion
from signal_diffusion.errors import Unreadable, UserError
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.index import COLUMNS, index_dataset, write_index
from signal_diffusion.recordings.simulate import simulate_subject
from signal_diffusion.signals.preparation import prepare


@pytest.fixture
def small(tmp_path) -> tuple[SimpleNamespace, object]:
    simulation = SimpleNamespace(subjects=2, seconds=4.0, rate=250.0, seed=7, line_hz=50.0)
    for index in range(simulation.subjects):
        simulate_subject(simulation, index, tmp_path / "raw")
    return simulation, tmp_path / "raw"


def eegmat_folder(
    tmp_path, rows: str, names: tuple[str, ...], patient: edfio.Patient | None = None, rate: float = 500
):
    (tmp_path / "subject-info.csv").write_text("Subject,Age,Gender,Recording year\n" + rows)
    wave = np.sin(np.arange(1000.0))
    for name in names:
        signal = edfio.EdfSignal(wave, rate, label="EEG Fp1", physical_dimension="uV")
        edfio.Edf([signal], patient=patient).write(tmp_path / f"{name}.edf")
    return tmp_path


def test_demo_is_known_before_its_files_exist(simulation, tmp_path):
    entries = datasets.get("demo").list_recordings(tmp_path / "none", simulation)
    assert len(entries) == 160 == len({entry.recording for entry in entries})
    assert len({entry.subject for entry in entries}) == 80
    assert entries[0].path == tmp_path / "none" / "sub-000_rest.edf"
    assert entries[3].path.name == "sub-001_arithmetic.cnt"
    assert list(entries[0].labels) == ["gender", "health", "age", "activity", "handedness"]


def test_demo_without_a_simulation_is_refused(tmp_path):
    with pytest.raises(UserError, match="simulation"):
        datasets.get("demo").list_recordings(tmp_path)


def test_unknown_dataset_is_refused():
    with pytest.raises(UserError, match="demo, .*math"):
        datasets.get("maths")


def test_index_of_simulated_recordings(small, tmp_path):
    simulation, root = small
    rows = index_dataset("demo", root, simulation)
    write_index(rows, tmp_path / "index.csv")
    with (tmp_path / "index.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == [*COLUMNS, "activity", "handedness"]
    assert [row["format"] for row in read] == ["edf", "edf", "cnt", "cnt"]
    assert {(row["rate"], row["duration"], row["channels"], row["status"]) for row in read} == {
        ("250", "4", "20", "ok")
    }
    assert read[0]["file"] == "sub-000_rest.edf" and read[0]["age"].isdigit()
    first = (tmp_path / "index.csv").read_bytes()
    write_index(index_dataset("demo", root, simulation), tmp_path / "index.csv")
    assert first == (tmp_path / "index.csv").read_bytes()


def test_a_file_that_the_system_keeps_back_is_refused_nowhere_for_it_may_be_there_again(small, monkeypatch):
    simulation, root = small
    opened, kept = Path.open, root / "sub-000_rest.edf"

    def keep_back(path, *rest, **named):
        if path == kept:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *rest, **named)

    monkeypatch.setattr(Path, "open", keep_back)
    recipe = SimpleNamespace(channels=SimpleNamespace(set="1020-8"))
    for read in (lambda: index_dataset("demo", root, simulation), lambda: prepare(kept, recipe)):
        with pytest.raises(Unreadable, match=r"sub-000_rest.edf: cannot be read \(Permission denied\)"):
            read()


def test_what_was_cut_out_is_said(small, monkeypatch):
    simulation, root = small
    read_header = formats.read_header
    monkeypatch.setattr(
        formats, "read_header", lambda *named: replace(read_header(*named), gaps=(0.0, 1.5, 3.0))
    )
    assert {row["warning"] for row in index_dataset("demo", root, simulation)} == {
        "interrupted 2 times, first at 1.5 s, so no window spans that"
    }


def test_files_that_cannot_be_opened_are_known_while_jobs_are_planned(tmp_path, monkeypatch):
    root = eegmat_folder(tmp_path, "", ("Subject00_1", "Subject01_1", "Subject02_1"))
    (root / "Subject00_1.edf").unlink()
    (root / "Subject00_1.edf").symlink_to(".git/annex/objects/gone")
    kept, access = "Subject01_1.edf", os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != kept and access(path, mode))
    found = [entry.refused.split(";")[0] for entry in datasets.get("math").list_recordings(root)]
    assert found == ["Subject00_1.edf: links to a file that is not there", f"{kept}: may not be read", ""]


def test_one_bad_recording_does_not_stop_the_others(small):
    simulation, root = small
    with (root / "sub-000_rest.edf").open("r+b") as file:
        file.truncate(9000)
    (root / "sub-001_rest.cnt").unlink()
    rows = index_dataset("demo", root, simulation)
    assert [row["status"] for row in rows] == ["refused", "ok", "refused", "ok"]
    assert "size: found 9000 bytes, expected" in rows[0]["reason"]
    assert "no such file" in rows[2]["reason"]
    assert str(root) not in rows[0]["reason"] + rows[2]["reason"]


def test_math_labels_come_from_the_table_and_nothing_of_a_person_leaves_the_header(tmp_path):
    patient = edfio.Patient(code="X77", sex="M", name="Jane_Roe")
    folder = eegmat_folder(tmp_path, "Subject00,21,F,2011\n", ("Subject00_1", "Subject03_2"), patient)
    with (folder / "Subject03_2.edf").open("r+b") as file:
        file.seek(236)
        file.write(b"Jane Roe")
    rows = index_dataset("math", folder)
    write_index(rows, tmp_path / "out" / "index.csv")
    first, second = rows
    assert (first["gender"], first["age"], first["health"], first["activity"]) == ("F", 21, "H", "rest")
    assert first["recording"] == "sub-00_rest" and first["status"] == "ok"
    assert (second["gender"], second["age"], second["status"]) == ("", "", "refused")
    text = (tmp_path / "out" / "index.csv").read_text()
    assert not any(secret in text for secret in ("Jane", "Roe", "X77", "2011"))


def test_math_without_its_table_or_with_a_bad_one(tmp_path):
    with pytest.raises(UserError, match="subject-info.csv"):
        index_dataset("math", tmp_path)
    eegmat_folder(tmp_path, "Subject00,21,female,2011\n", ("Subject00_1",))
    with pytest.raises(UserError, match="Subject00: found gender"):
        index_dataset("math", tmp_path)
    (tmp_path / "subject-info.csv").write_text("Subject,Gender\nSubject00,F\n")
    with pytest.raises(UserError, match="column Age"):
        index_dataset("math", tmp_path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"Subject00,21,F,2011\nSubject00,61,M,2011\n", "Subject: found Subject00 twice"),
        (b"Subject00,21,F,2011\nSubje", "found 1 cells in line 3"),
        (b"Subject00,21,F,\xfc\n", "cannot be read as text"),
    ],
)
def test_math_with_a_table_that_is_hurt(tmp_path, rows, message):
    table = eegmat_folder(tmp_path, "", ("Subject00_1",)) / "subject-info.csv"
    table.write_bytes(table.read_bytes() + rows)
    with pytest.raises(UserError, match=message) as error:
        index_dataset("math", tmp_path)
    assert "\n" not in str(error.value)


def test_eegmat(shared):
    rows = index_dataset("math", shared / "data/eegmat")
    assert len(rows) == 24 and all(row["status"] == "ok" for row in rows)
    durations = {row["recording"]: float(row["duration"]) for row in rows}
    assert {seconds for name, seconds in durations.items() if name.endswith("arithmetic")} == {62.0}
    rest = {name: seconds for name, seconds in durations.items() if name.endswith("rest") and seconds != 182}
    assert rest == {"sub-04_rest": 170.0, "sub-10_rest": 188.0, "sub-31_rest": 80.0}
    by_subject = {row["subject"]: row for row in rows}
    assert len(by_subject) == 12
    # The EDF header of Subject00_1 says male, the table female.
    assert edfio.read_edf(shared / "data/eegmat/Subject00_1.edf", lazy_load_data=True).patient.sex == "M"
    assert by_subject["sub-00"]["gender"] == "F" and by_subject["sub-00"]["age"] == 21
    assert {row["rate"] for row in rows} == {"500"} and {row["channels"] for row in rows} == {21}
    assert all(16 <= row["age"] <= 26 and row["health"] == "H" for row in rows)


def test_eegmat_in_its_raw_folder(shared, tmp_path):
    (tmp_path / "raw_eeg").mkdir()
    for name in ("subject-info.csv", "Subject00_2.edf"):
        shutil.copy(shared / "data/eegmat" / name, tmp_path / "raw_eeg" / name)
    (row,) = index_dataset("math", tmp_path)
    assert row["file"] == "raw_eeg/Subject00_2.edf" and row["activity"] == "arithmetic"


@pytest.mark.parametrize(
    ("function", "absent"),
    [("read_header", {"mne", "scipy", "torch", "pandas"}), ("read", {"mne", "scipy", "torch", "pandas"})],
)
def test_neither_headers_nor_samples_need_more_than_numpy(edf, cnt, function, absent):
    code = (
        "import sys; from signal_diffusion.recordings import formats;"
        f"[formats.{function}(path) for path in sys.argv[1:]];"
        f"print(*{absent} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, edf, cnt]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    assert found.stdout.strip() == ""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(signal_diffusion.__file__).parents[1])}


def test_index_refuses_a_rate_that_the_dataset_does_not_document(tmp_path):
    eegmat_folder(tmp_path, "Subject00,21,F,2011\n", ("Subject00_1",))
    eegmat_folder(tmp_path, "Subject00,21,F,2011\n", ("Subject00_2",), rate=250)
    good, bad = index_dataset("math", tmp_path)
    assert (good["status"], bad["status"]) == ("ok", "refused")
    assert bad["reason"].startswith(
        "Subject00_2.edf: sampling rate: found 250 Hz, expected the 500 Hz that math"
    )
