"""Events against the published rules: what counts as found, as false, as one event and as two."""

import json

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.metrics.classification.events import (
    Recorded,
    is_event_task,
    read_references,
    score_events,
    spans,
)
from signal_diffusion.metrics.classification.tables import Answers

SECONDS, HOUR = 4.0, 3600.0


def recorded(names: list[str], detections: dict[str, list], truth: dict[str, list]) -> dict:
    """Scores of an hour of each name, windows of 4 s; detections and true events as [start, end] in seconds."""
    starts = np.arange(0, HOUR, SECONDS)
    rows = pd.concat(
        [
            pd.DataFrame({"dataset": "mit", "subject": name, "recording": name, "window": range(len(starts))})
            for name in names
        ],
        ignore_index=True,
    )
    hit = np.concatenate([inside(starts, detections.get(name, [])) for name in names])
    labels = np.concatenate([inside(starts, truth.get(name, [])) for name in names]).astype(float)
    answers = Answers(("none", "seizure"), labels, np.eye(2)[hit.astype(int)])
    references = {
        ("mit", name): Recorded([tuple(span) for span in truth.get(name, [])], HOUR) for name in names
    }
    return score_events(rows, answers, np.tile(starts, len(names)), SECONDS, references, 100, 0)


def inside(starts: np.ndarray, events: list) -> np.ndarray:
    return np.any([(starts >= low) & (starts < high) for low, high in events] or [starts < 0], axis=0)


def values(found: dict, of: str = "pooled") -> tuple:
    return tuple(
        found[of][name]["value"] for name in ("sensitivity", "precision", "f1", "false_alarms_per_day")
    )


def test_any_overlap_finds_an_event_and_a_detection_elsewhere_is_false():
    found = recorded(["a"], {"a": [[1000, 1004], [2000, 2020]]}, {"a": [[1002, 1060], [3000, 3030]]})
    assert values(found) == (0.5, 0.5, 0.5, 24.0)
    assert found["events"] == 2 and found["days"] == pytest.approx(1 / 24)


@pytest.mark.parametrize(
    ("detection", "right"),
    [([968, 976], True), ([960, 968], False), ([1116, 1120], True), ([1124, 1132], False)],
)
def test_thirty_seconds_before_and_sixty_after_are_allowed(detection, right):
    found = recorded(["a"], {"a": [detection]}, {"a": [[1000, 1060]]})
    assert values(found)[:2] == ((1.0, 1.0) if right else (0.0, 0.0))


def test_near_events_are_one_and_long_ones_several():
    assert recorded(["a"], {}, {"a": [[1000, 1020], [1100, 1120]]})["events"] == 1
    assert recorded(["a"], {}, {"a": [[1000, 1020], [1112, 1120]]})["events"] == 2
    assert recorded(["a"], {}, {"a": [[1000, 1700]]})["events"] == 3
    alarms = recorded(["a"], {"a": [[2000, 2004], [2040, 2044], [3000, 3004]]}, {"a": [[100, 120]]})
    assert values(alarms)[3] == 48.0


def test_subjects_weigh_alike_in_the_mean_and_events_in_the_pool():
    truth = {"a": [[500, 520], [1000, 1020], [2000, 2020]], "b": [[1000, 1020]]}
    found = recorded(["a", "b"], {"a": truth["a"], "b": []}, truth)
    assert values(found)[0] == pytest.approx(3 / 4)
    assert values(found, "mean_over_subjects")[0] == pytest.approx(1 / 2)
    interval = found["mean_over_subjects"]["sensitivity"]
    assert interval["low"] == 0 and interval["high"] == 1


def test_without_events_sensitivity_is_unknown_and_alarms_are_not():
    found = recorded(["a", "b"], {"a": [[1000, 1004]]}, {})
    sensitivity, precision, f1, alarms = values(found)
    assert sensitivity is None and precision == 0 and alarms == 12.0
    assert found["pooled"]["sensitivity"]["unknown"]
    quiet = recorded(["a"], {}, {})
    assert values(quiet) == (None, None, None, 0.0)


def test_windows_that_touch_or_overlap_are_one_stretch():
    starts = np.array([0, 2, 4, 10, 14, 30.0])
    assert spans(np.array([1, 1, 1, 1, 1, 0], bool), starts, 4.0) == [(0, 8), (10, 18)]
    assert spans(np.zeros(6, bool), starts, 4.0) == []


def test_references_come_from_the_index_of_those_that_were_looked_at():
    index = pd.DataFrame(
        {
            "dataset": "mit",
            "recording": ["a", "b", "c", "refused"],
            "duration": ["3600", "3600", "3600", ""],
            "events": [
                *(json.dumps({"seizure": spans}) for spans in ([[10, 20]], [])),
                "",
                '{"seizure": []}',
            ],
        }
    )
    found = read_references(index, "seizure")
    assert found == {("mit", "a"): Recorded([(10.0, 20.0)], 3600.0), ("mit", "b"): Recorded([], 3600.0)}


def test_without_an_index_the_windows_say_where_events_are():
    rows = pd.DataFrame({"dataset": "m", "subject": "a", "recording": "a", "window": range(100)})
    truth = np.zeros(100)
    truth[40:45] = 1
    answers = Answers(("none", "seizure"), truth, np.eye(2)[truth.astype(int)])
    found = score_events(rows, answers, np.arange(100) * 4.0, 4.0, None, 10, 0)
    assert found["reference"] == "windows" and values(found)[:3] == (1.0, 1.0, 1.0)
    unknown = Answers(answers.classes, np.full(100, np.nan), answers.predicted)
    assert score_events(rows, unknown, np.arange(100) * 4.0, 4.0, None, 10, 0)["unknown"]


def test_event_tasks_are_those_with_a_none():
    one = np.zeros((1, 2))
    assert is_event_task(Answers(("none", "seizure"), np.zeros(1), one))
    assert not is_event_task(Answers(("rest", "arithmetic"), np.zeros(1), one))
    assert not is_event_task(Answers((), np.zeros(1), np.zeros(1)))
