"""What one training of a classifier may see, and whom it holds out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
    if run.training.selects and not len(val):
        raise UserError(
            f"{dataset}: split {run.dataset.val_split} is empty, so nothing tells the best weights; give the "
            'recipe one, or set [training] keep = "last" without early_stopping'
        )
    codes, val_codes = (_codes(run, part, fold, labels) for part in (train, val))
    return Sample(train, val, test, codes, val_codes)


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
    return fold_parts(
        pool.metadata,
        fold,
        evaluation.folds,
        evaluation.n_folds,
        evaluation.fold_seed,
        _classes(run, pool),
        run.training.selects,
    )


def _inner(run: ClassificationRun, pool: Pool, outer: Parts, number: int) -> Parts:
    chosen, classes = run.selection, _classes(run, pool)
    selects = run.training.selects
    return inner_parts(pool.metadata, outer, number, chosen.inner_folds, chosen.seed, classes, selects)


def _classes(run: ClassificationRun, pool: Pool) -> list[str]:
    """Columns in which groups of subjects are alike, those of composite tasks among them, each once."""
    columns = [column for task in run.dataset.told_apart for column in known_labels.get(task).columns]
    return [column for column in dict.fromkeys(columns) if column in pool.metadata.columns]


def _codes(run: ClassificationRun, part: Part, fold: str, labels: str) -> Codes:
    codes = codes_of(part.metadata, run.dataset.tasks)
    if labels != SHUFFLED:
        return codes
    seed = run.training.seed
    return {
        name: shuffled_labels(part.metadata, f"{name}/{fold}", values, seed) for name, values in codes.items()
    }
