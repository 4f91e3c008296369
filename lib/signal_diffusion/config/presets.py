"""Presets: rows of config/{family}/presets.txt, from which a run that says `extends` starts.

The file is one aligned table per network. Columns are two or more spaces apart; a line that begins with `preset` names
them: keys of `[model.extras]`, or dotted ones of other sections. A cell is a TOML value, `-` leaves the key's default.
A name ends in a representation, or in several in braces, which make a preset each.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from signal_diffusion.config.fields import Section
from signal_diffusion.config.images import IMAGES
from signal_diffusion.config.messages import located, nearest, section_of, shown
from signal_diffusion.config.reading import project_root
from signal_diffusion.errors import UserError

OF_EEG = ("db-only", "db-iq", "db-polar", "timeseries")
REPRESENTATIONS = (*OF_EEG, IMAGES)
HEADING, DEFAULT, GAP = "preset", "-", re.compile(r" {2,}")
Tables = dict[str, Any]


def extended(family: str, model: type[Section], path: Path, tables: Tables) -> Tables:
    """The tables of the run `path` over those of the preset that it extends, if any; what the run says wins.

    model: the run's type, by which another name of a key is known for what it is.
    """
    name = tables.get("extends")
    if not isinstance(name, str):
        return tables
    known = presets(family)
    if name not in known:
        guess = nearest(name, list(known))
        hint = f"did you mean {guess}?" if guess else f"see {shown(table_path(family))}"
        raise located(path, "extends", f"found {name!r}, which is no preset; {hint}")
    _check_model(path, name, known[name], tables)
    return merged(model, known[name], tables)


def presets(family: str) -> dict[str, Tables]:
    """Name -> tables of every preset of a family, in the order of its file; UserError where a row is not understood."""
    path, found, columns = table_path(family), {}, []
    for number, line in enumerate(_lines(path), start=1):
        cells = GAP.split(line.strip())
        if not line.strip() or line.startswith("#"):
            continue
        if cells[0] == HEADING:
            columns = cells[1:]
            continue
        if len(cells) != len(columns) + 1:
            found_cells = f"found {len(cells)} cells under {len(columns) + 1} headings"
            raise UserError(f"{shown(path)} line {number}: {found_cells}; write one each")
        for name in _names(path, number, cells[0]):
            found[name] = _row(path, number, name, dict(zip(columns, cells[1:], strict=True)))
    return found


def table_path(family: str) -> Path:
    """The table of a family."""
    return project_root() / "config" / family / "presets.txt"


def _lines(path: str | os.PathLike) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _names(path: Path, number: int, text: str) -> list[str]:
    """hourglass-demo-{db-iq,db-polar} is two names."""
    head, _, tail = text.partition("{")
    names = [f"{head}{each}" for each in tail.removesuffix("}").split(",")]
    for name in names:
        if not name.endswith(REPRESENTATIONS):
            kinds = ", ".join(REPRESENTATIONS)
            raise UserError(f"{shown(path)} line {number}: preset {name!r} ends in none of {kinds}; name one")
    return names


def _row(path: Path, number: int, name: str, cells: dict[str, str]) -> Tables:
    tables: Tables = {"data": _data(name)}
    for column, cell in cells.items():
        if cell == DEFAULT:
            continue
        *sections, key = (column if "." in column else f"model.extras.{column}").split(".")
        table = tables
        for section in sections:
            table = table.setdefault(section, {})
        try:
            table[key] = tomllib.loads(f"value = {cell}")["value"]
        except tomllib.TOMLDecodeError:
            message = f"found {cell!r} under {column}, expected a TOML value; quote words, or write -"
            raise UserError(f"{shown(path)} line {number}: {message}") from None
    return tables


def _data(name: str) -> Tables:
    kind = next(each for each in REPRESENTATIONS if name.endswith(each))
    if kind == IMAGES:
        return {}  # what they are follows from dataset.name
    if kind == "timeseries":
        return {"data_type": kind}
    return {"data_type": "spectrogram", "output_type": kind}


def _check_model(path: Path, name: str, preset: Tables, tables: Tables) -> None:
    own = tables.get("model", {})
    said = own.get("name") if isinstance(own, dict) else None
    network = preset.get("model", {}).get("name")
    if said is not None and said != network:
        message = f"found {said!r}, but preset {name} is of {network}; remove the key, or extend another"
        raise located(path, "model.name", message)


def merged(model: type[Section], under: Any, over: Any) -> Any:
    """The tables `under` with those of `over` in their place, key by key; another name of a key is that key."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    for alias, name in model.aliases.items():
        if alias in over and name in under and name not in over:
            over = {name if key == alias else key: value for key, value in over.items()}
    both = {
        key: merged(_section(model, key, {**under, **over}), under[key], over[key])
        for key in under.keys() & over.keys()
    }
    return {**under, **over, **both}


def _section(model: type[Section], key: str, tables: Tables) -> type[Section]:
    field = model.model_fields.get(key)
    return (model.chosen(key, tables) or section_of(field) if field else None) or Section
