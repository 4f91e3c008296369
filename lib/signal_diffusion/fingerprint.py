"""What a script's code means, as a hash: the staleness of a stage by its code.

It covers the syntax trees of the script and of every module of this package that it imports, directly or
not, without comments, docstrings and formatting. Imports made by name at run time are not seen: a rule
that chooses a module from a registry names it in `extra_modules`.
"""

import ast
import atexit
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.files import write_json

PACKAGE = "signal_diffusion"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
LIB = Path(__file__).resolve().parent.parent

# Values of the config arrive as params of the rules; the others change what is said, not what is made.
SILENT = (
    "config", "report", "progress", "cli", "errors", "fingerprint", "lock", "workflow",
    "training.lock", "training.logging", "training.trackers",
)  # fmt: skip


def fingerprint(script: str | Path, extra_modules: Iterable[str] = (), heard: Iterable[str] = ()) -> str:
    """16 hex digits.

    extra_modules: dotted names, with the package's name in front. heard: entries of `SILENT` that count
    here all the same, such as `report` for the script that draws the figures.
    """
    script = Path(script)
    silent = set(SILENT) - set(heard)
    meaning, imports = _facts(script, "")
    found: dict[str, str] = {}
    waiting = [*imports, *extra_modules]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in found or path is None or _below(name, silent):
            continue
        found[name], imports = _facts(path, name if path.name == "__init__.py" else name.rpartition(".")[0])
        waiting += imports
    parts = [meaning, *(f"{name} {found[name]}" for name in sorted(found))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def _facts(path: Path, package: str) -> tuple[str, list[str]]:
    """What a file of `package` means, as a hash, and what it imports; known from an earlier plan by its text."""
    text, known = path.read_text(encoding="utf-8"), _remembered()
    key = hashlib.sha256(f"{package}\n{text}".encode()).hexdigest()
    if key not in known:
        tree = ast.parse(text, filename=str(path))
        meaning = hashlib.sha256(repr(_canonical(tree)).encode()).hexdigest()
        known[key] = [meaning, _imports(tree, package)]
    meaning, imports = known[key]
    return meaning, imports


@cache
def _remembered() -> dict[str, list]:
    """Facts by text, kept beside Snakemake's own records where there are any; another reader starts anew."""
    reader = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    path = LIB.parent / ".snakemake" / "fingerprints.json"
    if not path.parent.is_dir():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    facts = dict(kept.get("facts", {})) if kept.get("reader") == reader else {}
    atexit.register(_keep, path, reader, facts, len(facts))
    return facts


def _keep(path: Path, reader: str, facts: dict[str, list], before: int) -> None:
    if len(facts) > before and path.parent.is_dir():
        with suppress(OSError, UserError):  # they only save time
            write_json(path, {"reader": reader, "facts": facts})


def _imports(tree: ast.Module, package: str) -> list[str]:
    """Dotted names of this project's modules, or of things in them, that a file of `package` imports."""
    names = []
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(package, node)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    parts = [part for name in names if name.startswith(f"{PACKAGE}.") for part in _with_parents(name)]
    return list(dict.fromkeys(parts))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Those within, at any depth: imports are never in an expression."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from _statements(child)


def _absolute(package: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join(parts[: len(parts) - node.level + 1] + ([node.module] if node.module else []))


@cache
def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(2, len(parts) + 1)]  # the root only loads others lazily


@cache
def _file(name: str) -> Path | None:
    path = LIB.joinpath(*name.split("."))
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


def _below(name: str, tops: Iterable[str]) -> bool:
    inner = name.removeprefix(f"{PACKAGE}.")
    return any(inner == top or inner.startswith(f"{top}.") for top in tops)


def _canonical(node: object) -> object:
    """Nested tuples without positions, docstrings or empty fields, so that Python versions agree."""
    if isinstance(node, list):
        return tuple(map(_canonical, node))
    if not isinstance(node, ast.AST):
        return node
    fields = {name: getattr(node, name, None) for name in node._fields if name != "ctx"}
    if _has_docstring(node):
        fields["body"] = fields["body"][1:]
    said = ((name, _canonical(value)) for name, value in fields.items() if value is not None)
    return (type(node).__name__, *(field for field in said if field[1] != ()))


def _has_docstring(node: ast.AST) -> bool:
    return isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None
