"""What makes the index stale: whatever names and tables say, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
from signal_diffusion.recordings.datasets.entry import Entry, listing

ROOT = Path("/raw")
ENTRY = Entry("lab", "S1", "", "S1_rest", ROOT / "a/S1.edf", {"gender": "F", "age": 31})


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"gender": "F", "age": 32}},
        {"labels": {"gender": "F"}},
        {"subject": "S2"},
        {"path": ROOT / "b/S1.edf"},
        {"reference": "Cz"},
        {"span": (0.0, 5.0)},
        {"events": {"seizure": ()}},
        {"refused": "no"},
        {"warning": "no row"},
    ],
)
def test_every_fact_counts(change):
    assert listing([replace(ENTRY, **change)], ROOT) != listing([ENTRY], ROOT)


def test_the_place_of_the_data_does_not_count_and_the_number_does():
    moved = replace(ENTRY, path=Path("/elsewhere/a/S1.edf"))
    assert listing([moved], Path("/elsewhere")) == listing([ENTRY], ROOT)
    assert listing([ENTRY, replace(ENTRY, recording="S1_walk")], ROOT) != listing([ENTRY], ROOT)
