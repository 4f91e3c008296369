"""Checks between files: a run against its recipe, its support runs and the workflow."""

from __future__ import annotations

import os
from pathlib import Path

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.messages import located, shown
from signal_diffusion.config.reading import find, project_root
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.runs import load_run
from signal_diffusion.config.settings import ENVIRONMENT_VARIABLE, Settings, load_settings
from signal_diffusion.config.support import SupportRun

Run = DiffusionRun | SupportRun
BY_HAND = ("training.output_dir", "training.resume", "logging.log_dir")


def settings_for(run: Run) -> Settings:
    """Return the settings in force: SIGNAL_DIFFUSION_CONFIG, else the run's `settings.config`."""
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return load_settings()
    return load_settings(_settings_path(run))


def representation(run_or_settings: DiffusionRun | Settings) -> str:
    """Return the representation in force: db-only, the one that runs train on; another is refused (UserError)."""
    data = run_or_settings.data
    if data.output_type is not None and data.data_type is not None:
        return _representation(data.output_type, data.data_type, run_or_settings.path)
    general = settings_for(run_or_settings)
    output_type = data.output_type or general.data.output_type
    return _representation(output_type, data.data_type or general.data.data_type, general.path)


def support_path(name: str | None) -> Path | None:
    """Return config/support/{name}.toml when there is such a run, else None (a hub id or a folder)."""
    if not name or "/" in name:
        return None
    path = project_root() / "config" / "support" / f"{name}.toml"
    return path if path.is_file() else None


def check_run(run: Run, recipe: Recipe) -> None:
    """Refuse a run that does not fit its recipe or its support runs (UserError)."""
    if isinstance(run, SupportRun):
        return
    _check_resolution(run, recipe)
    _check_captions(run, recipe)
    if run.evaluation.encoder is not None:
        _check_support(run, "evaluation.encoder", run.evaluation.encoder, "feature-encoder")
    if support_path(run.model.extras.text_encoder):
        _check_text(run)


def check_workflow(run: Run, settings: Settings | None = None) -> None:
    """Refuse what the DAG decides: output folders, resumption, another settings file (UserError)."""
    settings = settings or settings_for(run)
    for dotted in BY_HAND if isinstance(run, DiffusionRun) else ():
        section, name = dotted.split(".")
        if getattr(getattr(run, section), name) is not None:
            raise located(
                run.path, dotted, "is for scripts run by hand; the workflow decides: remove the key"
            )
    _check_settings(run, settings)


def _check_settings(run: Run, settings: Settings) -> None:
    wanted = _settings_path(run)
    default = project_root() / "config" / "default.toml"
    if wanted.resolve() not in (settings.path.resolve(), default.resolve()):
        message = f"the workflow runs with {shown(settings.path)}; add --config settings={shown(wanted)}"
        raise located(run.path, "settings.config", message)


def _settings_path(run: Run) -> Path:
    return find(run.settings.config)


def _representation(output_type: str, data_type: str, path: Path) -> str:
    found = data_type if data_type == "timeseries" else output_type
    if found == "db-only":
        return found
    dotted, instead = (
        ("data.data_type", "spectrogram") if found == data_type else ("data.output_type", "db-only")
    )
    message = f'no run trains on "{found}" in this version; use {instead}, there or in the run'
    raise located(path, dotted, message)


def _check_resolution(run: DiffusionRun, recipe: Recipe) -> None:
    size = recipe.spectrogram.resolution
    for dotted, value in (
        ("dataset.resolution", run.dataset.resolution),
        ("model.sample_size", run.model.sample_size),
    ):
        if value not in (None, size):
            raise located(
                run.path, dotted, f"found {value}, but recipe {recipe.name} makes {size}; set {size}"
            )
    extras = run.model.extras
    for patch in extras.patch_size:
        coarsest = patch * 2 ** (len(extras.widths) - 1)
        if size % coarsest:
            message = (
                f"{patch} pixels, doubled over {len(extras.widths)} levels, do not divide {size}; change it"
            )
            raise located(run.path, "model.extras.patch_size", message)


def _check_captions(run: DiffusionRun, recipe: Recipe) -> None:
    if run.model.conditioning == "caption" and run.dataset.caption_column != "text":
        message = f"recipe {recipe.name} writes its captions to the column text; set it to that"
        raise located(run.path, "dataset.caption_column", message)
    if run.model.conditioning == "caption" and not recipe.captions.fields:
        message = f"recipe {recipe.name} has no captions.fields; name some there, or set conditioning to none"
        raise located(run.path, "model.conditioning", message)


def _check_support(run: DiffusionRun, dotted: str, name: str, kind: str) -> SupportRun:
    path = support_path(name)
    if path is None:
        raise located(run.path, dotted, f"no config/support/{name}.toml; name a run of kind {kind}")
    support = load_run(path)
    if support.kind != kind:
        raise located(run.path, dotted, f"{name} is of kind {support.kind}; name one of kind {kind}")
    if support.dataset.name != run.dataset.name:
        message = f"{name} is made from recipe {support.dataset.name}; name one made from {run.dataset.name}"
        raise located(run.path, dotted, message)
    return support


def _check_text(run: DiffusionRun) -> None:
    extras = run.model.extras
    support = _check_support(run, "model.extras.text_encoder", extras.text_encoder, "text-encoders")
    width = sum(support.text.projections)
    if extras.mapping_cond_dim not in (None, width):
        message = f"found {extras.mapping_cond_dim}, but {support.name} gives {width}; set that or nothing"
        raise located(run.path, "model.extras.mapping_cond_dim", message)
