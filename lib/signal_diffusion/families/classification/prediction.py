"""Predictions of a trained classifier for those that it was not trained on: a table that every score comes from."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.datasets.pool import Part, Pool
from signal_diffusion.datasets.splits import SUBJECT
from signal_diffusion.families.classification.model import ClassifierNet, build
from signal_diffusion.families.classification.targets import codes_of
from signal_diffusion.metrics.classification.tables import Answers, Predictions, write_predictions
from signal_diffusion.training.numerics import numerics
from signal_diffusion.training.weights import load_weights

TOGETHER = 256  # windows


def predict_fold(run: ClassificationRun, model: Path, dataset: Path, out: Path) -> None:
    """Write predictions.csv to `out`: a row for each window of the subjects that `model` has held out.

    Columns as in `metrics.classification.tables`; the truth is the dataset's, whatever the labels in training.
    """
    net, description = load_classifier(model)
    pool = Pool(dataset)
    part = Part(pool, rows_of(pool, description["held_out"]))
    with numerics(run.training.threads, allow_tf32=False):
        answers = predict_windows(net, part)
    codes = codes_of(part.metadata, [target.name for target in net.targets])
    tasks = {t.name: Answers(t.classes, codes[t.name], answers[t.name]) for t in net.targets}
    write_predictions(out, Predictions(part.metadata, tasks))


def predict_windows(net: ClassifierNet, part: Part) -> dict[str, np.ndarray]:
    """`ClassifierNet.answers` of all windows of a part, in its order."""
    return _joined(net, (net.answers(part.array(rows)) for rows in _batches(len(part))))


def predict_array(net: ClassifierNet, windows: np.ndarray) -> dict[str, np.ndarray]:
    """`ClassifierNet.answers` of windows as a dataset stores them."""
    return _joined(net, (net.answers(windows[rows]) for rows in _batches(len(windows))))


def load_classifier(path: Path) -> tuple[ClassifierNet, dict]:
    """A trained classifier in eval mode and its description."""
    state, description = load_weights(path)
    net = build(description)
    net.load_state_dict(state)
    return net.eval(), description


def rows_of(pool: Pool, subjects: list[list[str]]) -> np.ndarray:
    """Rows of the windows of these subjects (dataset, name), int64."""
    wanted = {tuple(each) for each in subjects}
    pairs = pool.metadata[SUBJECT].itertuples(index=False, name=None)
    return np.flatnonzero([pair in wanted for pair in pairs])


def _batches(count: int) -> list[np.ndarray]:
    return [np.arange(start, min(start + TOGETHER, count)) for start in range(0, count, TOGETHER)]


def _joined(net: ClassifierNet, blocks: Iterable[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    empty = {t.name: np.zeros((0, len(t.classes)) if t.classes else 0) for t in net.targets}
    every = [empty, *blocks]
    return {name: np.concatenate([block[name] for block in every]) for name in empty}
