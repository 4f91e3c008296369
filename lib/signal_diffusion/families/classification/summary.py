"""The metrics summary: every evaluation of a training as one CSV table."""

import json
from pathlib import Path

import pandas as pd

from signal_diffusion.datasets.storage import write_table

PREFIX = "val/"


def write_summary(stats: Path, out: Path) -> None:
    """A row for each evaluation in stats.jsonl: its step and its scores."""
    records = [json.loads(line) for line in stats.read_text(encoding="utf-8").splitlines()]
    rows = [
        {"step": record["step"]}
        | {key.removeprefix(PREFIX): value for key, value in record.items() if PREFIX in key}
        for record in records
        if any(key.startswith(PREFIX) for key in record)
    ]
    write_table(out, pd.DataFrame(rows))
