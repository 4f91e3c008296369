"""Load a run by the folder that it lies in."""

from __future__ import annotations

import os

from signal_diffusion.config.candidates import candidate_runs
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.fields import Section
from signal_diffusion.config.messages import located, nearest
from signal_diffusion.config.presets import extended
from signal_diffusion.config.reading import build, find, read_toml
from signal_diffusion.config.support import SupportRun
from signal_diffusion.config.synthetic import SyntheticSet

FAMILIES: dict[str, type[Section]] = {
    "diffusion": DiffusionRun,
    "classification": ClassificationRun,
    "support": SupportRun,
    "synthetic": SyntheticSet,
}
LATER = {"tokenizer", "waveform", "mae", "search"}


def load_run(path: str | os.PathLike) -> DiffusionRun | ClassificationRun | SupportRun | SyntheticSet:
    """Return the run of a TOML file; its folder, else `settings.trainer`, names the family."""
    file = find(path)
    tables = read_toml(file)
    settings = tables.get("settings", {})
    trainer = settings.get("trainer") if isinstance(settings, dict) else None
    family = file.parent.name if file.parent.name in FAMILIES.keys() | LATER else trainer
    _check_family(file, family, trainer)
    if "extends" in FAMILIES[family].model_fields:
        tables = extended(family, FAMILIES[family], file, tables)
    run = build(FAMILIES[family], file, tables)
    if isinstance(run, ClassificationRun):
        candidate_runs(run)
    return run


def _check_family(file: os.PathLike, family: str | None, trainer: str | None) -> None:
    known = ", ".join(FAMILIES)
    for name in (trainer, family):
        if isinstance(name, str) and name in LATER:
            raise located(file, "settings.trainer", f'"{name}" runs are not in this version; use {known}')
    if not isinstance(family, str) or family not in FAMILIES:
        guess = nearest(str(trainer), list(FAMILIES))
        hint = f"did you mean {guess}?" if guess else f"use one of {known}"
        raise located(file, "settings.trainer", f"found {trainer!r}, which is no family; {hint}")
    if trainer not in (None, family):
        message = f"found {trainer!r} in a file of config/{family}/; set {family!r}, or move the file"
        raise located(file, "settings.trainer", message)
