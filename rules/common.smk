# What the rules ask while jobs are planned: typed TOML files, the recordings that exist, keys and code.
import functools
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "lib"))

from signal_diffusion import config as configuration
from signal_diffusion.cli import one_line
from signal_diffusion.config.candidates import candidate_runs
from signal_diffusion.config.diffusion import EXTRAS, model_module
from signal_diffusion.config.params import code_param, values_param
from signal_diffusion.datasets import labels, planning
from signal_diffusion.config.unread import (
    NOT_OF_BASELINES,
    NOT_OF_OCCLUSION,
    NOT_OF_SCORES,
    RANGES,
    unread_by,
    unread_by_fold,
)
from signal_diffusion.environment import set_up_jobs
from signal_diffusion.errors import UserError
from signal_diffusion.models.backbones import module_of
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.download import folder as download
from signal_diffusion.recordings.batches import batches, checksums_digest, jobs_text, stored_bytes
from signal_diffusion.recordings.datasets.entry import listing
from signal_diffusion.recordings.simulated_files import names_together, subjects_together
from signal_diffusion.workflow import check_start

with one_line():
    check_start(workflow.basedir, config)

set_up_jobs(config.get("settings"))


def once(function):
    """Answer each question once; a user's mistake ends the planning in one line."""

    @functools.cache
    def answer(*arguments, **named):
        try:
            return function(*arguments, **named)
        except UserError as error:
            print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
            sys.exit(2)

    return answer


@once
def settings():
    return configuration.load_settings()


work = configuration.work_root(settings())
WORK = work.relative_to(Path.cwd()) if work.is_relative_to(Path.cwd()) else work


@once
def recipe(name):
    return configuration.load_recipe(name, settings())


@once
def source(name):
    """The recipe behind the name of a dataset: its own, or that of the run which a synthetic one is drawn from."""
    return configuration.source_recipe(name).name


@once
def recipe_behind(name):
    """None for images from elsewhere."""
    return None if configuration.image_source(name) else recipe(source(name))


@once
def run(family, name):
    loaded = configuration.load_run(f"config/{family}/{name}.toml")
    configuration.check_workflow(loaded, settings())
    configuration.check_source(loaded)
    configuration.check_run(loaded, recipe_behind(loaded.dataset.name))
    if family == "classification":
        check_tasks(loaded)
        planning.check_losses(loaded)
    if family == "diffusion" and loaded.dataset.class_column and recipe_behind(loaded.dataset.name):
        planning.check_class(loaded, entries_of(source(loaded.dataset.name)))
    return loaded


@once
def dataset_folder(family, name):
    loaded = run(family, name)
    if configuration.image_source(loaded.dataset.name):
        return WORK / f"images/{family}/{name}"
    if configuration.synthetic_path(loaded.dataset.name):
        return f"results/synthetic/{loaded.dataset.name}"
    return f"results/dataset/{loaded.dataset.name}-{configuration.representation(loaded)}"


@once
def images_of(family, name):
    """The folder of images that a run names: files that its dataset is made of; none for a hub id."""
    folder = configuration.image_folder(run(family, name).dataset.name)
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder else []


@once
def synthetic(name):
    """A synthetic dataset, whose run is sound."""
    loaded = configuration.load_synthetic(name)
    configuration.check_synthetic(loaded)
    of = run("diffusion", configuration.source_run(loaded).name)
    planning.check_conditions(loaded, entries_of(source(of.dataset.name)))
    return loaded


@once
def recipe_values(name, stage, what):
    """Of a stage's keys those that a representation reads, or the measurement of dB ranges."""
    return values_param(recipe(name), stage, unread_by(recipe(name), what))


def recipe_of(family, name):
    return recipe(source(run(family, name).dataset.name))


@once
def built_runs(family):
    """Published folders of the runs in config/{family}."""
    names = sorted(path.stem for path in Path("config", family).glob("*.toml"))
    folders = [Path("results", family, name) for name in names]
    found = [folder for folder in folders if (folder / "metrics.json").is_file()]
    if not found:
        raise UserError(
            f"results/{family}-summary: no {family} run is built; build one first, such as results/{family}/demo"
        )
    return found


def options(flag, values):
    """A flag with several values, or nothing."""
    return " ".join([flag, *(shlex.quote(str(value)) for value in values)]) if values else ""


def option(flag, value=None):
    return f"{flag} {shlex.quote(str(value))}" if value else ""


@once
def code(script, modules=(), heard=()):
    return code_param(f"scripts/{script}.py", modules, heard)


def growing(first):
    """Memory or time of a job that failed for want of it: twice as much at each of the next two attempts."""
    return lambda wildcards, attempt: first * 2 ** min(attempt - 1, 2)


wildcard_constraints:
    dataset="[A-Za-z0-9_]+",
    recipe="[A-Za-z0-9_.-]+",
    batch="[0-9]+-of-[0-9]+",
    tens="[0-9][0-9]|[1-9][0-9][0-9]+",
    representation="db-only|db-iq|db-polar|timeseries",
    run="[A-Za-z0-9_.-]+",
    synthetic="[A-Za-z0-9_.-]+",
    family="diffusion|classification",
    which="synthetic|untrained",
    labels="true|shuffled",
    fold="split|fold-[0-9]+",
