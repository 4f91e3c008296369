"""In which unit the tables of a BIDS folder state ages, by the JSON files that describe their columns.

BIDS 1.10 (Tabular files; Participants file): `Units` is a column's unit, `Levels` says what each of its words means,
and an age that neither describes is in years.
"""

import logging
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets import bids_tables, tables
from signal_diffusion.recordings.datasets.tables import Row

LOG = logging.getLogger(__name__)
SPELLED = {
    "years": "year years yr yrs y yo a annum jahr jahre ans anni años",
    "months": "month months mo mos mon mth mths",
    "weeks": "week weeks wk wks w",
    "days": "day days d",
}
UNITS = {word: unit for unit, words in SPELLED.items() for word in words.split()}
FILLERS = set(
    "age in of old the as decimal float integer int number numeric full completed whole none".split()
)


def descriptions(*paths: Path) -> list[dict]:
    """Those of the JSON files that are there; one that cannot be read describes nothing, and the log says so."""
    found = []
    for path in filter(Path.is_file, paths):
        try:
            found.append(bids_tables.read_json(path))
        except UserError as error:
            LOG.warning("%s; until then the ages beside it count as years", error)
    return found


def with_units(
    rows: dict[str, Row], is_age: Callable[[str], bool], described: Iterable[dict], known: Collection[str]
) -> dict[str, Row]:
    """The rows with the unit behind each age, `18 months`, but for years, and for words that are `known` without.

    described: JSON of the table's columns, what counts first in front.
    """
    described = list(described)
    columns = {column for row in rows.values() for column in row if is_age(column)}
    said = {column: _described(column, described) for column in columns}
    return {
        name: {
            column: _with_unit(word, said[column]) if column in said and word not in known else word
            for column, word in row.items()
        }
        for name, row in rows.items()
    }


def unit(words: str) -> str:
    """years, months, weeks or days for a usual spelling, "" for words that name no unit; others as they are."""
    plain = words.strip().lower().replace("(s)", "s").replace(".", "")
    if plain in tables.MISSING:
        return ""
    told = set(re.findall(r"\w+", plain)) - FILLERS
    found = {UNITS.get(word, "") for word in told}
    if found - {""} == {"years"}:
        return "years"  # as without a unit, whatever else is said of them; of other units it may matter
    return words.strip() if len(found) > 1 or found == {""} else "".join(found)


def _described(column: str, described: list[dict]) -> dict:
    """Keys of a column, whatever its case, those of the files in front before those behind."""
    found: dict = {}
    for each in described:
        spelled = {name.lower(): value for name, value in each.items()} | each
        value = spelled.get(column, spelled.get(column.lower()))
        found = (value if isinstance(value, dict) else {}) | found
    return found


def _with_unit(word: str, said: dict) -> str:
    word = _level(word, said) or word
    number = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([A-Za-z().\- ]*)", word)
    if number is None:
        return word
    own = unit(number[2]) or _unit_of_column(said)
    return number[1] if own in ("", "years") else f"{number[1]} {own}"


def _level(word: str, said: dict) -> str:
    levels = said.get("Levels")
    meant = levels.get(word) if isinstance(levels, dict) else None
    meant = meant.get("Description") if isinstance(meant, dict) else meant
    return str(meant or "").strip()


def _unit_of_column(said: dict) -> str:
    """What `Units` say or, without them, a description such as "Age in months"."""
    if isinstance(stated := said.get("Units"), str) and (found := unit(stated)):
        return found
    words = re.finditer(
        r"\bage\b[^.;,]*?(?:\bin|\()\s*(?:in\s)?\s*([a-z]+)", str(said.get("Description", "")), re.I
    )
    named = (word[1].lower() for word in words)
    return next((each for each in named if each in SPELLED), "")
