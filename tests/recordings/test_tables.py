"""Tables of participants in the spellings in which people keep them."""

import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets.tables import age, by_id, column, gender, meaning, read_table

ROWS = [{"id": "S1", "Age": "31", "Sex": "F"}, {"id": "S2", "Age": "", "Sex": "m"}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id,Age,Sex\nS1,31,F\nS2,n/a,m\n"),
        ("a.csv", "\ufeffid;Age;Sex\r\nS1;31;F\r\n;;\r\nS2;NaN;m\r\n"),
        ("a.tsv", "id\tAge\tSex\n\n S1 \t31\tF\nS2\t\tm\n"),
        ("INFO", 'id\tAge\tSex\n"S1"\t31\tF\nS2\tNA\tm\n'),
        ("a.csv", "id,Age,Sex,,\nS1,31,F,,\nS2,,m,,\n"),
        ("a.csv", "\nid,Age,Sex\nS1,31,F\nS2,,m\n"),
    ],
)
def test_spellings_of_one_table(tmp_path, name, text):
    (tmp_path / name).write_text(text, newline="")
    assert read_table(tmp_path / name) == ROWS


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty table"),
        (b"id,Age\nS1,31,F\n", "found 3 cells in line 2, expected 2"),
        (b"id,id\nS1,31\n", "column 'id' twice"),
        (b'id\tnote\nS1\tx\nS2\t"left early\nS3\tx\n', "without an end in line 3"),
        ("id,Gr\u00f6\u00dfe\nS1,31\n".encode("cp1252"), "save it as CSV in UTF-8"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, content, complaint):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UserError, match=complaint) as error:
        read_table(tmp_path / "a.csv")
    assert str(tmp_path / "a.csv") in str(error.value) and "\n" not in str(error.value)


def test_a_quotation_mark_that_swallows_a_long_table_is_refused(tmp_path):
    (tmp_path / "a.tsv").write_text('id\tnote\nS1\t"left early\n' + "S2\tx\n" * 50_000)
    with pytest.raises(UserError, match="without an end in line 2"):
        read_table(tmp_path / "a.tsv")


@pytest.mark.parametrize(
    ("text", "third"),
    [
        ("id\tAge\tdiagnosis (ICD-10, DSM-5, or other, if any)\nS1\t31\tG20\n", "G20"),
        ('id,Age,"note; of the nurse; or the physician; if any"\nS1,31,late\n', "late"),
    ],
)
def test_names_of_columns_may_hold_the_delimiters_of_other_tables(tmp_path, text, third):
    (tmp_path / "a").write_text(text)
    assert [list(row.values()) for row in read_table(tmp_path / "a")] == [["S1", "31", third]]


def test_a_column_is_found_whatever_its_case(tmp_path):
    rows = [{"Subject_ID": "1", "AGE (years)": "31"}]
    assert column(rows, ("subject id",), tmp_path) == "Subject_ID"
    assert column(rows, ("Age", "age (years)"), tmp_path) == "AGE (years)"
    with pytest.raises(UserError, match="found Subject_ID, AGE \\(years\\), expected Sex or Gender"):
        column(rows, ("Sex", "Gender"), tmp_path)


def test_rows_are_joined_by_an_id_that_each_has_once(tmp_path):
    assert by_id(ROWS, "id", tmp_path)["S2"]["Sex"] == "m"
    with pytest.raises(UserError, match="id: found S1 twice"):
        by_id([ROWS[0], ROWS[0]], "id", tmp_path)
    with pytest.raises(UserError, match="a row without it"):
        by_id([{"id": ""}], "id", tmp_path)


def test_words_for_gender_and_age():
    assert [gender(word, "x") for word in ("", "f", "Female", "M", "male")] == ["", "F", "F", "M", "M"]
    assert [age(word, "x") for word in ("", "7", "1.5", "34.0")] == ["", "7", "1.5", "34"]
    assert [age(word, "x") for word in ("89+", ">89", "> 90", ">=90", "90 +")] == [""] * 5
    assert [meaning(word, "age", {"old": ""}, "x") for word in ("old", "31")] == ["", "31"]
    for function, word in ((gender, "woman"), (age, "-1"), (age, "1983"), (age, "ten"), (age, "inf")):
        with pytest.raises(UserError, match=f"^there: found '{word}'"):
            function(word, "there")
