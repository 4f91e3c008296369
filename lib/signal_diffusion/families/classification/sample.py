"""What one training of a classifier may see, and whom it holds out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.classification_evaluation import SHUFFLED, SPLIT
from signal_diffusion.datasets import labels as known_labels
from signal_diffusion.datasets.folds import Parts, fold_parts, inner_parts, shuffled_labels
from signal_diffusion.datasets.pool import Part, Pool
from signal_diffusion.datasets.splits import SUBJECT
from signal_diffusion.errors import UserError
from signal_diffusion.families.classification.targets import Codes, codes_of


@dataclass(frozen=True)
class Sample:
    """The parts of one training, and the labels of those it may see."""

    train: Part
    val: Part
    test: Part
    codes: Codes
    val_codes: Codes


def held_out(test: Part) -> list[list[str]]:
    """Dataset and name of every subject that is held out."""
    pairs = test.metadata[SUBJECT].drop_duplicates().sort_values(SUBJECT)
    return [list(row) for row in pairs.itertuples(index=False, name=None)]


def sample(run: ClassificationRun, dataset: Path, fold: str, labels: str, inner: int = 0) -> Sample:
    """What a training on `fold` may see; with `inner`, counted from 1, that inner fold of what it may see."""
    pool = Pool(dataset)
    parts = _parts(run, pool, fold)
    if inner:
        parts = _inner(run, pool, parts, inner)
    train, val, test = (Part(pool, rows) for rows in (parts.train, parts.val, parts.test))
    codes, val_codes = (_codes(run, part, fold, labels) for part in (train, val))
    if run.training.selects:
        _check_telling(run, dataset, fold, val_codes)
    return Sample(train, val, test, codes, val_codes)


def _check_telling(run: ClassificationRun, dataset: Path, fold: str, codes: Codes) -> None:
    """Refuse a validation part by which all weights are alike."""
    known = [values[~np.isnan(values)] for values in codes.values()]
    if any(len(np.unique(values)) > 1 for values in known):
        return
    split = fold == SPLIT
    who = f"split {run.dataset.val_split}" if split else f"the validation part of {fold}"
    what = "has one value alone in every task" if any(map(len, known)) else "is empty"
    raise UserError(
        f"{dataset}: {who} {what}, so nothing tells the best weights; "
        f"{'give the recipe another' if split else 'take other folds'}, "
        'or set [training] keep = "last" without early_stopping'
    )


def _parts(run: ClassificationRun, pool: Pool, fold: str) -> Parts:
    data, evaluation = run.dataset, run.evaluation
    split = pool.metadata["split"].to_numpy()
    if fold == SPLIT:
        names = (data.train_split, data.val_split, data.held_out_split)
        return Parts(*(np.flatnonzero(split == name) for name in names))
    if evaluation.folds == "none":
        raise UserError(
            f'{run.path} [evaluation] folds: is "none", so there is no {fold}; set it, or take split'
        )
    metadata, classes = _labelled(run, pool)
    return fold_parts(
        metadata,
        fold,
        evaluation.folds,
        evaluation.n_folds,
        evaluation.fold_seed,
        classes,
        run.training.selects,
    )


def _inner(run: ClassificationRun, pool: Pool, outer: Parts, number: int) -> Parts:
    chosen, selects = run.selection, run.training.selects
    metadata, classes = _labelled(run, pool)
    return inner_parts(metadata, outer, number, chosen.inner_folds, chosen.seed, classes, selects)


def _labelled(run: ClassificationRun, pool: Pool) -> tuple[pd.DataFrame, list[str]]:
    """The rows with a column for each composite task, and the columns in which groups of subjects are alike."""
    metadata, columns, composites = pool.metadata, [], []
    for task in run.dataset.told_apart:
        parts = [column for column in known_labels.get(task).columns if column in metadata.columns]
        columns += parts
        if len(parts) > 1:
            composites.append(task)
            metadata = metadata.assign(**{task: metadata[parts].astype(str).agg("/".join, axis=1)})
    return metadata, list(dict.fromkeys([*columns, *composites]))


def _codes(run: ClassificationRun, part: Part, fold: str, labels: str) -> Codes:
    codes = codes_of(part.metadata, run.dataset.tasks)
    if labels != SHUFFLED:
        return codes
    seed = run.training.seed
    return {
        name: shuffled_labels(part.metadata, f"{name}/{fold}", values, seed) for name, values in codes.items()
    }
