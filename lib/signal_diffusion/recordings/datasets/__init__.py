"""Datasets by name: one module each, with `list_recordings(root, simulation=None) -> list[Entry]`."""

from importlib import import_module

from signal_diffusion.errors import UserError

NAMES = ("demo", "math")


def get(name: str):
    """The dataset's module; only this one is imported, so the others' code makes nothing stale."""
    if name not in NAMES:
        raise UserError(f"dataset {name!r} is unknown; this version reads {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")
