"""Judging a classification run: its predictions beside nulls and baselines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.datasets.pool import Pool
from signal_diffusion.files import read_json, write_json
from signal_diffusion.metrics.classification.baselines import Material, fit_baselines
from signal_diffusion.metrics.classification.evaluation import Resampling, evaluate
from signal_diffusion.metrics.classification.events import is_event_task, read_references, score_events
from signal_diffusion.metrics.classification.tables import (
    Predictions,
    protocols,
    read_predictions,
    write_predictions,
)

SHUFFLED = "shuffled"
CHOSEN = "chosen by inner folds"
FITS = "fits.json"


def fit_run_baselines(run: ClassificationRun, dataset: Path, tables: Sequence[Path], out: Path) -> None:
    """Write `out`/{protocol}/{baseline}.csv, prediction tables of the run's baselines, and `out`/fits.json."""
    material = Material(Pool(dataset))
    told = {}
    for protocol, paths in protocols(tables).items():
        predictions = read_predictions(paths)
        found, told[protocol] = fit_baselines(
            material, predictions, run.evaluation.baselines, run.evaluation.seed
        )
        for name, each in found.items():
            write_predictions(out / protocol / f"{name}.csv", each)
    write_json(out / FITS, told)


def evaluate_run(
    run: ClassificationRun,
    dataset: Path,
    tables: Sequence[Path],
    shuffled: Sequence[Path],
    baselines: Path,
    occlusion: Path | None,
    indexes: Sequence[Path],
    out: Path,
    selections: Sequence[Path] = (),
    beside: Sequence[Path] = (),
) -> None:
    """Write metrics.json to `out`: scores by protocol, task, level and source.

    `shuffled` are the tables of the run on permuted labels, `baselines` the folder of `fit_run_baselines`, `occlusion`
    the file of `occlude_run`, `indexes` the tables of recordings, whose events the event scores are held against,
    `selections` the files of `select_fold`, `beside` tables of other runs, RUN/LABELS/FOLD/predictions.csv.
    """
    pool, fits = Pool(dataset), read_json(baselines / FITS)
    nulls = protocols(shuffled) if shuffled else {}
    found = {}
    for protocol, paths in protocols(tables).items():
        predictions = read_predictions(paths)
        others = {SHUFFLED: read_predictions(nulls[protocol])} if protocol in nulls else {}
        others |= {
            path.stem: read_predictions([path]) for path in sorted((baselines / protocol).glob("*.csv"))
        }
        others |= {name: read_predictions(each[protocol]) for name, each in _by_run(beside).items()}
        found[protocol] = _protocol(run, pool, predictions, others, fits[protocol], indexes)
    facts = _facts(run, pool) | {"held_out_split": run.dataset.held_out_split}
    metrics = {"run": run.name, **facts, "protocols": found}
    if selections:
        metrics["selection"] = [read_json(path) for path in selections]
    if occlusion:
        metrics["occlusion"] = read_json(occlusion)
    write_json(out, metrics)


def _protocol(
    run: ClassificationRun,
    pool: Pool,
    predictions: Predictions,
    others: Mapping[str, Predictions],
    fits: Mapping[str, Any],
    indexes: Sequence[Path],
) -> dict[str, Any]:
    resampling = Resampling(run.evaluation.bootstrap, run.evaluation.seed)
    found = evaluate(predictions, others, fits["absent"], resampling)
    places = Material(pool).places(predictions.rows)
    starts = pool.metadata["start_s"].to_numpy(np.float64)[places]
    seconds = pool.spec["nsamps"] / pool.spec["fs"]
    for task, answers in predictions.tasks.items():
        if is_event_task(answers):
            references = _references(indexes, answers.classes[1])
            arguments = (predictions.rows, answers, starts, seconds, references)
            found["tasks"][task]["events"] = score_events(*arguments, resampling.replicates, resampling.seed)
    return found | {"fits": fits["fits"]}


def _by_run(tables: Sequence[Path]) -> dict[str, dict[str, list[Path]]]:
    """Tables by run and protocol."""
    by_run: dict[str, list[Path]] = {}
    for path in tables:
        by_run.setdefault(path.parents[2].name, []).append(path)
    return {name: protocols(paths) for name, paths in by_run.items()}


def _facts(run: ClassificationRun, pool: Pool) -> dict[str, Any]:
    return {
        "recipe": pool.spec["recipe"],
        "representation": pool.spec["representation"],
        "backbone": CHOSEN if run.selection.candidates else run.model.backbone,
    }


def _references(indexes: Sequence[Path], kind: str):
    """Reference events of the indexes that have any; None where none has."""
    found = {}
    for path in indexes:
        index = pd.read_csv(path, dtype=str, keep_default_na=False)
        if "events" in index.columns:
            found |= read_references(index, kind)
    return found or None
