"""Windows by the classes of some labels: the cells that weights are given to, and counts are told of."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from signal_diffusion.datasets import labels
from signal_diffusion.errors import UserError

DATASET, UNKNOWN = "dataset", "unknown"
_DECADE = 10
_NO_LABELS = {"recording", "window", "start_s", "split", "text", "hash", "weight"}


@dataclass(frozen=True)
class Cells:
    """Every combination of classes that occurs.

    classes: per task the names of its classes, `unknown` last if it occurs. codes: int64 [cells, tasks],
    places in `classes`. sizes: int64 [cells], windows. rows: int64 [windows], the cell of each window.
    """

    tasks: tuple[str, ...]
    classes: tuple[tuple[str, ...], ...]
    codes: np.ndarray
    sizes: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.sizes)

    def names(self, cell: int) -> tuple[str, ...]:
        """The class of each task in that cell."""
        return tuple(names[code] for names, code in zip(self.classes, self.codes[cell], strict=True))

    def known(self, task: int) -> np.ndarray:
        """Which cells know that task, bool [cells]."""
        names = np.array(self.classes[task])
        return names[self.codes[:, task]] != UNKNOWN


def cells_of(metadata: pd.DataFrame, tasks: Sequence[str], age_bins: Sequence[float] = ()) -> Cells:
    """Cells of metadata rows; they do not depend on the order of rows, nor codes on that of datasets.

    A task is a label, or a column such as `dataset`. Numbers count in classes that begin at `age_bins`, by
    default in decades. UserError for a task that the rows have no column for.
    """
    columns = [_classes(metadata, task, age_bins) for task in tasks]
    classes = tuple(names for names, _ in columns)
    table = (
        np.stack([codes for _, codes in columns], axis=1) if columns else np.zeros((len(metadata), 0), int)
    )
    codes, rows, sizes = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    return Cells(tuple(tasks), classes, codes, sizes, rows.reshape(-1))


def _classes(
    metadata: pd.DataFrame, task: str, age_bins: Sequence[float]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of a task's classes, and the class of each row, int64 [rows]."""
    label = labels.LABELS.get(task) or _column_label(metadata, task)
    if missing := set(label.columns) - set(metadata.columns):
        raise UserError(
            f"[weights] tasks: {task} needs column {', '.join(sorted(missing))}, which no dataset here has"
        )
    keys = list(metadata[list(label.columns)].itertuples(index=False, name=None))
    named = {key: _class_name(label, key, age_bins) for key in set(keys)}
    names = [name for _, name in sorted(set(named.values()))]
    place = {name: k for k, name in enumerate(names)}
    codes = {key: place[name] for key, (_, name) in named.items()}
    return tuple(names), np.array([codes[key] for key in keys], dtype=np.int64)


def _column_label(metadata: pd.DataFrame, task: str) -> labels.Label:
    columns = [name for name in metadata.columns if name not in _NO_LABELS]
    if task not in columns:
        known = sorted({*labels.LABELS, *columns})
        raise UserError(f"[weights] tasks: {task!r} is no label here; known are {', '.join(known)}")
    values = sorted(set(metadata[task].astype(str)) - {"", "nan"})
    return labels.Label(task, "a column of the datasets' own", (task,), (tuple(values),))


def _class_name(label: labels.Label, values: tuple, age_bins: Sequence[float]) -> tuple[float, str]:
    """Where the class stands among the others, and its name; the unknown come last."""
    code = label.encode(dict(zip(label.columns, values, strict=True)))
    if code is None:
        return np.inf, UNKNOWN
    if label.task_type == "classification":
        return code, label.decode(code)
    return _span(code, age_bins)


def _span(value: float, edges: Sequence[float]) -> tuple[float, str]:
    """The class of a number, as `20-29` (whole numbers, both included), `under 20` or `from 60`."""
    if not edges:
        first = int(value // _DECADE * _DECADE)
        return first, f"{first}-{first + _DECADE - 1}"
    if value < edges[0]:
        return -np.inf, f"under {edges[0]:g}"
    for low, high in pairwise(edges):
        if value < high:
            return low, f"{low:g}-{high - 1:g}" if low % 1 == high % 1 == 0 else f"{low:g} to {high:g}"
    return edges[-1], f"from {edges[-1]:g}"
