"""Turn pydantic's errors into one line: file, section, key, what is wrong, what to do."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from signal_diffusion.config.fields import Contradiction, Section
from signal_diffusion.errors import UserError

# pydantic adds the member of a union to the place of an error.
UNION_TAGS = ("int", "float", "str", "list[int]", "list[float]", "list[str]")


def user_error(
    path: Path, model: type[Section], error: ValidationError, tables: dict[str, Any] | None = None
) -> UserError:
    """Return the first problem of a file's `tables` as a UserError, with the number of further ones."""
    # A mistyped name often leaves a required key missing too, and explains it.
    first, *others = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    more = f" (and {len(others)} more)" if others else ""
    return UserError(f"{_describe(path, model, first, tables or {})}{more}")


def located(path: Path, dotted: str, message: str) -> UserError:
    """Return a UserError about one key of a file, such as `model.extras.vae`."""
    return UserError(f"{shown(path)} {_where(dotted.split('.'))}: {message}")


def shown(path: Path) -> str:
    """Return the path as a user would type it: relative to the current folder when inside it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def nearest(name: str, names: list[str]) -> str | None:
    """Return the known name closest to a mistyped one, or None."""
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.6)), None)


def _describe(path: Path, model: type[Section], error: dict[str, Any], tables: dict[str, Any]) -> str:
    loc = list(error["loc"])
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Contradiction):
        return f"{shown(path)} {_where(loc + cause.key.split('.'))}: {cause}"
    if error["type"] == "extra_forbidden":
        return f"{shown(path)} {_unknown(model, error, tables)}"
    return f"{shown(path)} {_where(loc)}: {_reason(error)}"


def _reason(error: dict[str, Any]) -> str:
    if error["type"] == "missing":
        return "missing; this key is required"
    if error["type"] in ("model_type", "dict_type"):
        return f"found {error['input']!r}, expected a table; write it as a [section]"
    message = error["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return f"found {error['input']!r}, expected {message}"


def _where(loc: list[Any]) -> str:
    names = [part for part in loc if part not in UNION_TAGS]
    cut = next((i for i, part in enumerate(names) if isinstance(part, int)), len(names))
    section, leaf = names[: cut - 1], str(names[cut - 1])
    for part in names[cut:]:
        leaf += f"[{part}]" if isinstance(part, int) else f".{part}"
    return f"[{'.'.join(map(str, section))}] {leaf}" if section else leaf


def _unknown(model: type[Section], error: dict[str, Any], tables: dict[str, Any]) -> str:
    loc = list(error["loc"])
    name, section = str(loc[-1]), _section_at(model, loc[:-1], tables)
    is_table = isinstance(error["input"], dict)
    if guess := nearest(name, [*section.model_fields, *section.aliases]):
        dotted = ".".join([*map(str, loc[:-1]), guess])
        hint = f"did you mean {f'[{dotted}]' if is_table else guess}?"
    else:
        hint = _elsewhere(model, name) or "see config/README.md for the keys that exist"
    if is_table:
        return f"[{'.'.join(map(str, loc))}]: unknown section; {hint}"
    return f"{_where(loc)}: unknown key; {hint}"


def _elsewhere(model: type[Section], name: str, prefix: str = "") -> str | None:
    for field_name, field in model.model_fields.items():
        if (child := section_of(field)) is None:
            continue
        dotted = f"{prefix}{field_name}"
        if guess := nearest(name, [*child.model_fields, *child.aliases]):
            return f"did you mean [{dotted}] {guess}?"
        if found := _elsewhere(child, name, f"{dotted}."):
            return found
    return None


def _section_at(model: type[Section], loc: list[Any], tables: Any) -> type[Section]:
    for part in loc:
        tables = tables if isinstance(tables, dict) else {}
        field = model.model_fields.get(part) if isinstance(part, str) else None
        chosen = model.chosen(part, tables) if field else None
        model = chosen or (section_of(field) if field else None) or model
        tables = tables.get(part)
    return model


def section_of(field: Any) -> type[Section] | None:
    """Return the section that a field holds, alone or in a list or a dict, or None."""
    return next(iter(sections_of(field)), None)


def sections_of(field: Any) -> list[type[Section]]:
    """Return the sections of which a field may hold one."""
    candidates = (field.annotation, *_arguments(field.annotation))
    return [each for each in candidates if isinstance(each, type) and issubclass(each, Section)]


def _arguments(annotation: Any) -> list[Any]:
    found = []
    for argument in get_args(annotation):
        found += [argument, *_arguments(argument)]
    return found
