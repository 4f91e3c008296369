"""Splits by subject: seeded, stratified, independent of the order of rows and files.

A subject's place follows from (seed, dataset, subject) and the labels of all subjects in the index, never
from what a representation kept of the recordings: all representations of a recipe share one assignment.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from signal_diffusion.errors import UserError

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Splits

LOG = logging.getLogger(__name__)
SPLITS = ("train", "val", "test")
SUBJECT = ["dataset", "subject"]


def subject_table(rows: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """One row per (dataset, subject), sorted, with that subject's `labels`.

    A label may be unknown in some recordings; UserError if two recordings of a subject contradict each other.
    """
    for label in labels:
        if label not in rows.columns:
            raise UserError(
                f"[splits] stratify: no column {label!r} in the index; columns are {list(rows.columns)}"
            )
    table = [
        {"dataset": dataset, "subject": subject, **{label: _one_value(group, label) for label in labels}}
        for (dataset, subject), group in rows.groupby(SUBJECT, sort=True)
    ]
    return pd.DataFrame(table, columns=[*SUBJECT, *labels])


def assign_splits(
    subjects: pd.DataFrame, config: "Splits", pinned: Mapping[tuple[str, str], str] | None = None
) -> pd.Series:
    """Split of every row of `subjects` (columns dataset, subject, and those of `config.stratify`).

    The numbers of subjects per split are the largest-remainder rounding of the fractions, with at least one
    subject in every split that has a fraction while there are enough. Within a dataset and a combination of
    labels the splits follow each other as evenly as these numbers allow. Pinned subjects stay where they are.
    """
    keys = list(subjects[SUBJECT].astype(str).itertuples(index=False, name=None))
    known = set(keys)
    if len(known) != len(keys):
        raise UserError(
            "subjects must be listed once each; give assign_splits one row per (dataset, subject)"
        )
    fractions = np.array([getattr(config, split) for split in SPLITS], dtype=np.float64)
    pinned = {key: split for key, split in (pinned or {}).items() if key in known}
    quota = _quota_of_new(_quotas(len(keys), fractions), pinned)
    assigned = pinned | _spread(_queue(subjects, keys, config, pinned), quota)
    return pd.Series([assigned[key] for key in keys], index=subjects.index, name="split")


def read_splits(path: str | Path) -> dict[tuple[str, str], str]:
    """Earlier assignment from a CSV with columns dataset, subject, split (a dataset's `splits.csv`)."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); [splits] splits_file wants a CSV") from None
    if missing := {*SUBJECT, "split"} - set(table.columns):
        raise UserError(
            f"{path}: no column {', '.join(sorted(missing))}; columns needed are dataset, subject, split"
        )
    if unknown := sorted(set(table["split"]) - set(SPLITS)):
        raise UserError(f"{path}: split {unknown[0]!r} is unknown; use one of {', '.join(SPLITS)}")
    pinned = {(row.dataset, row.subject): row.split for row in table.itertuples()}
    if len(pinned) != len(table):
        raise UserError(f"{path}: a subject is listed twice; keep one row per (dataset, subject)")
    return pinned


def check_pinned(pinned: Mapping[tuple[str, str], str], subjects: pd.DataFrame, path: str | Path) -> None:
    """Refuse (UserError) an assignment that knows a dataset and none of its subjects; log who else is not there.

    Ids that a spreadsheet has changed, 1 for 001, would else be drawn anew, and held-out people trained on.
    """
    for dataset, rows in subjects.groupby("dataset"):
        stated = {subject for name, subject in pinned if name == dataset}
        here = set(rows["subject"])
        gone = sorted(stated - here)
        if stated and not stated & here:
            found = f"found subjects such as {gone[0]}, expected ids such as {min(here)}"
            raise UserError(f"{path}: dataset {dataset}: {found}, as in its index; correct the file")
        if gone:
            LOG.warning("%s: %s: %d subjects are in no index, such as %s", path, dataset, len(gone), gone[0])


def check_disjoint(metadata: pd.DataFrame, hashes: Sequence[str] | None = None) -> None:
    """Refuse (UserError) a subject, a recording or an identical window that stands in two splits.

    One recording under the names of two subjects is refused within a split too, for these are one person.
    `metadata` has the columns dataset, subject, recording, window and split; `hashes` has one content hash
    per row.
    """
    _check_one_split(metadata, [*SUBJECT], "subject")
    _check_one_split(metadata, ["dataset", "recording"], "recording")
    if hashes is not None:
        _check_hashes(metadata, np.asarray(hashes))
        _check_names(metadata, np.asarray(hashes))


def _check_one_split(metadata: pd.DataFrame, key: list[str], what: str) -> None:
    pairs = metadata[[*key, "split"]].drop_duplicates()
    twice = pairs[pairs.duplicated(key, keep=False)].sort_values([*key, "split"])
    if len(twice):
        first = twice.iloc[:2]
        raise UserError(
            f"{what} {'/'.join(first.iloc[0][key])} stands in splits {' and '.join(first['split'])} "
            f"({len(twice[key].drop_duplicates())} such in all); a {what} may be in one split only"
        )


def _check_hashes(metadata: pd.DataFrame, hashes: np.ndarray) -> None:
    rows = metadata[["dataset", "recording", "window", "split"]].assign(hash=hashes)
    pairs = rows[["hash", "split"]].drop_duplicates()
    twice = pairs.loc[pairs["hash"].duplicated(), "hash"]
    if len(twice):
        same = rows[rows["hash"] == twice.iloc[0]].drop_duplicates("split").iloc[:2]
        names = [f"{r.dataset}/{r.recording} window {r.window} ({r.split})" for r in same.itertuples()]
        raise UserError(
            f"identical windows stand in two splits: {' and '.join(names)}; {len(twice)} such in all; "
            "remove the duplicated recording or give both one subject"
        )


def _check_names(metadata: pd.DataFrame, hashes: np.ndarray) -> None:
    """Refuse recordings of two subjects that share half of the windows of one of them, two at least."""
    rows = metadata[[*SUBJECT, "recording"]].assign(hash=hashes).drop_duplicates()
    if not rows["hash"].duplicated().any():
        return
    keys = [*SUBJECT, "recording"]
    sizes = rows.groupby(keys).size()
    owners = rows.sort_values(keys).drop_duplicates("hash")
    pairs = rows.merge(owners, on="hash", suffixes=("", "_first"))
    other = (pairs["dataset"] != pairs["dataset_first"]) | (pairs["subject"] != pairs["subject_first"])
    for pair, shared in pairs[other].groupby([*keys, *(f"{key}_first" for key in keys)]).size().items():
        second, first = pair[:3], pair[3:]
        if shared >= max(2, min(sizes[first], sizes[second]) / 2):
            names = [f"{dataset}/{recording} of {subject}" for dataset, subject, recording in (first, second)]
            raise UserError(
                f"one recording under two names: {' and '.join(names)} share {shared} identical windows; "
                "remove one of them, or give both one subject"
            )


def _one_value(group: pd.DataFrame, label: str) -> str:
    values = sorted(set(group[label].astype(str)) - {""})
    if len(values) > 1:
        who = "/".join(group.iloc[0][SUBJECT])
        raise UserError(
            f"subject {who}: {label} is {' and '.join(values)} in different recordings; use one value"
        )
    return values[0] if values else ""


def _quotas(total: int, fractions: np.ndarray) -> np.ndarray:
    quota = largest_remainder(total, fractions)
    while total >= np.count_nonzero(fractions) and np.any((quota == 0) & (fractions > 0)):
        quota[np.argmax((quota == 0) & (fractions > 0))] += 1
        quota[np.argmax(quota)] -= 1
    return quota


def _quota_of_new(quota: np.ndarray, pinned: Mapping[tuple[str, str], str]) -> np.ndarray:
    held = np.array([list(pinned.values()).count(split) for split in SPLITS])
    wanted = np.maximum(quota - held, 0)
    new = int(quota.sum() - held.sum())
    return largest_remainder(new, wanted / wanted.sum()) if new else np.zeros_like(quota)


def largest_remainder(total: int, fractions: np.ndarray) -> np.ndarray:
    """Whole numbers that sum to `total` and lie within one of `total * fractions` (Hamilton's method)."""
    exact = total * np.asarray(fractions, dtype=np.float64) / np.sum(fractions)
    quota = np.floor(exact + 1e-9).astype(np.int64)
    order = np.argsort(-(exact - quota), kind="stable")
    quota[order[: total - quota.sum()]] += 1
    return quota


def _queue(subjects: pd.DataFrame, keys: list, config: "Splits", pinned: Mapping) -> list[tuple[str, str]]:
    strata = subjects[["dataset", *config.stratify]].astype(str).itertuples(index=False, name=None)
    queue = sorted(
        (*stratum, _hash(config.seed, key), key) for stratum, key in zip(strata, keys, strict=True)
    )
    return [entry[-1] for entry in queue if entry[-1] not in pinned]


def _hash(seed: int, key: tuple[str, str]) -> str:
    return hashlib.sha256("/".join((str(seed), *key)).encode()).hexdigest()


def _spread(queue: list[tuple[str, str]], quota: np.ndarray) -> dict[tuple[str, str], str]:
    """Each subject goes to the split that is furthest behind its share; at the end `quota` is met exactly."""
    given = np.zeros(len(SPLITS))
    assigned = {}
    for position, key in enumerate(queue, start=1):
        split = int(np.argmax(np.round(position * quota / len(queue) - given, 9)))
        given[split] += 1
        assigned[key] = SPLITS[split]
    return assigned
