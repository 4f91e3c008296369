"""Tables of participants as people keep them, CSV, TSV or XLSX, read while jobs are planned, without pandas.

Cells are text without space around it; words for what is not known are "".
"""

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.recordings import spreadsheet
from signal_diffusion.recordings.formats.checks import telling_of_unreadable

MISSING = ("", "n/a", "na", "nan")
GENDERS = {"f": "F", "female": "F", "m": "M", "male": "M"}
WORDS = {"gender": ("F", "M"), "health": ("H", "PD")}
IN_A_YEAR = {"years": 1.0, "months": 12.0, "weeks": 365.25 / 7, "days": 365.25}
# Columns that stand beside the labels in the index, in a dataset's tables and in its exports.
TAKEN = (
    "dataset subject session recording file format start stop rate duration channels events status reason warning "
    "window start_s split text hash weight file_name copy copies position row image signal windows share reached target"
).split()
DELIMITERS = ("\t", ";", ",")

Row = dict[str, str]


def read_table(path: Path) -> list[Row]:
    """Rows by the names in the first line; empty lines, and empty columns on the right, are left out.

    Raises UserError for a table that cannot be read, names a column twice or has a row of another length.
    """
    lines = [(number, line) for number, line in enumerate(_lines(path), 1) if any(line)]
    if not lines:
        raise UserError(f"{path}: found an empty table, expected a line of column names and rows; fill it")
    (_, header), *rows = lines
    for number, row in rows:
        if len(row) != len(header):
            found = f"found {len(row)} cells in line {number}"
            raise UserError(f"{path}: {found}, expected {len(header)}; mend that line")
    names = _without_end(header, path, [row for _, row in rows])
    return [dict(zip(names, map(known, row), strict=False)) for _, row in rows]


def by_id(rows: Iterable[Row], column: str, path: Path) -> dict[str, Row]:
    """Rows by what stands in `column`; UserError if one has nothing there or two have the same."""
    people: dict[str, Row] = {}
    for row in rows:
        if not row[column]:
            raise UserError(f"{path}: {column}: found a row without it, expected it in every row; fill it")
        if row[column] in people:
            raise UserError(f"{path}: {column}: found {row[column]} twice, expected one row; keep one")
        people[row[column]] = row
    return people


def column(rows: list[Row], names: Iterable[str], path: Path) -> str:
    """The table's own spelling of the first of `names` that it has, whatever the case and the punctuation."""
    wanted = [_plain(name) for name in names]
    spelled = {_plain(name): name for name in (rows[0] if rows else ())}
    found = next((spelled[name] for name in wanted if name in spelled), None)
    if found is None:
        raise UserError(
            f"{path}: columns: found {', '.join(spelled.values()) or 'none'}, expected {' or '.join(names)}; "
            "rename the column that holds it"
        )
    return found


def gender(word: str, where: str) -> str:
    """F, M or "" of a word for it; UserError, which begins with `where`, for any other word."""
    if word and word.lower() not in GENDERS:
        raise UserError(f"{where}: found {word!r}, expected F or M; correct it or leave it empty")
    return GENDERS.get(word.lower(), "")


def age(word: str, where: str) -> str:
    """Years as the table writes them, or ""; UserError, which begins with `where`, for what is no age.

    A number may have a unit of `IN_A_YEAR` behind it. A bound, "89+" or ">89", as tables hide the ages of the very
    old, is not known.
    """
    if re.fullmatch(r"(>|≥|>=)\s*\d+|\d+\s*\+", word):
        return ""
    amount, _, unit = word.partition(" ")
    try:
        years = float(amount or "nan") / IN_A_YEAR[unit or "years"]
    except (ValueError, KeyError):
        years = -1.0
    if not math.isnan(years) and not 0 <= years < 130:
        raise UserError(f"{where}: found {word!r}, expected years; correct it or leave it empty")
    return "" if math.isnan(years) else f"{years:g}"


def meaning(word: str, label: str, meanings: dict[str, str] | None, where: str) -> str:
    """What a word means for a label: what `meanings` say, or itself; UserError, which begins with `where`, for
    one that means nothing."""
    if word and meanings is not None and (word in meanings or label != "age"):
        if word not in meanings:
            remedy = f"add it to values.{label}, or leave it empty"
            raise UserError(f"{where}: found {word!r}, expected one of {', '.join(meanings)}; {remedy}")
        word = meanings[word]
    if label == "age":
        return age(word, where)
    if word and word not in WORDS.get(label, (word,)):
        raise UserError(
            f"{where}: found {word!r}, expected {' or '.join(WORDS[label])}; say in values.{label} what it means"
        )
    return word


def check_label(name: str, said: str) -> None:
    """UserError, which begins with how the user `said` it, for a name that no label can have."""
    if name in TAKEN or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UserError(f"{said} cannot be a label's name; use another")


def read_text(path: Path) -> str:
    """A file's text, whatever its characters are; raises Unreadable where the system keeps it back."""
    with telling_of_unreadable(path):
        return path.read_text(encoding="utf-8", errors="replace")


def known(cell: str) -> str:
    return "" if cell.lower() in MISSING else cell


def _without_end(header: list[str], path: Path, rows: list[list[str]]) -> list[str]:
    """The names of the columns up to the last that has one or holds anything."""
    width = max(i + 1 for line in (header, *rows) for i, cell in enumerate(line) if cell)
    if twice := [name for name, count in Counter(header[:width]).items() if count > 1]:
        raise UserError(f"{path}: found column {twice[0]!r} twice, expected it once; rename one")
    return header[:width]


def _lines(path: Path) -> list[list[str]]:
    try:
        if path.suffix.lower() == ".xlsx":
            return spreadsheet.read_cells(path)
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; correct `table`, or the dataset's root") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read as text ({type(error).__name__}); save it as CSV in UTF-8"
        ) from None
    return _cells(text.splitlines(), path)


def _cells(lines: list[str], path: Path) -> list[list[str]]:
    # An empty line at the end makes an empty row, unless it still belongs to a quoted cell.
    reader = csv.reader([*lines, ""], delimiter=_delimiter(lines))
    rows, begins = [], [1]
    try:
        for row in reader:
            rows.append([cell.strip() for cell in row])
            begins.append(reader.line_num + 1)
    except csv.Error:  # a cell of more than 131072 letters
        rows.append(["endless"])
    if rows.pop():
        found = f"found a cell without an end in line {begins[len(rows)]}"
        raise UserError(f"{path}: {found}, expected a quotation mark to close it; mend that line")
    return rows


def _delimiter(lines: list[str]) -> str:
    """As the line of column names tells: a tab, or what stands there most often outside of quotes."""
    # Some spreadsheet programs write semicolons into CSV, and tables without a suffix tend to have tabs.
    names = re.sub(r'"[^"]*"', "", next(filter(str.strip, lines), ""))
    return "\t" if "\t" in names else max(DELIMITERS, key=names.count)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
