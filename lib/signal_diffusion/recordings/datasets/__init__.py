"""Datasets by name: one module each, with `list_recordings(root, simulation=None) -> list[Entry]`."""

from importlib import import_module

from signal_diffusion.errors import UserError

NAMES = ("demo", "math")


def get(name: str):
    """The dataset's module; importing this one alone keeps a fingerprint of its code independent of the others."""
    if name not in NAMES:
        raise UserError(f"dataset {name!r} is unknown; this version reads {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")
