"""What a recipe asks of its recordings, as far as names and tables alone tell: said before any job."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from signal_diffusion.config import located
from signal_diffusion.config.messages import nearest
from signal_diffusion.datasets.labels import CANONICAL, LABELS
from signal_diffusion.recordings.index import COLUMNS

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe
    from signal_diffusion.recordings.datasets.entry import Entry

_OF_WINDOWS = ("dataset", "subject", "session", *CANONICAL)


def check_recipe(recipe: "Recipe", entries: Iterable["Entry"]) -> None:
    """Refuse (UserError) a splits file that is not there, and labels that none of the recordings has."""
    file = recipe.splits.splits_file
    if file and not Path(file).is_file():
        message = f"{file}: no such file; correct the path, which counts from the project's folder"
        raise located(recipe.path, "splits.splits_file", message)
    own, events = set(), set()
    for entry in entries:
        own.update(entry.labels)
        events.update(entry.events)
    for label in recipe.splits.stratify:
        _check(recipe, "splits.stratify", label, {label}, {*COLUMNS, *own})
    for task in recipe.weights.tasks:
        columns = LABELS[task].columns if task in LABELS else (task,)
        _check(recipe, "weights.tasks", task, set(columns), {*_OF_WINDOWS, *own, *events})


def _check(recipe: "Recipe", key: str, label: str, columns: set[str], known: set[str]) -> None:
    if columns <= known:
        return
    names = sorted({*CANONICAL, *(known - set(COLUMNS))})
    guess = nearest(label, names)
    hint = f"did you mean {guess}?" if guess else f"they have {', '.join(names)}"
    raise located(recipe.path, key, f"found {label!r}, which no recording has; {hint}")
