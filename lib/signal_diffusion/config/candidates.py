"""The runs that a selection chooses from."""

from __future__ import annotations

from signal_diffusion.config.classification import FEWEST_GROUPS, TOO_FEW, ClassificationRun
from signal_diffusion.config.messages import located, shown
from signal_diffusion.config.presets import merged
from signal_diffusion.config.reading import build
from signal_diffusion.errors import UserError

NOT_SHARED = {"name", "path", "extends", "selection"}


def candidate_run(run: ClassificationRun, name: str) -> ClassificationRun:
    """The run with what its candidate `name` says in place of its own; it chooses no more.

    Raises UserError, in one line, for values that contradict each other.
    """
    own = run.model_dump(exclude_unset=True, exclude=NOT_SHARED)
    tables = merged(ClassificationRun, own, run.selection.candidates[name])
    try:
        return build(ClassificationRun, run.path, tables)
    except UserError as error:
        said = str(error).removeprefix(f"{shown(run.path)} ")
        raise located(run.path, f"selection.candidates.{name}", said) from None


def candidate_runs(run: ClassificationRun) -> list[ClassificationRun]:
    """The runs that may be trained: every candidate, or the run itself where nothing is chosen.

    Raises UserError for a candidate that needs more inner folds to choose its weights.
    """
    found = [candidate_run(run, name) for name in run.selection.candidates]
    if run.selection.inner_folds < FEWEST_GROUPS and any(each.training.selects for each in found):
        raise located(run.path, "selection.inner_folds", TOO_FEW)
    return found or [run]
