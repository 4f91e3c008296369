"""Datasets by name: one module each, with `list_recordings(root, simulation=None) -> list[Entry]`.

A module added here is a dataset; nothing else lists it, so that adding one makes no result stale.
"""

from importlib import import_module
from pkgutil import iter_modules

from signal_diffusion.errors import UserError


def names() -> list[str]:
    """The datasets that this version reads."""
    return sorted(module.name for module in iter_modules(__path__) if module.name != "entry")


def get(name: str):
    """The dataset's module; only this one is imported, so the others' code makes nothing stale."""
    if name not in names():
        raise UserError(f"dataset {name!r} is unknown; this version reads {', '.join(names())}")
    return import_module(f"{__name__}.{name}")
