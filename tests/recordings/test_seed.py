"""SEED-V: trials of sessions, in files of its layout with simulated signals."""

import csv
import shutil
import zipfile
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.datasets import seed
from signal_diffusion.recordings.datasets.seed import CODES, ENDS, STARTS
from signal_diffusion.recordings.datasets.tables import read_table
from signal_diffusion.recordings.index import index_dataset

from .layouts import SEED_CHANNELS, to_dataset, write_long_seed, write_seed

# The read-me's lists: 0 disgust, 1 fear, 2 sad, 3 neutral, 4 happy.
LABELS = {
    "1": [4, 1, 3, 2, 0] * 3,
    "2": [2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0],
    "3": [2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0],
}
EMOTIONS = ["disgust", "fear", "sad", "neutral", "happy"]
RECIPE = """
[recipe]
datasets = ["seed"]
[signal]
fs = 100.0
nsamps = 1024
[spectrogram]
resolution = 64
window = 256
[splits]
train = 0.4
val = 0.3
test = 0.3
stratify = []
[weights]
tasks = ["emotion", "gender"]
"""


def sessions(root, *names: str):
    (root / "EEG_raw").mkdir(exist_ok=True)
    for name in names:
        (root / "EEG_raw" / name).touch()
    return root


def listed(root) -> dict:
    return {entry.recording: entry for entry in datasets.get("seed").list_recordings(root)}


def seconds_file(starts=STARTS, ends=ENDS) -> str:
    blocks = [
        f"Session {n}:\nstart_second: {list(starts[n])}\nend_second: {list(ends[n])}\n"
        for n in sorted(starts)
    ]
    return "\n".join(blocks)


def test_a_session_is_fifteen_trials_of_the_read_me(tmp_path):
    found = listed(sessions(tmp_path, "1_1_20180804.cnt", "1_2_20180810.cnt", "12_3_20180517.cnt"))
    assert len(found) == 45
    third = found["sub-01_ses-1_trial-03"]
    assert (third.subject, third.session, third.span) == ("sub-01", "1", (287.0, 524.0))
    assert found["sub-12_ses-3_trial-15"].span == (2888.0, 3066.0)
    for name, (subject, session) in {
        "1": ("sub-01", "1"),
        "2": ("sub-01", "2"),
        "3": ("sub-12", "3"),
    }.items():
        emotions = [found[f"{subject}_ses-{session}_trial-{k:02d}"].labels["emotion"] for k in range(1, 16)]
        assert emotions == [EMOTIONS[code] for code in LABELS[name]]
    assert {entry.labels["health"] for entry in found.values()} == {"H"}


DATES = {  # of the published files, by session, subject 1 first
    1: "0804 0416 0414 0414 0719 0713 0411 0717 0724 0507 0510 0515 0720 0420 0724 0805",
    2: "0810 0419 0419 0417 0728 0731 0418 0802 0804 0524 0508 0508 0806 0423 0807 0815",
    3: "0808 0425 0424 0501 0723 0802 0422 0726 0728 0626 0522 0517 0725 0427 0730 0813",
}


def test_all_sessions_under_their_real_names(tmp_path, caplog):
    names = [
        f"{subject}_{session}_2018{date}.cnt"
        for session, dates in DATES.items()
        for subject, date in enumerate(dates.split(), 1)
    ]
    with caplog.at_level("INFO"):
        found = listed(sessions(tmp_path, *names))
    assert len(found) == 16 * 3 * 15 and "48 of 48 sessions" in caplog.text
    assert list(found) == sorted(found) and len({entry.subject for entry in found.values()}) == 16


def test_tables_of_trials_hold_together():
    for session in "123":
        assert [int(code) for code in CODES[session]] == LABELS[session]
        edges = [second for trial in zip(STARTS[session], ENDS[session], strict=True) for second in trial]
        assert len(edges) == 30 and edges == sorted(set(edges))
        assert sorted(CODES[session]) == sorted("01234" * 3)


def test_the_session_is_the_number_and_not_the_order_of_dates(tmp_path):
    found = listed(sessions(tmp_path, "1_3_20180808.cnt", "1_2_20180810.cnt"))
    assert found["sub-01_ses-2_trial-01"].path.name == "1_2_20180810.cnt"
    assert found["sub-01_ses-3_trial-01"].path.name == "1_3_20180808.cnt"


def test_a_repaired_file_takes_the_place_of_the_broken_one(tmp_path):
    found = listed(sessions(tmp_path, "7_1_20180411.cnt", "7_1_20180411_repaired.cnt", "7_2_20180418.cnt"))
    assert len(found) == 30
    assert found["sub-07_ses-1_trial-05"].path.name == "7_1_20180411_repaired.cnt"


def test_a_repaired_file_may_stand_alone(tmp_path):
    found = listed(sessions(tmp_path, "7_1_20180411_repaired.cnt"))
    assert found["sub-07_ses-1_trial-05"].path.name == "7_1_20180411_repaired.cnt"


def test_a_session_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(UserError, match="second session 1 of subject 3 beside 3_1_20180414.cnt"):
        listed(sessions(tmp_path, "3_1_20180414.cnt", "3_1_20180501.cnt"))


def test_no_session_is_refused_and_a_strange_name_is_told(tmp_path, caplog):
    with pytest.raises(UserError, match="EEG_raw/SUBJECT_SESSION_DATE.cnt"):
        listed(tmp_path)
    with caplog.at_level("INFO"):
        listed(sessions(tmp_path, "1_1_20180804.cnt", "1_2_copy.cnt"))
    assert "1_2_copy.cnt is left out" in caplog.text and "1 of 48 sessions" in caplog.text


@pytest.mark.parametrize("name", ["Participants_info.csv", "participants_info.csv", "PARTICIPANTS_INFO.CSV"])
def test_people_are_joined_by_id_and_never_by_position(tmp_path, name):
    sessions(tmp_path, "1_1_20180804.cnt", "7_1_20180411.cnt", "12_1_20180515.cnt", "16_1_20180805.cnt")
    (tmp_path / name).write_text("Subject , AGE,sex,Name\n12,24,F,A B\n7, 21,male,C D\n1,,f,E F\n")
    people = {entry.subject: entry.labels for entry in listed(tmp_path).values()}
    assert {name: (each["gender"], each["age"]) for name, each in people.items()} == {
        "sub-01": ("F", ""),
        "sub-07": ("M", "21"),
        "sub-12": ("F", "24"),
        "sub-16": ("", ""),
    }


def write_xlsx(path, rows: list[list[str | float]]) -> None:
    """As a spreadsheet program writes it: words in a table of their own, empty cells left out."""
    words = list(dict.fromkeys(cell for row in rows for cell in row if isinstance(cell, str) and cell))
    lines = []
    for number, row in enumerate(rows, 1):
        cells = [
            f'<c r="{chr(65 + i)}{number}" t="s"><v>{words.index(cell)}</v></c>'
            if isinstance(cell, str)
            else f'<c r="{chr(65 + i)}{number}"><v>{cell!r}</v></c>'
            for i, cell in enumerate(row)
            if cell != ""
        ]
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheets = f'<sheets><sheet name="info" sheetId="3" xmlns:r="{office}" r:id="rId9"/></sheets>'
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "xl/workbook.xml": f"<workbook {main}>{sheets}</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
        f'<Relationship Id="rId9" Type="{office}/worksheet" Target="worksheets/people.xml"/></Relationships>',
        "xl/worksheets/people.xml": f"<worksheet {main}><sheetData>{''.join(lines)}</sheetData></worksheet>",
        "xl/sharedStrings.xml": f"<sst {main}>{''.join(f'<si><t>{word}</t></si>' for word in words)}</sst>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def test_the_xlsx_table_is_read_as_it_comes(tmp_path):
    sessions(tmp_path, "2_1_20180416.cnt", "3_1_20180414.cnt")
    rows = [["No.", "Note", "Age", "Sex"], [3.0, "", 22.0, "F"], [2.0, "late", 23.5, "M"]]
    write_xlsx(tmp_path / "Participants_info.xlsx", rows)
    people = {entry.subject: entry.labels for entry in listed(tmp_path).values()}
    assert [people[name][key] for name in ("sub-02", "sub-03") for key in ("gender", "age")] == [
        "M", "23.5", "F", "22",
    ]  # fmt: skip
    (tmp_path / "Participants_info.xlsx").write_bytes(b"PK nothing")
    with pytest.raises(UserError, match="save it as CSV"):
        listed(tmp_path)


def test_a_damaged_xlsx_is_refused_wherever_the_damage_lies(tmp_path):
    path = tmp_path / "people.xlsx"
    write_xlsx(path, [["No.", "Age"], *([f"S{number}", float(number)] for number in range(30))])
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            with suppress(UserError):
                read_table(path)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("Age,Sex\n24,F\n", "columns: found Age, Sex, expected subject or"),
        ("Subject,Sex\n1,F\n", "expected Age"),
        ("Subject,Age,Sex\n1,24,x\n", "Subject 1: Sex: found 'x', expected F or M"),
        ("Subject,Age,Sex\n1,old,F\n", "Subject 1: Age: found 'old', expected years"),
        ("Subject,Age,Sex\n1,24,F\n1,25,F\n", "found 1 twice"),
        ("Subject,Age,Sex\n1,24,F\n01,25,F\n", "found a number twice"),
        ("Subject,Age,Sex\nsomebody,24,F\n", "expected the subject's number"),
        ("Subject,Age,Sex\n1,24\n", "found 2 cells in line 2, expected 3"),
        ("Subject,Age,Age\n1,24,25\n", "column 'Age' twice"),
        ("", "empty table"),
    ],
)
def test_a_table_that_cannot_be_joined_is_refused(tmp_path, table, complaint):
    sessions(tmp_path, "1_1_20180804.cnt")
    (tmp_path / "participants_info.csv").write_text(table)
    with pytest.raises(UserError, match=complaint) as error:
        listed(tmp_path)
    assert "\n" not in str(error.value)


def test_the_file_of_seconds_is_compared(tmp_path):
    sessions(tmp_path, "1_1_20180804.cnt")
    stated = tmp_path / "trial_start_end_timestamp.txt"
    stated.write_text(seconds_file())
    assert len(listed(tmp_path)) == 15
    stated.write_text(seconds_file(ends=ENDS | {"2": (268, *ENDS["2"][1:])}))
    with pytest.raises(UserError, match="end_second of session 2: found 268, 488.*, expected 267, 488"):
        listed(tmp_path)
    stated.write_text(seconds_file().replace("Session 3", "Session 4"))
    with pytest.raises(UserError, match="sessions 1, 2, 4, expected 1, 2, 3"):
        listed(tmp_path)


def test_a_trial_that_ends_after_the_file_is_refused_by_name(shared, tmp_path):
    shutil.copytree(shared / "data" / "cnt", tmp_path / "EEG_raw")
    rows = index_dataset("seed", tmp_path)
    assert [row["subject"] for row in rows] == ["sub-01"] * 15 + ["sub-07"] * 15
    assert {row["status"] for row in rows} == {"refused"}
    assert "1_1_20180804.cnt: " in rows[0]["reason"] and "fewer than the 102 s needed" in rows[0]["reason"]
    assert "7_1_20180411.cnt: " in rows[29]["reason"] and "3359 s needed" in rows[29]["reason"]


def test_a_trial_of_a_whole_session_is_read_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(seed, "RATE", 100.0)  # at 1000 Hz such a file has 745 MB
    data = write_long_seed(tmp_path / "5_2_20180728.cnt", 2820, (2186, 2302))
    rows = index_dataset("seed", tmp_path)
    assert [row["status"] for row in rows] == ["ok"] * 15
    assert (rows[11]["start"], rows[11]["stop"], rows[11]["duration"]) == ("2186", "2302", "116")
    trial = formats.read(tmp_path / "5_2_20180728.cnt", ["O1", "M1"], (2186.0, 2302.0))
    wanted = data[[SEED_CHANNELS.index("O1"), SEED_CHANNELS.index("M1")]]
    np.testing.assert_allclose(trial.data, wanted, atol=0.006)
    with pytest.raises(UserError, match="fewer than the 2821 s needed"):
        formats.read(tmp_path / "5_2_20180728.cnt", ["O1"], (2741.0, 2821.0))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root, folder = tmp_path_factory.mktemp("seed"), tmp_path_factory.mktemp("work")
    names = ("1_1_20180804.cnt", "7_1_20180411_repaired.cnt", "12_1_20180515.cnt")
    for number, name in enumerate(names):
        write_seed(root / "EEG_raw" / name, 103, number)
    (root / "EEG_raw" / "7_1_20180411.cnt").write_bytes(b"broken")
    (root / "participants_info.csv").write_text("subject,age,sex\n12,24,F\n7,21,M\n1,22,F\n")
    (root / "trial_start_end_timestamp.txt").write_text(seconds_file())
    return to_dataset("seed", root, RECIPE, folder)


def test_from_raw_files_to_a_dataset(built):
    rows, _, out = built
    assert [row["recording"] for row in rows if row["status"] == "ok"] == [
        f"sub-{number}_ses-1_trial-01" for number in ("01", "07", "12")
    ]
    metadata = pd.read_csv(out / "metadata.csv", dtype=str)
    # 72 s at 100 Hz in windows of 1024 samples that overlap by half.
    assert metadata.groupby("recording").size().tolist() == [13, 13, 13]
    assert set(metadata["emotion"]) == {"happy"} and set(metadata["health"]) == {"H"}
    assert metadata.groupby("subject")["age"].first().to_dict() == {
        "sub-01": "22",
        "sub-07": "21",
        "sub-12": "24",
    }
    assert metadata["start_s"].astype(float).max() < 72 - 10.24 + 1e-9
    refused = list(csv.DictReader((out / "refused.csv").open()))
    assert len(refused) == 42 and all("s needed" in row["reason"] for row in refused)


def test_electrodes_off_the_scalp_take_no_part(built):
    _, _, out = built
    card = (out / "README.md").read_text()
    assert "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2" in card
    assert not any(name in card for name in ("VEO", "HEO", "M1", "CB1"))
