"""Damaged copies of real recordings: the short form of `benchmarks/corruption.py`."""

import subprocess
import sys
from pathlib import Path

import pytest

from .material import find
from .test_index import environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "name",
    ["Subject31_2.edf", "jw_clean_int32.cnt", "scan41_short.cnt", "00_task_processed_filtered_ICA.set"],
)
def test_no_damaged_copy_is_misread(shared, name):
    command = [
        sys.executable,
        ROOT / "benchmarks" / "corruption.py",
        find(shared, name),
        "--copies",
        "60",
        "--show",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr + done.stdout
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:]]
    counts = {verdict: int(count) for verdict, count in rows}
    judged = {verdict: count for verdict, count in counts.items() if verdict != "checksum"}
    assert sum(judged.values()) == 60 and counts["refused"] > 10 and counts["identical"] > 0
    assert counts["misread"] == counts["bad error"] == 0
    assert counts["checksum"] == sum(counts[each] for each in ("unknowable", "shifted", "exchanged", "rate"))
