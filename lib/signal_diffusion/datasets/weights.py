"""Sampling weights that even out classes and datasets within the training split.

They depend on counts alone: neither the order of the datasets nor that of the rows matters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from signal_diffusion.datasets import labels
from signal_diffusion.errors import UserError

_YEARS_PER_CLASS = 10


@dataclass(frozen=True)
class Cell:
    """Windows of one dataset with one combination of classes."""

    dataset: str
    classes: tuple[str, ...]
    windows: int
    weight: float


@dataclass(frozen=True)
class Weighting:
    """`weights` float64 [rows] with mean 1, the cells they come from, and the effective sample size."""

    weights: np.ndarray
    cells: tuple[Cell, ...]
    effective: float


def sampling_weights(metadata: pd.DataFrame, tasks: Sequence[str], cap: float | None) -> Weighting:
    """Weights under which every cell (dataset x classes of all `tasks`) is drawn equally often.

    A number such as age counts in decades; an unknown value is a class of its own. No row is drawn more than
    `cap` times as often as under equal weights; what a capped cell loses goes to the others in proportion.
    """
    cells = _cells(metadata, tasks)
    names, inverse, sizes = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    even = (len(cells) / (len(sizes) * sizes))[inverse.reshape(-1)]
    weights = even if cap is None else _capped(even, cap)
    per_cell = np.bincount(inverse.reshape(-1), weights) / sizes
    table = [
        Cell(name[0], tuple(name[1:]), int(size), float(weight))
        for name, size, weight in zip(names.tolist(), sizes, per_cell, strict=True)
    ]
    return Weighting(weights, tuple(table), effective_size(weights))


def effective_size(weights: np.ndarray) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2."""
    return float(np.sum(weights) ** 2 / np.sum(np.square(weights)))


def _cells(metadata: pd.DataFrame, tasks: Sequence[str]) -> np.ndarray:
    """Dataset and classes of each row, str [rows, 1 + tasks]."""
    columns = [metadata["dataset"].astype(str).to_numpy(dtype=str)]
    for task in tasks:
        label = labels.get(task)
        if missing := set(label.columns) - set(metadata.columns):
            raise UserError(
                f"[weights] tasks: {task} needs column {', '.join(missing)}, which no dataset here has"
            )
        rows = metadata[list(label.columns)].to_dict("records")
        columns.append(np.array([_class_name(label, label.encode(row)) for row in rows]))
    return np.stack(columns, axis=1)


def _class_name(label: labels.Label, code: int | float | None) -> str:
    if code is None:
        return "unknown"
    if label.task_type == "classification":
        return label.decode(code)
    first = int(code // _YEARS_PER_CLASS * _YEARS_PER_CLASS)
    return f"{first}-{first + _YEARS_PER_CLASS - 1}"


def _capped(weights: np.ndarray, cap: float) -> np.ndarray:
    if cap < 1:
        raise UserError(f"max_sampling_weight is {cap}; it must be 1 or more, for 1 is the mean weight")
    held = np.zeros(len(weights), dtype=bool)
    while np.any(over := ~held & (weights > cap * (1 + 1e-12))):
        held |= over
        weights = np.where(held, cap, weights)
        if held.all():
            break
        rest = len(weights) - cap * held.sum()
        weights[~held] *= rest / weights[~held].sum()
    return weights
