"""The params of the rules: which values a stage reads and what its code means; and accepting new code.

Snakemake keeps, per output, the params that it was made with, and makes it again when they differ. Each of
these params says how it was found, so that accepting can find it again and write it into the records.
"""

import ast
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from signal_diffusion.config.fields import Section
from signal_diffusion.config.messages import shown
from signal_diffusion.config.recipe import load_recipe
from signal_diffusion.config.runs import load_run
from signal_diffusion.config.settings import load_settings
from signal_diffusion.config.stages import stage_keys
from signal_diffusion.errors import UserError
from signal_diffusion.files import write_text
from signal_diffusion.fingerprint import fingerprint

VALUES, CODE = "values", "code"


def values_param(model: Section, stage: str, without: Sequence[str] = ()) -> str:
    """What `stage` reads of a recipe or a run, but for the keys `without`."""
    found = stage_keys(model, stage)
    read = {key: value for key, value in found.items() if key not in without}
    return json.dumps([VALUES, shown(model.path), stage, list(without), read], sort_keys=True)


def code_param(script: str, modules: Iterable[str] = (), heard: Iterable[str] = ()) -> str:
    """What a script's code means; `modules` and `heard` as in `fingerprint`."""
    modules, heard = list(modules), list(heard)
    return json.dumps([CODE, script, modules, heard, fingerprint(script, modules, heard)])


def accept(metadata: str | Path) -> int:
    """Declare the present code equal in meaning to the code that made the results.

    Rewrites the records under `metadata` (.snakemake/metadata) and returns how many outputs it concerned.
    A config value that has changed still makes its stages stale; a key that the code has gained or lost does
    not.
    """
    changed = 0
    for path in sorted(path for path in Path(metadata).rglob("*") if path.is_file()):
        record = json.loads(path.read_text(encoding="utf-8"))
        params = record.get("params") or []
        if (present := sorted(map(_present, params))) != params:
            write_text(path, json.dumps(record | {"params": present}))
            changed += 1
    return changed


def _present(param: str) -> str:
    """The param of a record, as Python writes it, with what the present code makes of it."""
    try:
        kind, *said = json.loads(ast.literal_eval(param))
        again = {VALUES: _values_again, CODE: _code_again}[kind](*said)
    except (ValueError, TypeError, SyntaxError, KeyError, OSError, UserError):
        return param  # another param, or of a file that is no longer there
    return repr(again)


def _code_again(script: str, modules: list[str], heard: list[str], _: str) -> str:
    return code_param(script, modules, heard)


def _values_again(file: str, stage: str, without: list[str], recorded: dict[str, Any]) -> str:
    path = Path(file)
    model = load_recipe(path, load_settings()) if path.parent.name == "dataset" else load_run(path)
    _, *said, read = json.loads(values_param(model, stage, without))
    return json.dumps([VALUES, *said, {key: recorded.get(key, read[key]) for key in read}], sort_keys=True)
