"""Windows during events, against counting samples one by one."""

import json

import numpy as np
import pytest
from signal_diffusion.datasets.events import event_labels, event_names

STARTS = np.arange(0.0, 200.0, 8.0)
SECONDS = 16.0


def by_samples(spans, start: float, rate: int = 100) -> str:
    time = start + (np.arange(int(SECONDS * rate)) + 0.5) / rate
    during = np.zeros(len(time), bool)
    for onset, end in spans:
        during |= (onset <= time) & (time < end)
    whole = any(start <= onset and end <= start + SECONDS for onset, end in spans)
    return "seizure" if whole or during.mean() >= 0.5 else "none"


@pytest.mark.parametrize(
    "spans",
    [
        [],
        [[40.0, 80.0]],  # covers whole windows, and half of others to the sample
        [[41.0, 43.0]],  # much shorter than half a window, but whole
        [[47.0, 50.0]],  # whole in one window, cut by its neighbour
        [[10.0, 14.0], [16.0, 20.5], [100.0, 190.0]],
        [[192.0, 230.0]],
    ],
)
def test_a_window_is_of_an_event_by_half_or_when_it_holds_a_whole_one(spans):
    found = event_labels(json.dumps({"seizure": spans}), STARTS, SECONDS)
    assert list(found) == ["seizure"]
    assert found["seizure"].tolist() == [by_samples(spans, start) for start in STARTS]


def test_two_parts_that_make_half_together_count():
    (labels,) = event_labels('{"seizure": [[0, 4.5], [10, 14]]}', np.array([1.0]), 16.0).values()
    assert labels.tolist() == ["seizure"]  # the second is whole
    (labels,) = event_labels('{"seizure": [[0, 5.5], [13, 30]]}', np.array([1.0]), 16.0).values()
    assert labels.tolist() == ["seizure"]  # 4.5 s + 4 s of 16 s, neither whole
    (labels,) = event_labels('{"seizure": [[0, 4.5], [13, 30]]}', np.array([1.0]), 16.0).values()
    assert labels.tolist() == ["none"]  # 3.5 s + 4 s


def test_nobody_looked_is_not_none():
    assert event_labels("", STARTS, SECONDS) == {}
    assert event_names(["", '{"seizure": []}', '{"blink": [[1, 2]]}']) == ["blink", "seizure"]
