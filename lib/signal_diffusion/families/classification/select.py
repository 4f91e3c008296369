"""Choosing a configuration for a fold by inner folds of the subjects that it trains on, and by nothing else."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from signal_diffusion.config import located
from signal_diffusion.config.candidates import candidate_run
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.classification_evaluation import SPLIT, TRUE
from signal_diffusion.datasets.pool import Part, Pool
from signal_diffusion.families.classification import scores
from signal_diffusion.families.classification.prediction import predict_windows, rows_of
from signal_diffusion.families.classification.sample import held_out, sample
from signal_diffusion.families.classification.targets import codes_of
from signal_diffusion.families.classification.train import SCORE, identity, kept, make_task, plan
from signal_diffusion.files import write_json
from signal_diffusion.training.checkpoints import discard
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import train
from signal_diffusion.training.numerics import numerics


def select_fold(
    run: ClassificationRun, dataset: Path, out: Path, fold: str = SPLIT, work: Path | None = None
) -> None:
    """Train every candidate of `run` on the inner folds of `fold`, and write to `out` (JSON) which one is best.

    `chosen` has the highest mean score, the first of equals; `candidates` tells the scores of each, one per inner fold
    (`families.classification.scores`: 1 for what is perfect, 0 for guessing). work: folder for checkpoints, default
    `selecting` beside `out`; stopped, the same call goes on from there, and it goes when the choice is made.
    """
    work = work or out.parent / "selecting"
    candidates = run.selection.candidates
    tried = {name: _scores(run, name, dataset, fold, work / name) for name in candidates}
    told = {
        name: {"scores": found, "mean": float(np.mean(found)), "differs": candidates[name]}
        for name, found in tried.items()
    }
    best = max(told, key=lambda name: told[name]["mean"])
    people = held_out(sample(run, dataset, fold, TRUE).test)
    found = {"fold": fold, "held_out": people, "score": SCORE, "chosen": best, "candidates": told}
    write_json(out, found)
    for folder in sorted(work.glob("*/*/checkpoints")):
        discard(folder)
    shutil.rmtree(work)


def _scores(run: ClassificationRun, name: str, dataset: Path, fold: str, work: Path) -> list[float]:
    inner = range(1, run.selection.inner_folds + 1)
    candidate = candidate_run(run, name)
    candidate.fill(selection=run.selection.model_copy(update={"candidates": {}}))
    return [_score(candidate, dataset, fold, number, work / f"inner-{number}") for number in inner]


def _score(run: ClassificationRun, dataset: Path, fold: str, number: int, work: Path) -> float:
    """`scores.evaluate` of one candidate on the subjects of one inner fold."""
    task, description = make_task(run, dataset, fold, TRUE, number)
    groups = [number, run.selection.inner_folds, run.selection.seed]
    key: dict[str, Any] = identity(run, dataset, fold, TRUE) | {"inner": groups}
    with RunLog(work, label=f"{work.parent.name} {work.name}") as log:
        states = train(task, plan(run, task.rows), work / "checkpoints", key, log)
    net = task.model.cpu()
    net.load_state_dict(kept(run, states)["model"])
    pool = Pool(dataset)
    part = Part(pool, rows_of(pool, description["held_out"]))
    with numerics(run.training.threads, allow_tf32=False):
        answers = predict_windows(net.eval(), part)
    codes = codes_of(part.metadata, run.dataset.tasks)
    found = scores.evaluate(net.targets, answers, codes, task.guesses)
    if "score" not in found:
        message = f"those whom inner fold {number} of {fold} holds out have one class of every task, or none; set fewer"
        raise located(run.path, "selection.inner_folds", message)
    return found["score"]
