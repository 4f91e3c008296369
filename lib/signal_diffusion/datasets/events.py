"""What happens during each window, from the events of its recording: one label per kind of event."""

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

NONE = "none"


def event_names(columns: Iterable[str]) -> list[str]:
    """The kinds of event that occur in a column `events` of the index, in alphabetical order."""
    return sorted({name for events in set(columns) for name in _parse(events)})


def event_labels(events: str, starts: np.ndarray, seconds: float) -> dict[str, np.ndarray]:
    """Per kind of event, the class of each window: the name of the kind or "none", str [windows].

    `events` is a row's JSON, with onsets and ends in seconds of the recording; `starts` are the windows' in
    seconds, float64 [windows], and `seconds` is their length. A window is of an event when at least half of
    it lies in such events, or when it holds a whole one.
    """
    return {name: _classes(name, spans, starts, seconds) for name, spans in _parse(events).items()}


def _classes(name: str, spans: Sequence, starts: np.ndarray, seconds: float) -> np.ndarray:
    onsets, ends = np.array(spans, dtype=np.float64).reshape(-1, 2).T
    overlap = np.minimum(starts[:, None] + seconds, ends) - np.maximum(starts[:, None], onsets)
    overlap = np.maximum(overlap, 0.0)  # [windows, events]
    tolerance = 1e-6  # of a sum of seconds, for a window that is half event to the sample
    half = overlap.sum(axis=1) >= seconds / 2 - tolerance
    whole = (overlap >= ends - onsets - tolerance).any(axis=1)
    return np.where(half | whole, name, NONE)


def _parse(events: str) -> Mapping[str, Sequence]:
    return json.loads(events) if events else {}
