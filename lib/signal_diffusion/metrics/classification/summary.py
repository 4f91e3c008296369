"""All classification runs in one table: a row for each task, way to hold out and level of each run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from signal_diffusion.metrics.classification.scores import HIGHER_IS_BETTER
from signal_diffusion.metrics.classification.tables import SPLIT

FACTS = ("run", "recipe", "representation", "backbone")
OTHERS = ("chance", "shuffled", "demographics", "dataset", "band_power")
ENDS = ("value", "low", "high")
# What is ranked together: scores on other datasets are no better or worse.
ALIKE = ("task", "recipe", "held_out", "level")


def summary_table(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of every run's metrics.json, best first within a task, recipe, held-out part and level; numbers may be NaN.

    Columns: `task`, `held_out` (folds, or the split), `level` (window, subject or recording), `metric`; the run, its
    recipe, representation and backbone; `subjects`; `value`, `low`, `high` of the model; for each other source its
    value `{source}`, and `beats_{source}`, whether the interval of the difference excludes zero on the better side.
    """
    columns = ["task", "held_out", "level", "metric", *FACTS, "subjects", *ENDS]
    columns += [name for source in OTHERS for name in (source, f"beats_{source}")]
    rows = [row for run in runs for row in _rows(run)]
    table = pd.DataFrame(rows, columns=[*columns, "_order"])
    numbers = [*ENDS, *OTHERS, "_order"]
    table[numbers] = table[numbers].astype("float64")  # None alone makes no column of numbers
    keys = [*ALIKE, "metric", "_order", "run"]
    return table.sort_values(keys, na_position="last", kind="stable")[columns].reset_index(drop=True)


def held_out(metrics: Mapping[str, Any], protocol: str) -> str:
    """`folds`, or the name of the split that a run holds out; `test` for numbers that do not tell."""
    return metrics.get("held_out_split", "test") if protocol == SPLIT else protocol


def _rows(run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for protocol, found in run["protocols"].items():
        for task, each in found["tasks"].items():
            for level in each["levels"].values():
                if "scores" in level:
                    place = {"task": task, "held_out": held_out(run, protocol), "level": level["unit"]}
                    yield place | {name: run[name] for name in FACTS} | _numbers(each, level)


def _numbers(task: Mapping[str, Any], level: Mapping[str, Any]) -> dict[str, Any]:
    metric = task["primary"]
    model = level["scores"]["model"][metric]
    found = {"metric": metric, "subjects": task["counts"]["subjects"]} | {end: model[end] for end in ENDS}
    for source in OTHERS:
        if source in level["scores"]:
            found[source] = level["scores"][source][metric]["value"]
            found[f"beats_{source}"] = level["differences"][source][metric]["better"]
    better = -1 if HIGHER_IS_BETTER[metric] else 1
    return found | {"_order": None if model["value"] is None else better * model["value"]}
