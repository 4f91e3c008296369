"""A folder of one's own: real `.set` and `.cnt` files under names and a table that the settings explain."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config import load_settings
from signal_diffusion.config.datasets import DatasetPaths
from signal_diffusion.errors import UserError
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.index import index_dataset, write_index
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.writers import write_cnt, write_edf

from .layouts import brownish, to_dataset

TABLE = "Code,Years,Sex,Hand,Name\nS01,31,woman,R,A B\nS02,,man,L,C D\nS99,50,man,,E F\n"
OPTIONS = {
    "kind": "folder",
    "files": "{subject}/{subject}_{task}.edf",
    "table": "people.csv",
    "id": "Code",
    "columns": {"gender": "Sex", "age": "Years", "handedness": "Hand"},
    "values": {
        "gender": {"woman": "F", "man": "M"},
        "handedness": {"R": "right", "L": "left"},
        "task": {"rest": "eyes closed", "walk": "walking"},
    },
}
PLAIN = {"columns": {}, "values": {}}


def section(**changes) -> DatasetPaths:
    return DatasetPaths.model_validate(OPTIONS | changes, context={})


def folder(root, *names: str, table: str | None = TABLE):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    if table is not None:
        (root / "people.csv").write_text(table)
    return root


def listed(root, **changes) -> dict:
    source = datasets.get("lab", section(**changes))
    return {entry.recording: entry for entry in source.list_recordings(root)}


def test_names_and_table_become_labels(tmp_path):
    found = listed(folder(tmp_path, "S01/S01_rest.edf", "S01/S01_walk.edf", "S02/S02_rest.edf"))
    assert list(found) == ["S01_rest", "S01_walk", "S02_rest"]
    assert found["S01_walk"].labels == {
        "gender": "F", "health": "", "age": "31", "handedness": "right", "task": "walking",
    }  # fmt: skip
    assert found["S02_rest"].labels["age"] == "" and found["S02_rest"].labels["handedness"] == "left"
    assert {entry.dataset for entry in found.values()} == {"lab"}
    assert {entry.reference for entry in found.values()} == {None}
    assert found["S01_rest"].warning == ""


def test_folders_behind_links_are_entered_but_never_from_within_themselves(tmp_path):
    folder(tmp_path / "disk", "S02/S02_rest.edf", table=None)
    root = folder(tmp_path / "lab", "S01/S01_rest.edf", "S01/.S01_walk.edf")
    (root / "S02").symlink_to(tmp_path / "disk/S02")
    (root / "S01/all").symlink_to(root)
    (tmp_path / "disk/S02/all").symlink_to(root)
    assert list(listed(root)) == ["S01_rest", "S02_rest"]
    everywhere = listed(root, files="**/{subject}_{task}.edf")
    assert list(everywhere) == ["S01_rest", "S02_rest"]


def test_a_session_and_a_reference(tmp_path):
    root = folder(tmp_path, "a/deep/S01-2-rest.set", "S01-1-rest.set")
    found = listed(root, files="**/{subject}-{session}-*.set", values={}, columns={}, reference="Cz")
    assert {name: (entry.session, entry.reference) for name, entry in found.items()} == {
        "S01_ses-1": ("1", "Cz"),
        "S01_ses-2": ("2", "Cz"),
    }


def test_a_folder_without_a_table(tmp_path):
    root = folder(tmp_path, "S01_PD.edf", "S02_H.edf", table=None)
    changes = {"table": "", "id": "", "columns": {}, "values": {}}
    found = listed(root, files="{subject}_{health}.edf", **changes)
    assert {name: entry.labels["health"] for name, entry in found.items()} == {"S01_PD": "PD", "S02_H": "H"}


def test_a_file_without_a_row_and_a_row_without_a_file_are_told(tmp_path, caplog):
    root = folder(tmp_path, "S01/S01_rest.edf", "S03/S03_rest.edf", "S03/notes.edf", "S01/.S01_rest.edf")
    write_edf(Recording(brownish(2, 1000, 0), 100.0, ("Fz", "Cz")), root / "S03/S03_rest.edf")
    with caplog.at_level("INFO"):
        rows = {row["recording"]: row for row in index_dataset("lab", root, options=section())}
    assert "2 rows of" in caplog.text and "have no file, such as S02" in caplog.text
    assert "1 files do not fit '{subject}/{subject}_{task}.edf', such as S03/notes.edf" in caplog.text
    row = rows["S03_rest"]
    assert (row["status"], row["warning"]) == ("ok", "people.csv has no row for S03")
    assert (row["gender"], row["age"], row["handedness"], row["task"]) == ("", "", "", "eyes closed")
    assert rows["S01_rest"]["status"] == "refused" and len(rows) == 2
    write_index(list(rows.values()), tmp_path / "index.csv")
    assert not any(secret in (tmp_path / "index.csv").read_text() for secret in ("A B", "C D"))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"files": "{subject}.fif", **PLAIN},
            r"\[datasets.lab\] files: found suffix '.fif', expected one of .edf",
        ),
        ({"files": "{subject}_{file}.edf", **PLAIN}, r"\{file\} cannot be a label's name"),
        ({"files": "{subject}_{Task}.edf", **PLAIN}, r"\{Task\} cannot be a label's name"),
        (
            {"files": "x{subject}_{task}.edf"},
            r"no file in .* fits 'x.*'; it holds 2 others, such as S01/S01_rest",
        ),
        ({"files": "{subject}/*.edf", **PLAIN}, "are both recording S01; give the pattern a field"),
        ({"id": "Kode"}, r"\[datasets.lab\] id: .* has no column 'Kode'; it has Code, Years, Sex"),
        ({"columns": {"gender": "Gender"}, "values": {}}, "columns.gender: .* has no column 'Gender'"),
        (
            {"values": {"gender": {"woman": "F"}}},
            "Code S02: Sex: found 'man', expected one of woman; add it to",
        ),
        ({"values": {}}, "Code S01: Sex: found 'woman', expected F or M; say in values.gender"),
        *(
            ({"columns": {name: "Sex"}, "values": {}}, f"columns: {name} cannot be a label's name")
            for name in ("position", "copy", "copies", "row", "image", "signal", "share")
        ),
        (
            {"columns": {"status": "Sex"}, "values": {}},
            r"\[datasets.lab\] columns: status cannot be a label's name",
        ),
        ({"columns": {"age": "Sex"}, "values": {}}, "Code S01: Sex: found 'woman', expected years"),
        ({"values": OPTIONS["values"] | {"task": {"rest": "rest"}}}, r"S01_walk.edf: \{task\}: found 'walk'"),
        ({"id": "Name"}, r"no subject of the files is in .*: the files have S01, the table A B, C D, E F"),
        ({"table": "nobody.csv"}, "nobody.csv: no such file; correct `table`, or the dataset's root"),
        ({"table": "nobody.xlsx"}, "nobody.xlsx: no such file; correct `table`, or the dataset's root"),
    ],
)
def test_contradictions_are_refused_in_one_line(tmp_path, changes, complaint):
    root = folder(tmp_path, "S01/S01_rest.edf", "S01/S01_walk.edf")
    with pytest.raises(UserError, match=complaint) as error:
        listed(root, **changes)
    assert "\n" not in str(error.value)


def test_a_dataset_of_any_name_has_a_kind_and_no_other_is_known(tmp_path):
    with pytest.raises(UserError, match=r"'lab' is unknown; .*\[datasets.lab\] in the settings has a kind"):
        datasets.get("lab", section(**dict.fromkeys(OPTIONS, "") | {"columns": {}, "values": {}}))
    with pytest.raises(UserError, match="'folder' is unknown"):
        datasets.get("folder")


def test_the_example_of_the_documentation(tmp_path):
    page = (Path(__file__).parents[2] / "docs/datasets.md").read_text()
    section = next(block for block in re.findall(r"```toml\n(.*?)```", page, re.S) if '"folder"' in block)
    files, table = (re.search(rf"```{kind}\n(.*?)```", page, re.S)[1] for kind in ("text", "csv"))
    root = folder(tmp_path, *files.split(), table=table)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/default.toml").write_text(
        '[data]\nroot = "data"\noutput_root = "work"\n' + section.replace("/data/lab", str(root))
    )
    options = load_settings(tmp_path / "config/default.toml").datasets["lab"]
    entries = datasets.get("lab", options).list_recordings(options.root)
    assert [(entry.recording, *entry.labels.values(), entry.reference) for entry in entries] == [
        ("S01_rest", "F", "H", "31", "rest", "Cz"),
        ("S01_walk", "F", "H", "31", "walk", "Cz"),
        ("S02_rest", "M", "PD", "64", "rest", "Cz"),
    ]


RECIPE = """
[recipe]
datasets = ["lab"]
[channels]
set = ["F3", "F4", "C3", "C4", "O1", "O2"]
[signal]
fs = 64.0
nsamps = 512
[spectrogram]
resolution = 64
window = 128
[splits]
train = 0.34
val = 0.33
test = 0.33
stratify = ["gender"]
[weights]
tasks = ["gender"]
"""


def test_real_sets_and_an_edf_from_raw_files_to_a_dataset(shared, tmp_path):
    root = tmp_path / "raw"
    root.mkdir()
    source = shared / "data/eeglab"
    # A set names its .fdt, so each keeps its name in a folder of its own.
    for person, name in (("P1", "eeglab/eeglab_data"), ("P3", "eegmat_set/00_task_processed_filtered_ICA")):
        (root / person).mkdir()
        for suffix in (".set", ".fdt"):
            shutil.copy(shared / "data" / f"{name}{suffix}", root / person)
    (root / "P2").mkdir()
    names = formats.read_header(source / "eeglab_data.set").channels
    write_edf(Recording(brownish(len(names), 60 * 128, 0), 128.0, names), root / "P2" / "resting.edf")
    (root / "people.tsv").write_text("id\tsex\tage\nP1\tF\t31\nP2\tM\t\nP3\tF\t21\n")
    options = DatasetPaths.model_validate(
        {"kind": "folder", "files": "{subject}/*.*", "table": "people.tsv", "id": "id"}
        | {"columns": {"gender": "sex", "age": "age"}},
        context={},
    )
    rows, _, out = to_dataset("lab", root, RECIPE, tmp_path, options)
    assert [(row["recording"], row["status"], row["format"]) for row in rows] == [
        ("P1", "ok", "set"), ("P2", "ok", "edf"), ("P3", "ok", "set"),
    ]  # fmt: skip
    metadata = pd.read_csv(out / "metadata.csv", dtype=str, keep_default_na=False)
    windows = metadata.groupby("recording").size()
    assert windows.to_dict() == {"P1": 58, "P2": 14, "P3": 14}  # 238.3, 60 and 60.002 s, 8 s every 4 s
    assert metadata.groupby("recording")["age"].first().tolist() == ["31", "", "21"]
    assert np.load(out / "train.npy").shape[1:] == (1, 64, 64)


def test_real_cnt_files(shared, tmp_path):
    root = tmp_path / "raw"
    shutil.copytree(shared / "data/cnt", root)
    options = DatasetPaths.model_validate({"kind": "folder", "files": "{subject}_*.cnt"}, context={})
    with pytest.raises(UserError, match="are both recording jw; give the pattern a field"):
        index_dataset("lab", root, options=options)
    options = DatasetPaths.model_validate({"kind": "folder", "files": "{subject}_{task}.cnt"}, context={})
    rows = {row["recording"]: row for row in index_dataset("lab", root, options=options)}
    assert len(rows) == 8 and {row["status"] for row in rows.values()} == {"ok"}
    assert (rows["scan41_short"]["rate"], rows["scan41_short"]["channels"]) == ("400", 128)
    assert {row["duration"] for name, row in rows.items() if name.startswith("jw")} == {"90"}


def test_real_cnt_files_from_raw_files_to_a_dataset(shared, tmp_path):
    root = tmp_path / "raw"
    root.mkdir()
    for name in ("jw_broken_nsamples_neg732", "1_1_20180804", "7_1_20180411"):
        shutil.copy(shared / "data/cnt" / f"{name}.cnt", root)
    options = DatasetPaths.model_validate({"kind": "folder", "files": "{subject}_{task}.cnt"}, context={})
    recipe = RECIPE.replace('["F3", "F4", "C3", "C4", "O1", "O2"]', '["F8", "FCz"]')
    recipe = recipe.replace('stratify = ["gender"]', "stratify = []").replace('["gender"]', '["dataset"]')
    for part in ("one", "two"):
        (tmp_path / part).mkdir()
    with pytest.raises(UserError, match="identical windows .*1_1_20180804 .*7_1_20180411"):
        to_dataset("lab", root, recipe, tmp_path / "one", options)
    write_cnt(Recording(brownish(2, 60 * 250, 0), 250.0, ("F8", "FCz")), root / "7_1_20180411.cnt")
    rows, _, out = to_dataset("lab", root, recipe, tmp_path / "two", options)
    assert [(row["status"], row["duration"]) for row in rows] == [("ok", "10"), ("ok", "60"), ("ok", "90")]
    metadata = pd.read_csv(out / "metadata.csv", dtype=str, keep_default_na=False)
    # Windows of 8 s every 4 s: the real file is read whole, whatever its header says of its samples.
    assert metadata.groupby("recording").size().tolist() == [1, 14, 21]
    assert sorted(metadata.groupby("subject")["split"].first()) == ["test", "train", "val"]
