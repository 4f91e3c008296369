"""Checks between files: a run against its recipe, its support runs and the workflow."""

from __future__ import annotations

import os
from pathlib import Path

from signal_diffusion.config.candidates import candidate_runs
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.classification_evaluation import SOURCES
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.fields import Contradiction
from signal_diffusion.config.grids import check_grid
from signal_diffusion.config.images import IMAGES, check_images_there, image_source
from signal_diffusion.config.messages import located, shown
from signal_diffusion.config.reading import find, project_root
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.runs import load_run
from signal_diffusion.config.senseless import refuse_senseless
from signal_diffusion.config.settings import ENVIRONMENT_VARIABLE, Settings, load_settings
from signal_diffusion.config.support import SupportRun
from signal_diffusion.packages import absence

Run = DiffusionRun | ClassificationRun | SupportRun
BY_HAND = {
    DiffusionRun: ("training.output_dir", "training.resume", "logging.log_dir"),
    ClassificationRun: ("training.output_dir", "training.log_dir", "training.metrics_summary_path"),
}
SHARED_BESIDE = (
    "dataset.name",
    "dataset.train_split",
    "dataset.val_split",
    "evaluation.folds",
    "evaluation.n_folds",
    "evaluation.fold_seed",
)
# What a key, or one value of it, needs beside the dependencies.
PACKAGES = {
    ("logging.wandb_project", None): "wandb",
    ("training.wandb_project", None): "wandb",
    ("logging.mlflow_experiment", None): "mlflow",
    ("optimizer.name", "adamw_8bit"): "bitsandbytes",
}


def settings_for(run: Run) -> Settings:
    """Return the settings in force: SIGNAL_DIFFUSION_CONFIG, else the run's `settings.config`."""
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return load_settings()
    return load_settings(_settings_path(run))


def representation(run_or_settings: Run | Settings) -> str:
    """Return the representation in force: that of the run, else of the settings.

    A feature encoder is made from decibels whatever the settings say: features of every representation are those of
    its decibels.
    """
    if isinstance(run_or_settings, SupportRun) and run_or_settings.kind == "feature-encoder":
        return "db-only"
    if not isinstance(run_or_settings, Settings) and image_source(run_or_settings.dataset.name):
        return IMAGES
    data = run_or_settings.data
    if data.output_type is not None and data.data_type is not None:
        return _representation(data.output_type, data.data_type)
    general = settings_for(run_or_settings)
    output_type = data.output_type or general.data.output_type
    return _representation(output_type, data.data_type or general.data.data_type)


def _representation(output_type: str, data_type: str) -> str:
    return data_type if data_type == "timeseries" else output_type


def support_path(name: str | None) -> Path | None:
    """Return config/support/{name}.toml when there is such a run, else None (a hub id or a folder)."""
    if not name or "/" in name:
        return None
    path = project_root() / "config" / "support" / f"{name}.toml"
    return path if path.is_file() else None


def check_run(run: Run, recipe: Recipe | None) -> None:
    """Refuse a run that does not fit its recipe or its support runs (UserError); images have no recipe."""
    if recipe is None and not isinstance(run, DiffusionRun):
        message = (
            f"{run.dataset.name} holds images from elsewhere, which diffusion runs alone take; name a recipe"
        )
        raise located(run.path, "dataset.name", message)
    if isinstance(run, SupportRun):
        _check_images(run)
        return
    if isinstance(run, ClassificationRun):
        _check_data(run)
        _check_splits(run, recipe)
        _check_beside(run)
        return
    kind = representation(run)
    _check_combinations(run, kind)
    check_grid(run, recipe, kind, _vae(run, kind))
    if recipe is None:
        _check_of_images(run)
        return
    _check_splits(run, recipe)
    _check_captions(run, recipe)
    if run.evaluation.encoder is not None:
        _check_support(run, "evaluation.encoder", run.evaluation.encoder, "feature-encoder")
    if support_path(run.model.extras.text_encoder):
        _check_text(run, recipe)


def _check_of_images(run: DiffusionRun) -> None:
    """What is made from recipes says nothing of other images."""
    for dotted, name in (
        ("evaluation.encoder", run.evaluation.encoder),
        (
            "model.extras.text_encoder",
            support_path(run.model.extras.text_encoder) and run.model.extras.text_encoder,
        ),
    ):
        if name is not None:
            message = (
                f"{name} is made from a recipe, and dataset.name is none; remove the key, or name a hub id"
            )
            raise located(run.path, dotted, message)
    check_images_there(run.path, run.dataset.name, run.dataset.cache_dir)


def check_workflow(run: Run, settings: Settings | None = None) -> None:
    """Refuse what the DAG decides: output folders, resumption, another settings file (UserError)."""
    settings = settings or settings_for(run)
    for dotted in BY_HAND.get(type(run), ()):
        section, name = dotted.split(".")
        if getattr(getattr(run, section), name) is not None:
            raise located(
                run.path, dotted, "is for scripts run by hand; the workflow decides: remove the key"
            )
    _check_packages(run)
    _check_settings(run, settings)


def _check_packages(run: Run) -> None:
    for (dotted, value), package in PACKAGES.items():
        section, name = dotted.split(".")
        found = getattr(getattr(run, section, None), name, None)
        wanted = found is not None if value is None else found == value
        message = absence(package, "remove the key") if wanted else None
        if message is not None:
            raise located(run.path, dotted, message)


def _check_settings(run: Run, settings: Settings) -> None:
    wanted = _settings_path(run)
    default = project_root() / "config" / "default.toml"
    if wanted.resolve() not in (settings.path.resolve(), default.resolve()):
        message = f"the workflow runs with {shown(settings.path)}; add --config settings={shown(wanted)}"
        raise located(run.path, "settings.config", message)


def _settings_path(run: Run) -> Path:
    return find(run.settings.config)


def _check_data(run: ClassificationRun) -> None:
    try:
        for each in candidate_runs(run):
            each.check_data(representation(run))
    except Contradiction as error:
        raise located(run.path, error.key, str(error)) from None


def _check_beside(run: ClassificationRun) -> None:
    """What stands beside a run predicts the same windows: its recipe, representation, split and folds are the run's."""
    for name in run.evaluation.beside:
        path = run.path.parent / f"{name}.toml"
        if name in SOURCES:
            message = f"{name} is what a score of every run is called; give that run another name"
            raise located(run.path, "evaluation.beside", message)
        if name == run.name or "/" in name or not path.is_file():
            raise located(run.path, "evaluation.beside", f"no other run {shown(path)}; correct the name")
        other = load_run(path)
        for dotted in SHARED_BESIDE:
            section, key = dotted.split(".")
            if getattr(getattr(other, section), key) != getattr(getattr(run, section), key):
                message = f"{name} has another {dotted}, so that it predicts other windows; make them alike"
                raise located(run.path, "evaluation.beside", message)
        if run.evaluation.folds == "subject" and other.dataset.told_apart != run.dataset.told_apart:
            message = (
                f"{name} has another dataset.tasks, in whose classes groups are alike, so that other folds hold its "
                'subjects out; make them alike, or set folds = "loso"'
            )
            raise located(run.path, "evaluation.beside", message)
        if representation(other) != representation(run):
            message = f"{name} is trained on {representation(other)}; name a run on {representation(run)}"
            raise located(run.path, "evaluation.beside", message)


def _check_combinations(run: DiffusionRun, kind: str) -> None:
    try:
        refuse_senseless(run, kind)
    except Contradiction as error:
        raise located(run.path, error.key, str(error)) from None


def _check_images(run: SupportRun) -> None:
    if run.kind == "vae" and representation(run) == "timeseries":
        message = 'a VAE is made from images; set data_type = "spectrogram" here'
        raise located(run.path, "data.data_type", message)


def _vae(run: DiffusionRun, kind: str) -> SupportRun | None:
    """The support run of a run's VAE; None for a hub id or a folder."""
    name = run.model.extras.vae
    if not run.model.extras.latent_space or support_path(name) is None:
        return None
    vae = _check_support(run, "model.extras.vae", name, "vae")
    if representation(vae) != kind:
        message = f"{name} is made from {representation(vae)}; name one made from {kind}"
        raise located(run.path, "model.extras.vae", message)
    return vae


def _check_splits(run: DiffusionRun | ClassificationRun, recipe: Recipe) -> None:
    """A splits file may put subjects where no new ones come."""
    for dotted, split in _splits_read(run):
        if split and not (getattr(recipe.splits, split) or recipe.splits.splits_file):
            message = (
                f"the run reads {split!r}, but recipe {recipe.name} has [splits] {split} = 0; give it a share"
            )
            raise located(run.path, dotted, message)


def _splits_read(run: DiffusionRun | ClassificationRun) -> list[tuple[str, str | None]]:
    """Beside the training split, each with the key that says so; folds hold out others than the split does."""
    if isinstance(run, DiffusionRun):
        reference = ("evaluation.reference_split", run.evaluation.reference_split)
        return [reference, ("dataset.val_split", run.dataset.val_split)]
    chosen_by = run.dataset.val_split if run.training.selects else None
    held_out = run.dataset.held_out_split if run.evaluation.folds == "none" else None
    return [("dataset.val_split", chosen_by), ("evaluation.folds", held_out)]


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


def _check_text(run: DiffusionRun, recipe: Recipe) -> None:
    extras = run.model.extras
    support = _check_support(run, "model.extras.text_encoder", extras.text_encoder, "text-encoders")
    kinds = [representation(each) == "timeseries" for each in (run, support)]
    if kinds[0] != kinds[1] and recipe.captions.modality is None:
        said = "a time series" if kinds[1] else "images"
        message = f"{support.name} knows captions of {said} alone; set [data] data_type there as in this run"
        raise located(run.path, "model.extras.text_encoder", message)
    width = sum(support.text.projections)
    if extras.mapping_cond_dim not in (None, width):
        message = f"found {extras.mapping_cond_dim}, but {support.name} gives {width}; set that or nothing"
        raise located(run.path, "model.extras.mapping_cond_dim", message)
