"""Labels that go together, so that a model may learn one in place of the other.

Association is measured over subjects (each combination of two labels counts once per subject that has it),
by Cramer's V with the bias correction of Bergsma (2013); that one label follows from the other by the share
of its entropy that is left when the other is known. A pair is told when V is at least 0.3, a medium effect by
Cohen's convention, and a chi-squared test gives p < 0.01 divided by the number of pairs, so that a handful of
subjects raises no alarm; a label counts as determined when at most 5 % of its entropy is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from signal_diffusion.datasets.cells import DATASET, UNKNOWN, Cells, cells_of
from signal_diffusion.datasets.splits import SUBJECT

STRONG = 0.3
SURE = 0.01
LEFT = 0.05
_MOST_CLASSES = 12


@dataclass(frozen=True)
class Confound:
    """Two labels, how strongly they go together, and over how many subjects.

    left: share of each one's entropy that is left when the other is known. drawn: Cramer's V (without
    correction) among the weighted training windows.
    """

    labels: tuple[str, str]
    v: float
    left: tuple[float, float]
    subjects: int
    drawn: float

    def __str__(self) -> str:
        first, second = self.labels
        told = [f"{a} follows from {b}" for a, b, left in self._directions() if left <= LEFT]
        what = " and ".join(told) or f"{first} and {second} go together"
        return (
            f"{what} (Cramer's V {self.v:.2f} over {self.subjects} subjects, {self.drawn:.2f} among the "
            "weighted training windows): a model may learn one for the other."
        )

    def _directions(self) -> list[tuple[str, str, float]]:
        first, second = self.labels
        return [(first, second, self.left[0]), (second, first, self.left[1])]


def confounds(metadata: pd.DataFrame, labels: Sequence[str]) -> list[Confound]:
    """Pairs among `dataset` and the labels that are confounded, strongest first.

    `metadata` has a row per window with split and weight. Labels with one class, or with more than 12, and
    numbers other than age have no part.
    """
    people = metadata.drop_duplicates([*SUBJECT, *labels])
    training = metadata[metadata["split"] == "train"]
    pairs = list(combinations([DATASET, *_classed(people, labels)], 2))
    found = [_confound(people, training, pair, SURE / len(pairs)) for pair in pairs]
    return sorted(filter(None, found), key=lambda each: -each.v)


def one_sided(metadata: pd.DataFrame, labels: Sequence[str]) -> list[str]:
    """Labels that one dataset alone knows, and values that one dataset alone has, in words."""
    lines = []
    datasets = metadata[DATASET].nunique()
    for label in labels if datasets > 1 else ():
        known = metadata.loc[metadata[label].astype(str) != "", [DATASET, label]].drop_duplicates()
        if known[DATASET].nunique() == 1:
            where = known[DATASET].iloc[0]
            lines.append(
                f"{label} is known in {where} only: what goes with it may be that dataset's recording."
            )
        elif label != "age" and known[label].nunique() <= _MOST_CLASSES:
            lines += _lone_values(known, label)
    return lines


def _lone_values(known: pd.DataFrame, label: str) -> list[str]:
    return [
        f"{label} {value} occurs in {rows[DATASET].iloc[0]} only: a difference may be one of recording."
        for value, rows in known.groupby(label)
        if len(rows) == 1
    ]


def _classed(people: pd.DataFrame, labels: Sequence[str]) -> list[str]:
    few = [label for label in labels if label == "age" or people[label].nunique() <= _MOST_CLASSES]
    return [label for label in few if len(_known(cells_of(people, [label]))) > 1]


def _known(cells: Cells) -> list[str]:
    return [name for name in cells.classes[0] if name != UNKNOWN]


def _confound(
    people: pd.DataFrame, training: pd.DataFrame, labels: tuple[str, str], sure: float
) -> Confound | None:
    columns = [*SUBJECT, *(label for label in labels if label != DATASET)]
    counts = _table(people.drop_duplicates(columns), labels)
    if min(counts.shape) < 2:
        return None
    v, p = cramers_v(counts)
    if v < STRONG or p >= sure:
        return None
    drawn = _table(training, labels, training["weight"].to_numpy())
    among_drawn = np.sqrt(_phi2(drawn) / max(min(drawn.shape) - 1, 1))
    left = (entropy_left(counts), entropy_left(counts.T))
    return Confound(labels, float(v), left, int(counts.sum()), float(among_drawn))


def _table(rows: pd.DataFrame, labels: Sequence[str], weights: np.ndarray | None = None) -> np.ndarray:
    """Cross table of two labels' known classes, float64; classes that do not occur are left out."""
    cells = cells_of(rows, labels)
    known = cells.known(0) & cells.known(1)
    sums = np.bincount(cells.rows, weights, len(cells)).astype(float)
    table = np.zeros([len(names) for names in cells.classes])
    table[tuple(cells.codes[known].T)] = sums[known]
    return table[table.any(axis=1)][:, table.any(axis=0)]


def cramers_v(counts: np.ndarray) -> tuple[float, float]:
    """Bias-corrected Cramer's V of a cross table of counts, and the p-value of its chi-squared test."""
    from scipy.special import chdtrc

    rows, columns = counts.shape
    n, phi2 = counts.sum(), _phi2(counts)
    freedom = (rows - 1) * (columns - 1)
    corrected = max(0.0, phi2 - freedom / (n - 1))
    sides = [k - (k - 1) ** 2 / (n - 1) for k in counts.shape]
    widest = min(sides) - 1
    return (min(1.0, np.sqrt(corrected / widest)) if widest > 0 else 0.0), float(chdtrc(freedom, n * phi2))


def entropy_left(counts: np.ndarray) -> float:
    """H(rows | columns) / H(rows) of a cross table: 0 when the column tells the row."""
    joint = counts / counts.sum()
    rows, columns = _entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0))
    return (_entropy(joint.reshape(-1)) - columns) / rows if rows > 0 else 0.0


def _phi2(counts: np.ndarray) -> float:
    joint = counts / max(counts.sum(), 1e-300)
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    return float(np.sum((joint - expected) ** 2 / np.where(expected > 0, expected, 1)))


def _entropy(shares: np.ndarray) -> float:
    shares = shares[shares > 0]
    return float(-np.sum(shares * np.log(shares)))
