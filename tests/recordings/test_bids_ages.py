"""Ages in the tables of BIDS folders: of subjects and sessions, in the unit that the tables are described with."""

import json

import pytest

from .bids_layouts import NAME, index, write


def test_a_session_has_its_own_age_or_none(tmp_path):
    """The age in participants.tsv, 30 here, is that of another day where sessions have ages."""
    for session in "abc":
        write(tmp_path, f"sub-01_ses-{session}_task-rest")
    (tmp_path / "sub-01/sub-01_sessions.tsv").write_text("session_id\tage\nses-a\tn/a\nb\t35\n")
    assert [(row["age"], row["gender"]) for row in index(tmp_path)] == [("", "F"), ("35", "F"), ("", "F")]
    for without in ("session_id\tnoise\nses-a\tloud\n", "session_id\tage\nses-a\tn/a\n"):
        (tmp_path / "sub-01/sub-01_sessions.tsv").write_text(without)
        assert {row["age"] for row in index(tmp_path)} == {"30"}


def test_ages_of_sessions_count_however_the_tables_spell_them(tmp_path):
    write(tmp_path, "sub-01_ses-a_task-rest", "participant_id\tAge\nsub-01\t30\n")
    (tmp_path / "sub-01/sub-01_sessions.tsv").write_text("session_id\tage\nses-a\t35\n")
    assert [row["age"] for row in index(tmp_path)] == ["35"]


@pytest.mark.parametrize(
    ("said", "word", "years"),
    [
        ({"Units": "months"}, "18", "1.5"),
        ({"Units": "Month(s)"}, "400", "33.3333"),
        ({"Units": "age in weeks"}, "104.357", "2"),
        ({"Units": "d"}, "730.5", "2"),
        ({"Units": "Years old"}, "30.5", "30.5"),
        ({"Units": "integer", "Description": "Age (months)"}, "24", "2"),
        ({"Units": "n/a"}, "30", "30"),
        ({"Units": "Years (rounded); range 18-35"}, "30", "30"),
        ({"Description": "Age at the first scan, in years"}, "30", "30"),
        ({"Description": "Age of the child in months"}, "6", "0.5"),
        ({"Units": "years", "Description": "Age in months"}, "6", "6"),
        ({"Units": "months"}, "89+", ""),
        ({"Units": "months"}, "n/a", ""),
        ({"Units": "months", "Levels": {"1": "24", "2": {"Description": "3 years"}}}, "1", "2"),
        ({"Units": "months", "Levels": {"1": "24", "2": {"Description": "3 years"}}}, "2", "3"),
    ],
)
def test_an_age_counts_in_the_unit_that_its_table_is_described_with(tmp_path, said, word, years):
    write(tmp_path, NAME, f"participant_id\tAge\nsub-01\t{word}\n")
    (tmp_path / "participants.json").write_text(json.dumps({"age": said}))
    assert [(row["age"], row["reason"]) for row in index(tmp_path)] == [(years, "")]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"Units": "gestational weeks"}, "30 gestational weeks"),
        ({"Levels": {"30": "20-25 years"}}, "20-25 years"),
    ],
)
def test_an_age_in_another_unit_refuses_its_recording_unless_the_settings_explain_it(tmp_path, said, found):
    write(tmp_path, NAME)
    (tmp_path / "participants.json").write_text(json.dumps({"age": said}))
    (row,) = index(tmp_path)
    assert row["reason"].startswith(f"own: sub-01: age (with its unit): found '{found}', expected years")
    assert index(tmp_path, values={"age": {"30": "0.5"}})[0]["age"] == "0.5"


def test_ages_of_sessions_have_the_unit_of_their_own_table_or_that_of_the_participants(tmp_path):
    for session in "ab":
        write(tmp_path, f"sub-01_ses-{session}_task-rest")
    (tmp_path / "sub-01/sub-01_sessions.tsv").write_text("session_id\tage\na\t24\nb\t36\n")
    for name, unit, years in (
        ("participants.json", "months", ["2", "3"]),
        ("sessions.json", "weeks", ["0.459959", "0.689938"]),
        ("sub-01/sub-01_sessions.json", "years", ["24", "36"]),
    ):
        (tmp_path / name).write_text(json.dumps({"age": {"Units": unit}}))
        assert [row["age"] for row in index(tmp_path)] == years


def test_a_description_of_the_table_that_cannot_be_read_leaves_ages_in_years(tmp_path, caplog):
    write(tmp_path, NAME)
    (tmp_path / "participants.json").write_text("{")
    assert [row["age"] for row in index(tmp_path)] == ["30"]
    assert "participants.json: not a JSON object" in caplog.text
