"""Canonical labels and the tasks that each dataset offers.

Values in metadata are words (`F`, `PD`, `rest`) or years; a model sees the codes given here. A value that is
unknown is the empty string and has no code.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_diffusion.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Label:
    """One label: classes in the order of their codes, or a number when there are none.

    `columns` are the metadata columns that hold it; with two or more, the code counts in mixed radix, the
    first column being the most significant (`math_condition = 2 * activity + gender`).
    """

    name: str
    description: str
    columns: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...] = ()

    @property
    def task_type(self) -> str:
        return "classification" if self.parts else "regression"

    @property
    def num_classes(self) -> int:
        total = 1
        for part in self.parts:
            total *= len(part)
        return total

    def encode(self, row: Mapping[str, Any]) -> int | float | None:
        """Code of a metadata row, None when unknown; UserError for a word that is no class of the label."""
        values = [str(row.get(column, "")) for column in self.columns]
        if "" in values or "nan" in values:
            return None
        if not self.parts:
            return _number(self.name, values[0])
        code = 0
        for column, part, value in zip(self.columns, self.parts, values, strict=True):
            code = code * len(part) + _position(column, part, value)
        return code

    def decode(self, code: int | float) -> str:
        """Word of a code; composite words are joined by `-`, numbers rounded to whole years."""
        if not self.parts:
            return str(round(code))
        words = []
        for part in reversed(self.parts):
            code, position = divmod(int(code), len(part))
            words.append(part[position])
        return "-".join(reversed(words))


_CLASSES = {
    "gender": ("M", "F"),
    "health": ("H", "PD"),
    "activity": ("rest", "arithmetic"),
    "handedness": ("right", "left"),
    "emotion": ("disgust", "fear", "sad", "neutral", "happy"),
    "acquisition": ("pre", "post"),
    "eyes": ("open", "closed"),
    "seizure": ("none", "seizure"),
}


def _classes(name: str, description: str, *columns: str) -> Label:
    columns = columns or (name,)
    return Label(name, description, columns, tuple(_CLASSES[column] for column in columns))


LABELS: dict[str, Label] = {
    label.name: label
    for label in (
        _classes("gender", "gender of the subject"),
        _classes("health", "healthy, or Parkinson's disease"),
        Label("age", "age of the subject in years", ("age",)),
        _classes("activity", "rest or mental arithmetic"),
        _classes("handedness", "preferred hand"),
        _classes("emotion", "emotion of the film clip"),
        _classes("acquisition", "before or after the session's tasks"),
        _classes("eyes", "eyes open or closed"),
        _classes("seizure", "whether the window is of a seizure"),
        _classes("math_activity", "rest or mental arithmetic", "activity"),
        _classes("math_condition", "activity and gender", "activity", "gender"),
        _classes("parkinsons_condition", "health and gender", "health", "gender"),
        _classes("seed_condition", "emotion and gender", "emotion", "gender"),
    )
}

CANONICAL = ("gender", "health", "age")

_TASKS = {
    "math": ("gender", "health", "age", "math_activity", "math_condition"),
    "parkinsons": ("gender", "health", "age", "parkinsons_condition"),
    "seed": ("gender", "health", "age", "emotion", "seed_condition"),
    "longitudinal": ("gender", "health", "age", "acquisition", "eyes", "handedness"),
    "mit": ("gender", "age", "seizure"),
    "demo": ("gender", "health", "age", "activity", "handedness"),
}


def tasks(dataset: str) -> tuple[Label, ...]:
    """Labels that can be asked of a dataset; of several together (any other name), the canonical ones.

    `{dataset}_timeseries` names the same subjects and so the same labels.
    """
    names = _TASKS.get(dataset.removesuffix("_timeseries"), CANONICAL)
    return tuple(LABELS[name] for name in names)


def get(name: str) -> Label:
    """The label of that name; UserError with the known names otherwise."""
    if name not in LABELS:
        raise UserError(f"unknown label {name!r}; known labels are {', '.join(LABELS)}")
    return LABELS[name]


def check_tasks(names: Iterable[str], datasets: Iterable[str]) -> None:
    """Refuse (UserError) labels that do not exist, or that none of the datasets has."""
    datasets = list(datasets)
    offered = {column for dataset in datasets for label in tasks(dataset) for column in label.columns}
    for name in names:
        if name not in LABELS:
            guess = get_close_matches(name, LABELS, 1)
            hint = f"did you mean {guess[0]}?" if guess else f"known labels are {', '.join(LABELS)}"
            raise UserError(f"unknown label {name!r}; {hint}")
        lacking = set(LABELS[name].columns) - offered
        if lacking and all(dataset in _TASKS for dataset in datasets):
            raise UserError(f"{name}: {' and '.join(datasets)} have no {min(lacking)}; remove the task")


def codes(rows: "pd.DataFrame", label: Label) -> np.ndarray:
    """Code or number of a label in each metadata row, NaN where unknown: float64 [rows].

    UserError for a word that is no class of it; the rows must have its columns.
    """
    table = rows[list(label.columns)].astype(str)
    keys = list(table.itertuples(index=False, name=None))
    known = {key: label.encode(dict(zip(label.columns, key, strict=True))) for key in set(keys)}
    return np.array([known[key] for key in keys], dtype=np.float64)


def check_labels(rows: "pd.DataFrame", source: str) -> None:
    """Refuse words and numbers that are no value of a known label; `source` names the table."""
    for name in LABELS.keys() & set(rows.columns):
        for value in sorted(set(rows[name].astype(str))):
            try:
                LABELS[name].encode({name: value})
            except UserError as error:
                raise UserError(f"{source}: column {name}: {error}") from None


def whole_years(age: Any) -> str:
    """Age as captions and metadata write it: whole years, empty when unknown."""
    text = "" if age is None else str(age)
    return "" if text in ("", "nan") else str(int(_number("age", text)))


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.inf
    if math.isinf(number):
        raise UserError(f"{name} is {value!r}, not a number; leave it empty when unknown")
    return number


def _position(column: str, classes: Iterable[str], value: str) -> int:
    classes = tuple(classes)
    if value not in classes:
        raise UserError(
            f"{column} is {value!r}; write {' or '.join(classes)}, or leave it empty when unknown"
        )
    return classes.index(value)
