"""Datasets by name: one module each, with `list_recordings(root, simulation=None) -> list[Entry]`.

A module added here is a dataset; nothing else lists it, so that adding one makes no result stale. Two are
kinds of dataset, for recordings that bring no code of their own: any name in the settings may have one of
them, and what it is to do stands beside it there. They, and a dataset that offers a choice, take `options`
(that section) and `name` as well.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import TYPE_CHECKING

from signal_diffusion.errors import UserError
from signal_diffusion.recordings import formats
from signal_diffusion.recordings.datasets.entry import Entry

if TYPE_CHECKING:
    from signal_diffusion.config.settings import DatasetPaths

KINDS = ("bids", "folder")
OPTIONED = (*KINDS, "longitudinal")
SHARED = ("entry", "tables", "bids_tables", "bids_ages")


def names() -> list[str]:
    """The datasets that this version reads by themselves."""
    return sorted(module.name for module in iter_modules(__path__) if module.name not in (*KINDS, *SHARED))


def module_name(name: str, options: "DatasetPaths | None" = None) -> str:
    """The module that lists this dataset, by the kind in its settings or else by its name."""
    kind = (options.kind if options else "") or name
    if kind not in names() and not (options and options.kind):
        raise UserError(
            f"dataset {name!r} is unknown; this version reads {', '.join(names())}, and any other whose "
            f"[datasets.{name}] in the settings has a kind, {' or '.join(KINDS)}"
        )
    return f"{__name__}.{kind}"


def get(name: str, options: "DatasetPaths | None" = None):
    """What lists the dataset; only its module is imported, so the others' code makes nothing stale.

    A recording whose file cannot be opened is listed as refused, so that no job asks for it.
    """
    wanted = module_name(name, options)
    module, kind = import_module(wanted), wanted.rpartition(".")[2]
    known = {"options": options, "name": name} if kind in OPTIONED else {}
    return SimpleNamespace(list_recordings=partial(_opened, partial(module.list_recordings, **known)))


def _opened(list_recordings: Callable, root: str | Path, simulation=None) -> list[Entry]:
    entries = list_recordings(root, simulation)
    if simulation is not None:  # their files are yet to be made
        return entries
    said = {path: formats.why_unreadable(path) for path in {entry.path for entry in entries}}
    why = {path: reason.replace(f"{root}/", "") for path, reason in said.items()}
    return [
        replace(each, refused=each.refused or why[each.path]) if why[each.path] else each for each in entries
    ]
