"""Find and read TOML files, and build their typed form."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from signal_diffusion.config.fields import Section
from signal_diffusion.config.messages import nearest, shown, user_error
from signal_diffusion.errors import UserError

Model = TypeVar("Model", bound=Section)


def project_root() -> Path:
    """Return the project's folder: the nearest one upwards that holds config/default.toml."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "config" / "default.toml").is_file():
            return folder
    return Path(__file__).resolve().parents[3]


def find(path: str | os.PathLike) -> Path:
    """Return an absolute path: `~` expanded, relative to the current folder or the project's."""
    path = Path(path).expanduser()
    if path.is_absolute() or path.exists():
        return path.absolute()
    return project_root() / path


def named(name_or_path: str | os.PathLike, folder: str) -> Path:
    """Return the path of config/{folder}/{name}.toml, or the path itself when one is given."""
    text = os.fspath(name_or_path)
    if text.endswith(".toml") or "/" in text:
        return find(text)
    return project_root() / "config" / folder / f"{text}.toml"


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's tables; UserError when it is absent or not valid TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editors begin it with a mark
    except FileNotFoundError:
        raise UserError(f"{shown(path)}: no such config file{_hint(path)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{shown(path)}: not valid TOML: {error}") from None
    except OSError as error:
        raise UserError(f"{shown(path)}: cannot be read: {error.strerror}") from None


def build(model: type[Model], path: Path, tables: dict[str, Any]) -> Model:
    """Return the typed form of a file's tables; UserError names file, section, key and remedy."""
    own = {"name": path.stem, "path": path}
    for name in own.keys() & tables.keys():
        raise UserError(f"{shown(path)} {name}: the file itself says it; remove the key")
    own = {name: value for name, value in own.items() if name in model.model_fields}
    try:
        return model.model_validate({**tables, **own}, context={"path": path})
    except ValidationError as error:
        raise user_error(path, model, error, tables) from None


def _hint(path: Path) -> str:
    names = sorted(other.stem for other in path.parent.glob("*.toml"))
    guess = nearest(path.stem, names)
    if guess:
        return f"; did you mean {guess}?"
    return f"; the folder holds {', '.join(names)}" if names else "; make it, or correct the path"
