"""Detection of events, such as seizures, by the rules of SzCORE (Dan et al. 2024, Epilepsia), through `timescoring`.

A detection counts as right when it touches a reference event that is widened by 30 s before and 60 s after; events
less than 90 s apart are one, and those longer than 5 minutes are split.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.datasets.events import NONE
from signal_diffusion.metrics.classification.tables import KEY, Answers, subjects_of
from signal_diffusion.metrics.resampling import expanded_estimate, group_weights

Spans = list[tuple[float, float]]
DAY_S = 86_400.0
RATE = 10  # Hz; timescoring works at this precision
EVENT_METRICS = ("sensitivity", "precision", "f1", "false_alarms_per_day")
RULES = "SzCORE: any overlap, 30 s before and 60 s after, merged below 90 s, split above 5 min"


@dataclass(frozen=True)
class Recorded:
    """A recording's reference events in seconds, and how long it is."""

    events: Spans
    duration: float


def read_references(index: pd.DataFrame, kind: str) -> dict[tuple[str, str], Recorded]:
    """Reference events of a kind from an index's rows, by (dataset, recording); without those nobody looked at.

    A refused recording has no duration, and no windows to be held against.
    """
    return {
        (row["dataset"], row["recording"]): Recorded(
            [tuple(map(float, span)) for span in json.loads(row["events"]).get(kind, [])],
            float(row["duration"]),
        )
        for row in index.to_dict("records")
        if row["duration"] and row.get("events") and kind in json.loads(row["events"])
    }


def is_event_task(answers: Answers) -> bool:
    """Whether the classes are `none` and one kind of event."""
    return len(answers.classes) == 2 and answers.classes[0] == NONE


def score_events(
    rows: pd.DataFrame,
    answers: Answers,
    starts: np.ndarray,
    seconds: float,
    references: Mapping[tuple[str, str], Recorded] | None,
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """Sensitivity, precision, F1 and false alarms per day: means over subjects, and of all events together.

    `rows` are a prediction table's, `starts` their first seconds in the recording, `seconds` a window's length. A
    detection is a run of windows in which the event is the more probable class. Without `references` the windows'
    own labels stand for the events, to the length of a window. Subjects are resampled for the intervals.
    """
    known = answers.known
    counts = [
        (subject, *_counts(part, answers, starts, seconds, (references or {}).get(name)))
        for name, subject, part in _recordings(rows, known)
    ]
    if not counts:
        return {"unknown": "no held-out recording says where its events are"}
    table = np.array(counts, dtype=np.float64)
    subjects = np.unique(table[:, 0], return_inverse=True)[1]
    sums = np.stack([np.bincount(subjects, column) for column in table[:, 1:].T], axis=1)
    weights = group_weights(np.arange(len(sums)), replicates, np.random.default_rng(seed))
    return {
        "rules": RULES,
        "reference": "index" if references else "windows",
        "events": int(sums[:, 0].sum()),
        "days": float(sums[:, 3].sum() / DAY_S),
        "mean_over_subjects": _estimates(_subject_means(sums, weights), len(sums)),
        "pooled": _estimates(_rates(weights @ sums), len(sums)),
    }


def _recordings(rows: pd.DataFrame, known: np.ndarray) -> list[tuple[tuple[str, str], int, np.ndarray]]:
    """Name, subject and row places, in time order, of each recording with known windows."""
    places = pd.Series(np.flatnonzero(known))
    subjects = subjects_of(rows)
    names = rows.loc[known, KEY[:2]].reset_index(drop=True)
    windows = rows["window"].to_numpy()
    found = []
    for name, part in places.groupby([names["dataset"], names["recording"]], sort=True):
        part = part.to_numpy()
        part = part[np.argsort(windows[part], kind="stable")]
        found.append((name, int(subjects[part[0]]), part))
    return found


def _counts(
    part: np.ndarray, answers: Answers, starts: np.ndarray, seconds: float, recorded: Recorded | None
) -> tuple[float, float, float, float]:
    """Reference events, those found, false detections, and the seconds of one recording."""
    from timescoring.annotations import Annotation
    from timescoring.scoring import EventScoring

    begin = starts[part]
    if recorded is None:
        recorded = Recorded(spans(answers.truth[part] == 1, begin, seconds), float(begin.max() + seconds))
    detected = spans(answers.predicted[part].argmax(axis=1) == 1, begin, seconds)
    samples = round(recorded.duration * RATE)
    reference, detection = (
        Annotation(_within(each, recorded.duration), RATE, samples) for each in (recorded.events, detected)
    )
    score = EventScoring(reference, detection)
    return score.refTrue, score.tp, score.fp, recorded.duration


def spans(positive: np.ndarray, starts: np.ndarray, seconds: float) -> Spans:
    """Stretches that positive windows cover, in order: touching windows make one stretch."""
    found: Spans = []
    for start in starts[positive]:
        if found and start <= found[-1][1] + 1e-6:
            found[-1] = found[-1][0], float(start + seconds)
        else:
            found.append((float(start), float(start + seconds)))
    return found


def _within(events: Sequence[tuple[float, float]], duration: float) -> Spans:
    return [(start, min(end, duration)) for start, end in sorted(events) if start < duration]


def _rates(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of sums [..., 4] of events, found, false, seconds; NaN where one is not defined."""
    events, found, false, seconds = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "sensitivity": found / events,
            "precision": found / (found + false),
            "f1": 2 * found / (found + false + events),
            "false_alarms_per_day": false / seconds * DAY_S,
        }


def _subject_means(sums: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Means of the subjects' scores, each over those for whom it is defined: [replicates]."""
    means = {}
    for name, values in _rates(sums).items():
        defined = np.isfinite(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            means[name] = weights[:, defined] @ values[defined] / weights[:, defined].sum(axis=1)
    return means


def _estimates(scores: Mapping[str, np.ndarray], subjects: int) -> dict[str, Any]:
    return {name: expanded_estimate(scores[name], subjects) for name in EVENT_METRICS}
