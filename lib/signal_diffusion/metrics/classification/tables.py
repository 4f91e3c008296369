"""Prediction tables: a row per held-out window, with the truth and what was predicted for each task.

Columns `dataset, subject, session, recording, window, gender, health, age`, and for a task `{task}:true` (empty
when unknown) with `{task}:p:{class}` (probabilities) or `{task}:predicted` (a number in the label's unit).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from signal_diffusion.datasets.splits import SUBJECT
from signal_diffusion.errors import UserError

KEY = ["dataset", "recording", "window"]
COLUMNS = ("dataset", "subject", "session", "recording", "window", "gender", "health", "age")
TRUE, PROBABILITY, PREDICTED = ":true", ":p:", ":predicted"
FOLD = "fold"
SPLIT, FOLDS = "split", "folds"
TOLERANCE = 1e-3  # of a row of probabilities that was written with some digits


@dataclass(frozen=True)
class Answers:
    """Truth and prediction of one task: `classes` in the order of their codes, none for a number.

    truth: float64 [n], codes or numbers, NaN where unknown. predicted: float64 [n, classes] or [n].
    """

    classes: tuple[str, ...]
    truth: np.ndarray
    predicted: np.ndarray

    @property
    def kind(self) -> str:
        return "classification" if self.classes else "regression"

    @property
    def known(self) -> np.ndarray:
        """Where the truth is known: bool [n]."""
        return np.isfinite(self.truth)


@dataclass(frozen=True)
class Predictions:
    """`rows`: who and where each window is, and its `fold`; `tasks`: the answers by task, in the same order."""

    rows: pd.DataFrame
    tasks: dict[str, Answers]

    @property
    def folds(self) -> list[str]:
        return sorted(set(self.rows[FOLD]))

    def like(self, other: "Predictions", what: str) -> "Predictions":
        """The same windows in the order of `other`'s; UserError when one is missing."""
        places = pd.Series(np.arange(len(self.rows)), index=pd.MultiIndex.from_frame(self.rows[KEY]))
        wanted = pd.MultiIndex.from_frame(other.rows[KEY])
        found = places.reindex(wanted)
        if found.isna().any():
            lost = "/".join(map(str, wanted[found.isna().to_numpy()][0]))
            raise UserError(f"{what}: no row for window {lost}; make that table again")
        order = found.to_numpy(np.int64)
        tasks = {
            name: Answers(each.classes, each.truth[order], each.predicted[order])
            for name, each in self.tasks.items()
        }
        return Predictions(self.rows.iloc[order].reset_index(drop=True), tasks)


def read_predictions(paths: Iterable[str | Path]) -> Predictions:
    """The tables of all folds as one; a fold is called after the folder of its table.

    UserError for a table without a column, for probabilities that are none, and for a window in two folds.
    """
    paths = [Path(path) for path in paths]
    whole = pd.concat([_read(path) for path in paths], ignore_index=True)
    twice = whole[whole.duplicated(KEY)]
    if len(twice):
        name = "/".join(map(str, twice.iloc[0][KEY]))
        folds = whole.loc[(whole[KEY] == twice.iloc[0][KEY]).all(axis=1), FOLD]
        raise UserError(f"{paths[0].name}: window {name} is held out twice, by {' and '.join(folds)}")
    tasks = [name.removesuffix(TRUE) for name in whole.columns if name.endswith(TRUE)]
    source = str(paths[0])
    return Predictions(whole[[*COLUMNS, FOLD]], {task: _answers(whole, task, source) for task in tasks})


def protocols(tables: Sequence[Path]) -> dict[str, list[Path]]:
    """Prediction tables of each way to hold out: a split of the recipe, and the folds over all subjects.

    A table lies in the folder of its fold; folds that hold out nobody have tables without rows.
    """
    filled = [path for path in tables if _filled(path)]
    found = {
        SPLIT: [path for path in filled if path.parent.name == SPLIT],
        FOLDS: sorted(path for path in filled if path.parent.name != SPLIT),
    }
    found = {name: paths for name, paths in found.items() if paths}
    if not found:
        raise UserError(
            "no prediction table has a row: nobody is held out; enlarge the split that the recipe holds out"
        )
    return found


def write_predictions(path: str | Path, predictions: Predictions) -> None:
    """One table of all folds, from which `read_predictions` reads the same."""
    from signal_diffusion.datasets.storage import write_table

    columns = {name: predictions.rows[name] for name in COLUMNS}
    for task, each in predictions.tasks.items():
        columns[f"{task}{TRUE}"] = _words(each)
        if each.classes:
            columns |= {
                f"{task}{PROBABILITY}{word}": each.predicted[:, k] for k, word in enumerate(each.classes)
            }
        else:
            columns[f"{task}{PREDICTED}"] = each.predicted
    write_table(path, pd.DataFrame(columns))


def subjects_of(rows: pd.DataFrame) -> np.ndarray:
    """The subject of each row as a number from 0, int64 [n], by (dataset, subject)."""
    return rows.groupby(SUBJECT, sort=True).ngroup().to_numpy(np.int64)


def _filled(path: Path) -> bool:
    """Whether a table has a row."""
    with open(path, encoding="utf-8") as lines:
        return sum(1 for _, _ in zip(lines, range(2), strict=False)) > 1


def _words(answers: Answers) -> list:
    if not answers.classes:
        return ["" if np.isnan(value) else value for value in answers.truth]
    return ["" if np.isnan(code) else answers.classes[int(code)] for code in answers.truth]


def _read(path: Path) -> pd.DataFrame:
    try:
        columns = pd.read_csv(path, nrows=0).columns
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); predict again") from None
    if missing := [name for name in COLUMNS if name not in columns]:
        raise UserError(f"{path}: no column {', '.join(missing)}; predict again")
    kinds = {name: np.float64 if PROBABILITY in name or name.endswith(PREDICTED) else str for name in columns}
    table = pd.read_csv(path, dtype=kinds, keep_default_na=False).assign(**{FOLD: path.parent.name})
    table["window"] = table["window"].astype(np.int64)
    return table


def _answers(table: pd.DataFrame, task: str, source: str) -> Answers:
    prefix = f"{task}{PROBABILITY}"
    classes = tuple(name.removeprefix(prefix) for name in table.columns if name.startswith(prefix))
    words = table[f"{task}{TRUE}"].fillna("")
    if not classes:
        if f"{task}{PREDICTED}" not in table.columns:
            raise UserError(
                f"{source}: {task} has neither {prefix}CLASS nor {task}{PREDICTED}; predict again"
            )
        truth = pd.to_numeric(words.replace("", np.nan)).to_numpy(np.float64)
        return Answers((), truth, _finite(table[f"{task}{PREDICTED}"].to_numpy(np.float64), task, source))
    if strange := sorted(set(words) - {"", *classes}):
        raise UserError(f"{source}: {task}{TRUE} is {strange[0]!r}, which is none of {', '.join(classes)}")
    codes = words.map({word: float(code) for code, word in enumerate(classes)}).to_numpy(np.float64)
    columns = [f"{prefix}{word}" for word in classes]
    return Answers(classes, codes, _probabilities(table[columns].to_numpy(np.float64), task, source))


def _probabilities(values: np.ndarray, task: str, source: str) -> np.ndarray:
    _finite(values, task, source)
    if (values < -TOLERANCE).any() or (np.abs(values.sum(axis=1) - 1) > TOLERANCE).any():
        raise UserError(f"{source}: the probabilities of {task} do not sum to 1; predict again")
    return values


def _finite(values: np.ndarray, task: str, source: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise UserError(f"{source}: {task} has a prediction that is not a number; predict again")
    return values


def mean_by(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means of values [n, ...] over the rows of each code from 0: [codes, ...]."""
    flat = values.reshape(len(values), -1)
    sums = np.stack([np.bincount(codes, column) for column in flat.T], axis=1)
    return (sums / np.bincount(codes)[:, None]).reshape(-1, *values.shape[1:])


def constant_within(codes: np.ndarray, values: Sequence[float] | np.ndarray) -> bool:
    """Whether values [n] are equal in all rows of a code."""
    means = mean_by(codes, np.asarray(values, np.float64))
    return bool(np.allclose(means[codes], values, rtol=0, atol=1e-9))
