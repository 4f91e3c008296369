"""What is scored: every window, or the mean over a person's windows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from signal_diffusion.metrics.classification.tables import Answers, constant_within, mean_by, subjects_of

UNKNOWN_UNIT = "the label changes within recordings, so that no mean over a recording has one truth"


@dataclass(frozen=True)
class Level:
    """Rows that are scored alike, and the predictions of each source for them.

    unit: what a row is, "window", "subject" or "recording". truth: [n]. subjects: int [n], from 0 without a gap.
    predicted: source -> [n, classes] or [n].
    """

    unit: str
    classes: tuple[str, ...]
    truth: np.ndarray
    subjects: np.ndarray
    predicted: dict[str, np.ndarray]

    @property
    def kind(self) -> str:
        return "classification" if self.classes else "regression"


def window_level(rows: pd.DataFrame, sources: Mapping[str, Answers]) -> Level:
    """All windows whose truth is known. `sources` have the answers for the same rows, `model` first."""
    model = next(iter(sources.values()))
    known = model.known
    subjects = np.unique(subjects_of(rows)[known], return_inverse=True)[1]
    predicted = {name: each.predicted[known] for name, each in sources.items()}
    return Level("window", model.classes, model.truth[known], subjects, predicted)


def person_level(rows: pd.DataFrame, windows: Level, known: np.ndarray) -> Level | None:
    """Means over the windows of a subject, or of a recording where the label changes within subjects.

    None when it changes within recordings (`UNKNOWN_UNIT`). `rows` [all] with `known` are those of `windows`.
    """
    recordings = rows[known].groupby(["dataset", "recording"], sort=True).ngroup().to_numpy(np.int64)
    for unit, codes in (("subject", windows.subjects), ("recording", recordings)):
        if len(codes) and constant_within(codes, windows.truth):
            truth = mean_by(codes, windows.truth)
            truth = truth.round().astype(np.int64) if windows.classes else truth
            subjects = mean_by(codes, windows.subjects).round().astype(np.int64)
            predicted = {name: mean_by(codes, values) for name, values in windows.predicted.items()}
            return Level(unit, windows.classes, truth, subjects, predicted)
    return None


def constant_prediction(level: Level) -> np.ndarray:
    """The same for all rows: the classes' shares among them, or the median of the truth."""
    if not level.classes:
        return np.full(len(level.truth), np.median(level.truth))
    counts = np.bincount(level.truth.astype(np.int64), minlength=len(level.classes))
    return np.tile(counts / counts.sum(), (len(level.truth), 1))
