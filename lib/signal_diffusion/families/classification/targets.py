"""What is asked of each window: the tasks of a run, as classes or numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.datasets import labels
from signal_diffusion.datasets.labels import Label
from signal_diffusion.errors import UserError

UNITS = {"age": "years"}
Codes = dict[str, np.ndarray]


@dataclass(frozen=True)
class Target:
    """One task: the words of its classes in the order of their codes, or none for a number.

    Numbers have the mean and standard deviation of the training rows, in their `unit`.
    """

    name: str
    classes: tuple[str, ...] = ()
    unit: str = ""
    mean: float = 0.0
    std: float = 1.0

    @property
    def outputs(self) -> int:
        """Numbers that a head gives."""
        return len(self.classes) or 1

    def described(self) -> dict[str, Any]:
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "Target":
        """Undo `described`."""
        return cls(**{**described, "classes": tuple(described["classes"])})


def codes_of(metadata: pd.DataFrame, tasks: Sequence[str]) -> Codes:
    """Codes or numbers of each task, float64 [rows], NaN where unknown; UserError for a label without a column."""
    return {name: _codes(metadata, labels.get(name)) for name in tasks}


def targets_of(codes: Codes) -> list[Target]:
    """The tasks of training rows; UserError where one has not two values to tell apart."""
    return [_target(labels.get(name), values[~np.isnan(values)]) for name, values in codes.items()]


def _codes(metadata: pd.DataFrame, label: Label) -> np.ndarray:
    if missing := [column for column in label.columns if column not in metadata.columns]:
        raise UserError(
            f"dataset.tasks: the dataset's rows have no {missing[0]}, which {label.name} needs; remove the task"
        )
    return labels.codes(metadata, label)


def _target(label: Label, values: np.ndarray) -> Target:
    if len(np.unique(values)) < 2:
        found = f"is {label.decode(values[0])} in all of them" if len(values) else "is known in none of them"
        raise UserError(f"dataset.tasks: {label.name} {found}, the training windows; remove the task")
    if label.parts:
        return Target(label.name, tuple(label.decode(code) for code in range(label.num_classes)))
    unit = UNITS.get(label.name, "")
    return Target(label.name, (), unit, float(values.mean()), float(values.std()))
