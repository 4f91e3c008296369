# What the rules ask while jobs are planned: typed TOML files, the recordings that exist, keys and code.
import functools
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "lib"))

from signal_diffusion import config as configuration
from signal_diffusion.config.candidates import candidate_runs
from signal_diffusion.config.diffusion import EXTRAS, model_module
from signal_diffusion.config.params import code_param, values_param
from signal_diffusion.datasets import labels
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
from signal_diffusion.recordings.batches import batches, jobs_text
from signal_diffusion.recordings.datasets.entry import listing
from signal_diffusion.recordings.simulated_files import names_together, subjects_together

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
    if family != "support":
        configuration.check_source(loaded)
    configuration.check_run(loaded, recipe_behind(loaded.dataset.name))
    if family == "classification":
        check_tasks(loaded)
    return loaded


def check_tasks(loaded):
    """A classification run asks for labels that its datasets have."""
    try:
        labels.check_tasks(loaded.dataset.tasks, recipe(source(loaded.dataset.name)).recipe.datasets)
    except UserError as error:
        raise configuration.located(loaded.path, "dataset.tasks", str(error)) from None


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
    run("diffusion", configuration.source_run(loaded).name)
    return loaded


@once
def datasets_of(name):
    """The datasets of a recipe whose recordings are there; absent ones end the planning unless skipped."""
    wanted = recipe(name).recipe
    absent = [each for each in wanted.datasets if not (recipe(name).simulated or is_there(root_of(each)))]
    if absent and (wanted.missing == "refuse" or len(absent) == len(wanted.datasets)):
        raise UserError("\n".join(map(why_absent, absent)))
    return [each for each in wanted.datasets if each not in absent]


def is_there(folder):
    return folder.is_dir() and any(folder.iterdir()) and not download.unfinished(folder)


def why_absent(name):
    if download.unfinished(root_of(name)):
        return download.unfinished_message(name, root_of(name))
    return configuration.missing_dataset_message(settings(), name)


@once
def address_of(name):
    return configuration.dataset_address(settings(), name)


def none_if_published(name):
    """No input; that the dataset cannot be downloaded ends the planning in one line."""
    return [] if address_of(name) else None


def root_of(dataset, recipe_name=None):
    return WORK / "simulated" / recipe_name if dataset == "demo" else Path(settings().datasets[dataset].root)


@once
def recordings_of(dataset, recipe_name):
    """Recording id -> entry; known from names and tables, or from the recipe for simulated ones."""
    simulation = recipe(recipe_name).simulation if dataset == "demo" else None
    source = datasets.get(dataset, settings().datasets.get(dataset))
    entries = source.list_recordings(root_of(dataset, recipe_name), simulation)
    return {entry.recording: entry for entry in entries}


@once
def listing_of(dataset):
    """So that a table or a setting which says something else makes the index stale, however it was found."""
    return listing(recordings_of(dataset, None).values(), root_of(dataset))


def usable(dataset, recipe_name):
    """Those recordings that names and tables alone do not refuse."""
    found = recordings_of(dataset, recipe_name if dataset == "demo" else None)
    return [entry for entry in found.values() if not entry.refused]


def files_of(entries):
    """Files of recordings, of which several may lie in one, and one in several."""
    return list(dict.fromkeys(file for entry in entries for file in formats.files(entry.path)))


def paths_of(dataset, recipe_name):
    return files_of(usable(dataset, recipe_name))


@once
def batches_of(dataset, recipe_name):
    return batches(usable(dataset, recipe_name), settings().data.recordings_per_job)


def batch_of(wildcards):
    return batches_of(wildcards.dataset, wildcards.recipe).get(wildcards.batch, [])


def verified(dataset):
    """Whether its files are held against the checksums that it publishes."""
    return dataset in settings().datasets and settings().datasets[dataset].verify


def table_of(dataset, recipe_name):
    """An index's name: a simulated dataset is a recipe's own."""
    return f"demo-{recipe_name}" if dataset == "demo" else dataset


@once
def recipe_values(name, stage, what):
    """Of a stage's keys those that a representation reads, or the measurement of dB ranges."""
    return values_param(recipe(name), stage, unread_by(recipe(name), what))


def tables_of(wildcards):
    return indexes_of(wildcards.recipe)


def indexes_of(name):
    return [WORK / f"recordings/{table_of(dataset, name)}.csv" for dataset in datasets_of(name)]


def shards_of(wildcards, representation=None):
    folder = WORK / f"shards/{wildcards.recipe}-{representation or wildcards.representation}"
    return [
        folder / dataset / f"batch-{batch}.json"
        for dataset in datasets_of(wildcards.recipe)
        for batch in batches_of(dataset, wildcards.recipe)
    ]


SUPPORT_SCRIPTS = {
    "text-encoders": "build_text_encoders",
    "feature-encoder": "train_encoder",
    "vae": "train_vae",
}


def support_script(wildcards):
    return SUPPORT_SCRIPTS[run("support", wildcards.run).kind]


@once
def text_encoder(name):
    """The text encoders of a diffusion run: as inputs (none for a hub id or folder), and as an argument."""
    wanted = run("diffusion", name).model
    if wanted.conditioning != "caption":
        return [], None
    pretrained = wanted.pretrained or settings().hf_models.stable_diffusion_model_id
    encoder = wanted.extras.text_encoder or pretrained
    folder = f"results/support/{encoder}"
    return ([folder], folder) if configuration.support_path(encoder) else ([], encoder)


def trained_encoder(name):
    """The text encoders of a diffusion run that trains them, as inputs and as an argument."""
    trained = getattr(run("diffusion", name).model.extras, "train_text_encoder", False)
    return text_encoder(name) if trained else ([], None)


def captions_of(name):
    conditional = run("diffusion", name).model.conditioning == "caption"
    return [WORK / f"diffusion/{name}/captions.safetensors"] if conditional else []


@once
def vae(name):
    """The VAE of a diffusion run in latent space: as inputs (none for a hub id or folder), and as an argument."""
    wanted = run("diffusion", name).model
    if not wanted.extras.latent_space:
        return [], None
    source = wanted.extras.vae or wanted.pretrained or settings().hf_models.stable_diffusion_model_id
    folder = f"results/support/{source}"
    return ([folder], folder) if configuration.support_path(source) else ([], source)


def latents_of(name):
    return [WORK / f"diffusion/{name}/latents"] if vae(name)[1] else []


def view_values(name):
    """How a time series becomes the decibels that are judged; images are that already."""
    wanted = run("diffusion", name)
    series = configuration.representation(wanted) == "timeseries"
    return values_param(recipe(source(wanted.dataset.name)), "shards") if series else ""


def encoder_of(name):
    encoder = run("diffusion", name).evaluation.encoder
    return [f"results/support/{encoder}"] if encoder else []


def model_modules(name):
    return (model_module(run("diffusion", name).model.name),)


def backbone_modules(name):
    """Those of a run and of all that it chooses from."""
    wanted = run("classification", name)
    backbones = {wanted.model.backbone} | {each.model.backbone for each in candidate_runs(wanted)}
    return tuple(sorted(map(module_of, backbones)))


def recipe_of(family, name):
    return recipe(source(run(family, name).dataset.name))


@once
def folds_of(name):
    """What a classification run is trained on: the recipe's split, and folds over all listed subjects."""
    wanted = run("classification", name)
    base = source(wanted.dataset.name)
    subjects = {(dataset, entry.subject) for dataset in datasets_of(base) for entry in usable(dataset, base)}
    return ["split", *wanted.evaluation.fold_names(len(subjects))]


def predictions_of(name, labels="true"):
    """The tables of all folds of a classification run; labels: true or shuffled."""
    folder = WORK / f"classification/{name}/{labels}"
    return [folder / fold / "predictions.csv" for fold in folds_of(name)]


def selection_of(name, fold):
    """What inner folds chose for a fold of a classification run that has candidates; else nothing."""
    wanted = run("classification", name).selection.candidates
    return [WORK / f"classification/{name}/true/{fold}/selection.json"] if wanted else []


def selections_of(name):
    return [path for fold in folds_of(name) for path in selection_of(name, fold)]


def beside(name):
    """The tables of the runs whose scores stand beside a run's."""
    return [
        table for other in run("classification", name).evaluation.beside for table in predictions_of(other)
    ]


def models_of(name):
    return [table.with_name("model.safetensors") for table in predictions_of(name)]


def stats_of(name):
    return [table.with_name("stats.jsonl") for table in predictions_of(name)]


def shuffled_of(name):
    return predictions_of(name, "shuffled") if run("classification", name).evaluation.shuffled else []


def occlusion_of(name):
    wanted = run("classification", name).evaluation.occlusion
    return [WORK / f"classification/{name}/occlusion.json"] if wanted else []


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


def readers(paths):
    """The reader module of each suffix, for only these are run."""
    names = sorted(
        {formats.READERS[suffix] for path in paths if (suffix := path.suffix.lower()) in formats.READERS}
    )
    return tuple(f"signal_diffusion.recordings.formats.{name}" for name in names)


def index_code(dataset, recipe_name):
    listing = datasets.module_name(dataset, settings().datasets.get(dataset))
    return code("index", (listing, *readers(paths_of(dataset, recipe_name))))


wildcard_constraints:
    dataset="[A-Za-z0-9_]+",
    recipe="[A-Za-z0-9_-]+",
    batch="[0-9]+-of-[0-9]+",
    tens="[0-9][0-9]|[1-9][0-9][0-9]+",
    representation="db-only|db-iq|db-polar|timeseries",
    run="[A-Za-z0-9_.-]+",
    synthetic="[A-Za-z0-9_-]+",
    family="diffusion|classification",
    which="synthetic|untrained",
    labels="true|shuffled",
    fold="split|fold-[0-9]+",
