"""What a run's `dataset.name` names: a recipe, or a synthetic dataset that stands on the recipe of its run."""

from __future__ import annotations

from pathlib import Path

from signal_diffusion.config.checks import representation
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.grids import SERIES
from signal_diffusion.config.images import image_source
from signal_diffusion.config.messages import located
from signal_diffusion.config.reading import project_root
from signal_diffusion.config.recipe import Recipe, load_recipe
from signal_diffusion.config.runs import load_run
from signal_diffusion.config.settings import Settings
from signal_diffusion.config.support import SupportRun
from signal_diffusion.config.synthetic import SyntheticSet
from signal_diffusion.errors import UserError


def synthetic_path(name: str) -> Path | None:
    """config/synthetic/{name}.toml when there is such a file, else None."""
    path = project_root() / "config" / "synthetic" / f"{name}.toml"
    return path if "/" not in name and path.is_file() else None


def load_synthetic(name: str) -> SyntheticSet:
    """The synthetic dataset of that name; UserError where a recipe has the name too, or its run is not there."""
    loaded = load_run(project_root() / "config" / "synthetic" / f"{name}.toml")
    if (project_root() / "config" / "dataset" / f"{name}.toml").is_file():
        raise located(loaded.path, "run", f"config/dataset/{name}.toml has that name too; rename one of them")
    return loaded


def source_run(synthetic: SyntheticSet) -> DiffusionRun:
    """The run that a synthetic dataset is drawn from."""
    path = project_root() / "config" / "diffusion" / f"{synthetic.run}.toml"
    if not path.is_file():
        raise located(
            synthetic.path, "run", f"found {synthetic.run!r}, but config/diffusion/ has no such run"
        )
    return load_run(path)


def source_recipe(name: str, settings: Settings | None = None) -> Recipe:
    """The recipe behind a `dataset.name`: its own, or that of the run which a synthetic dataset is drawn from."""
    passed: list[str] = []
    while synthetic_path(name) is not None:
        passed.append(name)
        synthetic = load_synthetic(name)
        name = source_run(synthetic).dataset.name
        if name in passed:
            message = f"{synthetic.run} is trained on {name}, which is drawn from it; name a run on a recipe"
            raise located(synthetic.path, "run", message)
    if image_source(name):
        raise UserError(f"{name}: images from elsewhere have no recipe; name a recipe of config/dataset/")
    return load_recipe(name, settings)


def check_synthetic(synthetic: SyntheticSet) -> None:
    """Refuse (UserError) a synthetic dataset that its run cannot make, before that is trained."""
    run = source_run(synthetic)
    if image_source(run.dataset.name):
        message = (
            f"{run.name} is trained on images from elsewhere, which have no recipe; name a run on a recipe"
        )
        raise located(synthetic.path, "run", message)
    if synthetic.export.imagefolder and representation(run) == SERIES:
        message = f"{run.name} makes time series, which are no images; use parquet = true"
        raise located(synthetic.path, "export.imagefolder", message)
    _check_asked(synthetic, run)


def _check_asked(synthetic: SyntheticSet, run: DiffusionRun) -> None:
    told_nothing = run.model.conditioning == "none"
    if told_nothing and synthetic.conditions.distribution != "reference":
        message = f'{run.name} is told nothing, so that nothing can be asked of it; use "reference"'
        raise located(synthetic.path, "conditions.distribution", message)
    if synthetic.generation.cfg_scale in (None, 1.0):
        return
    if told_nothing:
        message = f"{run.name} has no condition, so there is nothing to guide; remove the key"
        raise located(synthetic.path, "generation.cfg_scale", message)
    if run.model.extras.cfg_dropout == 0:
        message = (
            f"{run.name} was never without its condition; set model.extras.cfg_dropout there, or 1.0 here"
        )
        raise located(synthetic.path, "generation.cfg_scale", message)


def check_source(run: DiffusionRun | ClassificationRun | SupportRun) -> None:
    """Refuse (UserError) a run that does not fit the synthetic dataset that it names."""
    of_captions = isinstance(run, SupportRun) and run.kind == "text-encoders"
    if of_captions or synthetic_path(run.dataset.name) is None:
        return
    synthetic = load_synthetic(run.dataset.name)
    kind = representation(source_run(synthetic))
    if representation(run) != kind:
        of_decibels = isinstance(run, SupportRun) and run.kind == "feature-encoder"
        remedy = "name a recipe, or a set of images" if of_decibels else "set [data] to that"
        message = f"{synthetic.name} holds {kind}, this run reads {representation(run)}; {remedy}"
        raise located(run.path, "dataset.name", message)
    if isinstance(run, ClassificationRun) and run.evaluation.folds != "none":
        message = (
            f'nobody stands behind the windows of {synthetic.name}, so no fold holds one out; set "none"'
        )
        raise located(run.path, "evaluation.folds", message)
    if synthetic.real == "none":
        message = f'{synthetic.name} holds no real window to test on; set real = "held-out" there'
        raise located(run.path, "dataset.name", message)
