"""Who is held out: folds over all subjects of a dataset, and labels that were permuted between them.

Everything is a function of the subjects' names, their labels and a seed, whatever the order of rows.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from signal_diffusion.datasets.splits import SUBJECT
from signal_diffusion.errors import UserError

VALIDATION = 0.1  # of the groups or subjects, at least one, where weights are chosen by a validation part


@dataclass(frozen=True)
class Parts:
    """Rows of a dataset, int64 each: to train on, to choose weights by, held out."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


def fold_parts(
    metadata: pd.DataFrame,
    fold: str,
    folds: str,
    n_folds: int,
    seed: int,
    stratify: Sequence[str] = (),
    validation: bool = True,
) -> Parts:
    """The rows of `metadata` (columns `dataset`, `subject`) that a fold trains on, chooses by and holds out.

    folds: "subject", in `n_folds` groups that are alike in the labels `stratify`; "loso", a subject each, by name.
    `validation` takes a tenth of the groups, at least one, out of the training rows: the following ones, or subjects
    who differ in the labels. A fold behind the last subject holds out nobody, as when a listed subject had no usable
    window.
    """
    groups = _groups(metadata, folds, n_folds, seed, stratify)
    count, place = groups.max() + 1, int(fold.removeprefix("fold-")) - 1
    if folds == "subject" and not place < n_folds:
        raise UserError(f"{fold}: evaluation.n_folds is {n_folds}, there is no such fold")
    near = max(1, round(VALIDATION * count)) if validation else 0
    if count < near + 2:
        raise UserError(f"{count} subjects or groups are too few to train, choose and hold out; use a split")
    test = groups == place
    if folds == "loso" and validation:
        drawn = _differing(metadata[~test], near, seed, fold, stratify)
        chosen = _names(metadata).isin(drawn).to_numpy()
    else:
        chosen = ((groups - place - 1) % count < near) & ~test
    return Parts(*(np.flatnonzero(mask) for mask in (~chosen & ~test, chosen, test)))


def inner_parts(
    metadata: pd.DataFrame,
    outer: Parts,
    number: int,
    n_folds: int,
    seed: int,
    stratify: Sequence[str] = (),
    validation: bool = True,
) -> Parts:
    """Fold `number`, from 1, of `n_folds` groups of the subjects that `outer` does not hold out; rows of `metadata`."""
    rows = np.sort(np.concatenate([outer.train, outer.val]))
    within = metadata.iloc[rows].reset_index(drop=True)
    found = fold_parts(within, f"fold-{number:02d}", "subject", n_folds, seed, stratify, validation)
    return Parts(rows[found.train], rows[found.val], rows[found.test])


def shuffled_labels(metadata: pd.DataFrame, label: str, codes: np.ndarray, seed: int) -> np.ndarray:
    """Codes of a label, float [rows] with NaN for unknown, permuted: what is learned from them is nothing.

    They change places between subjects, or, where some subject has several, between sessions, or else recordings, or
    windows: the largest units with one code each, so that as many units have each code as before and windows of one
    unit agree.
    """
    known = np.flatnonzero(~np.isnan(codes))
    if not len(known):
        return np.array(codes, dtype=np.float64)
    rows = metadata.iloc[known]
    for more in ((), ("session",), ("recording",), ("recording", "window")):
        unit = [*SUBJECT, *more]
        names = rows[unit].astype(str).agg("/".join, axis=1).to_numpy()
        keys, first, members = np.unique(names, return_index=True, return_inverse=True)
        values = codes[known][first]
        if (values[members] == codes[known]).all():
            break
    order = np.argsort([_hash(seed, label, key) for key in keys], kind="stable")
    permuted = np.array(codes, dtype=np.float64)
    permuted[known] = values[order][members]
    return permuted


def _groups(
    metadata: pd.DataFrame, folds: str, n_folds: int, seed: int, stratify: Sequence[str]
) -> np.ndarray:
    """The group of each row, int64, from 0."""
    named = _names(metadata)
    if folds == "loso":
        return np.unique(named, return_inverse=True)[1]
    strata = metadata.groupby(named.to_numpy())[list(stratify)].agg(_values) if stratify else None
    subjects = sorted(set(named))
    queue = sorted(
        (*(strata.loc[name] if strata is not None else ()), _hash(seed, name), name) for name in subjects
    )
    group = {entry[-1]: place % n_folds for place, entry in enumerate(queue)}
    return named.map(group).to_numpy(np.int64)


def _differing(metadata: pd.DataFrame, near: int, seed: int, fold: str, stratify: Sequence[str]) -> list[str]:
    """`near` subjects, two at least where labels differ, each with what those before it lack.

    Nobody is taken who alone has a value, for training needs it.
    """
    values = {name: _known(rows, stratify) for name, rows in metadata.groupby(_names(metadata))}
    left = sorted(values, key=lambda name: _hash(seed, fold, name))
    total = Counter(value for name in left for value in values[name])
    near = max(near, 2) if any(values[name] != values[left[0]] for name in left) else near
    chosen: list[str] = []
    shown: Counter = Counter()
    for _ in range(near):
        left = [name for name in left if all(total[value] > shown[value] + 1 for value in values[name])]
        if not left:
            break
        chosen.append(max(left, key=lambda name: sum(1 / (1 + shown[value]) for value in values[name])))
        left.remove(chosen[-1])
        shown.update(values[chosen[-1]])
    return chosen


def _known(rows: pd.DataFrame, labels: Sequence[str]) -> set[tuple[str, str]]:
    """Labels and their values in these rows, but for unknown ones."""
    return {(label, value) for label in labels for value in set(rows[label].astype(str)) - {"", "nan"}}


def _names(metadata: pd.DataFrame) -> pd.Series:
    """Who each row is of: dataset/subject."""
    return metadata[SUBJECT].astype(str).agg("/".join, axis=1)


def _values(column: pd.Series) -> str:
    return " ".join(sorted(set(column.astype(str))))


def _hash(seed: int, *parts: str) -> str:
    return hashlib.sha256("/".join((str(seed), *parts)).encode()).hexdigest()
