"""Declare the present code equal in meaning to the code that made the results.

Snakemake keeps, per output, the params that it was made with. One of them is the code's fingerprint
(`code` in rules/common.smk): "code SCRIPT [MODULE...] [+HEARD...] HASH". Accepting writes the present hash
into it and leaves all else as it was, so that a changed config value still makes its stages stale.
"""

import ast
import json
from collections.abc import Iterable
from pathlib import Path

from signal_diffusion.files import write_text
from signal_diffusion.fingerprint import fingerprint


def accept(metadata: str | Path) -> int:
    """Rewrite the records under `metadata` (.snakemake/metadata); returns how many outputs it concerned."""
    changed = 0
    for path in sorted(path for path in Path(metadata).rglob("*") if path.is_file()):
        record = json.loads(path.read_text(encoding="utf-8"))
        params = sorted(_present(record.get("params") or ()))
        if params != (record.get("params") or []):
            write_text(path, json.dumps(record | {"params": params}))
            changed += 1
    return changed


def code_param(script: str, modules: Iterable[str] = (), heard: Iterable[str] = ()) -> str:
    """A rule's `code` param; `modules` and `heard` as in `fingerprint`."""
    words = ["code", script, *modules, *(f"+{name}" for name in heard)]
    return " ".join([*words, fingerprint(script, modules, heard)])


def _present(params: Iterable[str]) -> list[str]:
    return [_again(param) if param.startswith("'code scripts/") else param for param in params]


def _again(param: str) -> str:
    _, script, *chosen, _ = ast.literal_eval(param).split()
    if not Path(script).is_file():
        return param
    modules = [name for name in chosen if not name.startswith("+")]
    return repr(code_param(script, modules, [name[1:] for name in chosen if name.startswith("+")]))
