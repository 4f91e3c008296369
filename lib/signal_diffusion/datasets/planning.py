"""What recipes, runs and synthetic sets ask of recordings, as far as names and tables alone tell: before any job."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signal_diffusion.config import located
from signal_diffusion.config.candidates import candidate_runs
from signal_diffusion.config.classification import FEWEST_GROUPS
from signal_diffusion.config.messages import nearest
from signal_diffusion.datasets.labels import CANONICAL, LABELS
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.channels import repeated
from signal_diffusion.recordings.index import COLUMNS

if TYPE_CHECKING:
    from signal_diffusion.config.classification import ClassificationRun
    from signal_diffusion.config.diffusion import DiffusionRun
    from signal_diffusion.config.recipe import Recipe
    from signal_diffusion.config.synthetic import SyntheticSet
    from signal_diffusion.recordings.datasets.entry import Entry

_OF_WINDOWS = ("dataset", "subject", "session", *CANONICAL)
UNKNOWN = "unknown"  # as `cells` names the class, which would bring pandas into planning
OF_CONDITIONS = ("text", "share")  # columns that are no labels


def check_recipe(recipe: "Recipe", entries: Iterable["Entry"]) -> None:
    """Refuse (UserError) a splits file that is not there, channels named twice, labels and words of no recording."""
    file = recipe.splits.splits_file
    if file and not Path(file).is_file():
        message = f"{file}: no such file; correct the path, which counts from the project's folder"
        raise located(recipe.path, "splits.splits_file", message)
    for key, names in (("channels.set", recipe.channels.set), ("signal.reference", recipe.signal.reference)):
        if isinstance(names, list) and (twice := repeated(names)):
            raise located(recipe.path, key, f"{', '.join(twice)}: name each channel once")
    own, events = _labels(entries)
    for label in recipe.splits.stratify:
        _check(recipe, "splits.stratify", label, {label}, {*COLUMNS, *own})
    for task in recipe.weights.tasks:
        _check(recipe, "weights.tasks", task, _columns(task), {*_OF_WINDOWS, *own, *events})
    for task, shares in recipe.weights.targets.items():
        _check_words(recipe, f"weights.targets.{task}", list(shares), _words(recipe, task))


def check_losses(run: "ClassificationRun") -> None:
    """Refuse (UserError) the focal loss of a number, and weights of other than all of its classes."""
    for each in candidate_runs(run):
        for task in each.training.focal_tasks:
            classes = LABELS[task].num_classes if LABELS[task].parts else 0
            alpha = each.training.focal_alpha.get(task)
            if not classes:
                message = f"{task} is a number; the focal loss is for classes, so remove it there"
                raise located(run.path, "training.focal_tasks", message)
            if alpha is not None and len(alpha) != classes:
                message = f"found {len(alpha)} weights, but {task} has {classes} classes; give one for each"
                raise located(run.path, f"training.focal_alpha.{task}", message)


def check_folds(run: "ClassificationRun", subjects: int) -> None:
    """Refuse (UserError) more folds than there are subjects, and too few subjects to train, choose and hold out."""
    folds, selects = run.evaluation.folds, run.training.selects
    wanted = {"none": 0, "subject": run.evaluation.n_folds, "loso": FEWEST_GROUPS if selects else 2}[folds]
    if subjects < wanted:
        key = "n_folds" if folds == "subject" else "folds"
        remedy = f"set {subjects} at most" if subjects > FEWEST_GROUPS else 'set folds = "none"'
        message = f"takes {wanted} subjects or more, and the recordings are of {subjects}; {remedy}"
        raise located(run.path, f"evaluation.{key}", message)


def check_class(run: "DiffusionRun", entries: Iterable["Entry"]) -> None:
    """Refuse (UserError) a class to be told that none of the recordings has, or another number of classes."""
    name, label = run.dataset.class_column, LABELS.get(run.dataset.class_column)
    if label is not None and not label.parts:
        raise located(run.path, "dataset.class_column", f"{name} is a number; name a label with classes")
    own, events = _labels(entries)
    _check(run, "dataset.class_column", name, _columns(name), {*_OF_WINDOWS, *own, *events})
    if label is not None and label.num_classes != run.dataset.num_classes:
        message = f"found {run.dataset.num_classes}, but {name} has {label.num_classes}; set that"
        raise located(run.path, "dataset.num_classes", message)


def check_conditions(synthetic: "SyntheticSet", entries: Iterable["Entry"]) -> None:
    """Refuse (UserError) labels to be balanced or given that none of the recordings has, and words of none."""
    own, events = _labels(entries)
    known = {*CANONICAL, *own, *events}
    for label in synthetic.conditions.labels:
        _check(synthetic, "conditions.labels", label, {label}, known)
    key = "conditions.table" if synthetic.conditions.table else "conditions.given"
    for row in _given(synthetic):
        for name, value in row.items():
            if name not in OF_CONDITIONS:
                _check(synthetic, key, name, {name}, known)
                _check_word(synthetic, key, name, value)


def _given(synthetic: "SyntheticSet") -> list[Mapping[str, Any]]:
    file = synthetic.conditions.table
    if file is None:
        return synthetic.conditions.given
    try:
        with open(file, encoding="utf-8-sig", newline="") as lines:
            return list(csv.DictReader(lines, restkey="", restval=""))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no CSV in UTF-8"
        message = f"{file}: {why}; correct the path, which counts from the project's folder"
        raise located(synthetic.path, "conditions.table", message) from None


def _check_word(synthetic: "SyntheticSet", key: str, name: str, value: Any) -> None:
    try:
        if name in LABELS:
            LABELS[name].encode({name: str(value)})
    except UserError as error:
        raise located(synthetic.path, key, str(error)) from None


def _labels(entries: Iterable["Entry"]) -> tuple[set[str], set[str]]:
    """Those of the recordings, and those of what happens during them."""
    own, events = set(), set()
    for entry in entries:
        own.update(entry.labels)
        events.update(entry.events)
    return own, events


def _words(recipe: "Recipe", task: str) -> set[str]:
    """All that a task's classes can be called, none where the recordings alone tell."""
    if task == "dataset":
        return set(recipe.recipe.datasets)
    label = LABELS.get(task)
    return {label.decode(code) for code in range(label.num_classes)} if label and label.parts else set()


def _check_words(recipe: "Recipe", key: str, words: list[str], known: set[str]) -> None:
    for word in words:
        if known and word not in (*known, UNKNOWN):
            message = f"found {word!r}; the words are {', '.join(sorted(known))}, and {UNKNOWN}"
            raise located(recipe.path, key, message)


def _columns(label: str) -> set[str]:
    return set(LABELS[label].columns if label in LABELS else (label,))


def _check(
    recipe: "Recipe | DiffusionRun | SyntheticSet", key: str, label: str, columns: set[str], known: set[str]
) -> None:
    if columns <= known:
        return
    names = sorted({*CANONICAL, *(known - set(COLUMNS))})
    guess = nearest(label, names)
    hint = f"did you mean {guess}?" if guess else f"they have {', '.join(names)}"
    raise located(recipe.path, key, f"found {label!r}, which no recording has; {hint}")
