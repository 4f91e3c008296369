"""Bring what the demo's and EEGMAT's classifiers reach into docs/classification.md.

    snakemake results/classification/demo/
    snakemake --config settings=config/local.toml -- results/classification/eegmat/
    python docs/make_classification.py

No number is typed in: docs/classification.json holds the primary scores of the published metrics, and the tables are
made from it.
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from pages import fill
from signal_diffusion.files import read_json, write_json
from signal_diffusion.markdown import table
from signal_diffusion.report.classifier_scores import METRICS, SOURCES, sources_of, words_of
from signal_diffusion.report.scores import interval

DOCS = Path(__file__).resolve().parent
PAGE, KEPT = DOCS / "classification.md", DOCS / "classification.json"
RUNS = ("demo", "eegmat")
Found = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=DOCS.parent / "results", help="folder of the results")
    args = parser.parse_args()
    folders = {name: args.results / "classification" / name for name in RUNS}
    write_json(KEPT, {name: primary(read_json(folder / "metrics.json")) for name, folder in folders.items()})
    for name, text in texts(read_json(KEPT)).items():
        fill(PAGE, name, text)


def texts(kept: Found) -> dict[str, str]:
    """The text between the page's markers, by their names."""
    return {
        "demo": by_task(kept["demo"]),
        "eegmat": by_source(kept["eegmat"]),
        "choices": choices(kept["eegmat"]),
    }


def primary(metrics: Found) -> dict[str, Any]:
    """Of the subjects that were held out in turn: each task's primary score by level and source; and the choices."""
    tasks = {}
    for task, found in metrics["protocols"]["folds"]["tasks"].items():
        metric = found["primary"]
        levels = {
            level["unit"]: {
                "count": level["count"],
                "scores": {source: scores[metric] for source, scores in level["scores"].items()},
                "differences": {source: each[metric] for source, each in level["differences"].items()},
            }
            for level in found["levels"].values()
        }
        tasks[task] = {"metric": metric, "levels": levels}
    chosen = [
        {"chosen": fold["chosen"], "means": {name: each["mean"] for name, each in fold["candidates"].items()}}
        for fold in metrics.get("selection") or []
        if fold["fold"] != "split"
    ]
    return {"tasks": tasks, "selection": chosen}


def by_task(run: Found) -> str:
    """A row for each task, of its people or recordings; a column for each source."""
    rows, sources = [], [name for name in SOURCES if name not in ("chance", "dataset")]
    for task, found in run["tasks"].items():
        level = list(found["levels"])[-1]
        scores = found["levels"][level]["scores"]
        what = f"{task}, {METRICS[found['metric']]} of {level}s"
        rows.append((what, *(interval(scores[source]) for source in sources)))
    return table(("label", *map(words_of, sources)), rows)


def by_source(run: Found) -> str:
    """A row for each source, a column for each level; and how far the model is from the best baseline."""
    [found] = run["tasks"].values()
    levels = found["levels"]
    sources = [name for name in sources_of(list(levels.values())) if name != "chance"]
    rows = [
        (words_of(source), *(interval(level["scores"][source]) for level in levels.values()))
        for source in sources
    ]
    heads = [f"{level['count']:,} {unit}s" for unit, level in levels.items()]
    away = (f"{interval(level['differences']['band_power'])} on {unit}s" for unit, level in levels.items())
    return (
        table((METRICS[found["metric"]], *heads), rows)
        + f"\n\nThe model less band powers: {', '.join(away)}."
    )


def choices(run: Found) -> str:
    """The mean inner score of each candidate over the folds, and how often it was chosen."""
    folds = run["selection"]
    chosen = Counter(fold["chosen"] for fold in folds)
    rows = [
        (f"`{name}`", f"{fmean(fold['means'][name] for fold in folds):.2f}", str(chosen[name]))
        for name in folds[0]["means"]
    ]
    return table(("candidate", "mean", "chosen"), rows)


if __name__ == "__main__":
    main()
