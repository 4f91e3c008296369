"""Training a classification run: one split or fold of a dataset to one weights file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from signal_diffusion.config import stage_keys
from signal_diffusion.config.candidates import candidate_run
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.classification_evaluation import SPLIT, TRUE
from signal_diffusion.config.unread import unread_by_fold
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.splits import SPLITS
from signal_diffusion.families.classification.model import describe, initial
from signal_diffusion.families.classification.sample import held_out, sample
from signal_diffusion.families.classification.summary import write_summary
from signal_diffusion.families.classification.targets import targets_of
from signal_diffusion.families.classification.task import ClassificationTask
from signal_diffusion.files import read_json, sha256
from signal_diffusion.fingerprint import fingerprint
from signal_diffusion.models.backbones import module_of
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import train
from signal_diffusion.training.numerics import numerics
from signal_diffusion.training.optim import OptimizerPlan, SchedulePlan
from signal_diffusion.training.plan import Plan, SwaPlan
from signal_diffusion.training.trackers import WeightsAndBiases
from signal_diffusion.training.weights import save_weights, weights_path

SCRIPT = Path(__file__).resolve().parents[4] / "scripts" / "train_classifier.py"
SCORE = "val/score"


def train_fold(
    run: ClassificationRun,
    dataset: Path,
    out: Path | None = None,
    checkpoints: Path | None = None,
    fold: str = SPLIT,
    labels: str = TRUE,
    selection: Path | None = None,
) -> None:
    """Train `run` on the dataset folder `dataset` and write `out`, safetensors that describe themselves.

    fold: "split" (the dataset's own splits) or a fold's name, which takes the subjects of all splits. labels: "true",
    or "shuffled" ones, permuted between subjects within the training part (and within the part that chooses
    weights). out: default model.safetensors in `training.output_dir`. checkpoints: folder to go on from and to write
    to, default `checkpoints` beside `out`; it stays until the run is published. selection: the file of
    `select.select_fold`, which says which candidate to train. Beside `out` the loop writes stats.jsonl and TensorBoard
    events. Raises UserError when splits leak into each other.
    """
    out = out or weights_path(run)
    run, chosen = _chosen(run, selection)
    task, description = make_task(run, dataset, fold, labels)
    description |= {"candidate": chosen}
    if not description["held_out"] and fold != SPLIT:
        print(f"{fold} holds out nobody, for a subject had no usable window; nothing is trained")
        save_weights(out, task.model.state_dict(), description)
        return
    with _log(run, out) as log:
        key = identity(run, dataset, fold, labels)
        states = train(task, plan(run, task.rows), checkpoints or out.parent / "checkpoints", key, log)
    for name, state in kept(run, states).items():
        save_weights(out.with_name(f"{name}.safetensors") if name != "model" else out, state, description)
    if run.training.metrics_summary_path:
        write_summary(out.parent / "stats.jsonl", Path(run.training.metrics_summary_path))


def make_task(
    run: ClassificationRun, dataset: Path, fold: str, labels: str, inner: int = 0
) -> tuple[ClassificationTask, dict[str, Any]]:
    """The task of a split or fold, or of an inner fold of it (from 1), with fresh weights, and the description of its
    model; errors as `train_fold`."""
    check_dataset(dataset)
    seen = sample(run, dataset, fold, labels, inner)
    description = describe(run, seen.train, targets_of(seen.codes)) | {"held_out": held_out(seen.test)}
    weighted = fold == SPLIT and run.dataset.weighted and run.dataset.shuffle
    weights = seen.train.metadata["weight"].to_numpy() if weighted else None
    # Features are measured here, and threads are part of their numbers.
    with numerics(run.training.threads, allow_tf32=False):
        net = initial(description, seen.train, run.training.seed)
        task = ClassificationTask(run, net, seen.train, seen.codes, weights, seen.val, seen.val_codes)
    return task, description


def _chosen(run: ClassificationRun, selection: Path | None) -> tuple[ClassificationRun, str | None]:
    if selection is None:
        return run, None
    name = read_json(selection)["chosen"]
    return candidate_run(run, name), name


def plan(run: ClassificationRun, rows: int) -> Plan:
    """The loop's plan of a run on `rows` training windows."""
    training = run.training
    per_epoch = max(1, round(rows / run.dataset.batch_size))
    steps = training.epochs * per_epoch
    return Plan(
        max_steps=steps if training.max_steps < 0 else min(steps, training.max_steps),
        clip_norm=training.clip_grad_norm or None,
        precision="bf16" if training.use_amp else "no",
        seed=training.seed,
        threads=training.threads,
        device=training.device,
        log_every=training.log_every_batches,
        checkpoint_every=_every(training.checkpoint_strategy, training.checkpoint_steps, per_epoch),
        checkpoint_limit=training.checkpoint_total_limit,
        eval_every=_every(training.eval_strategy, training.eval_steps, per_epoch),
        keep=(SCORE, "max") if training.selects else None,
        keep_count=training.max_best_checkpoints,
        patience=training.early_stopping_patience if training.early_stopping else 0,
        compile_model=training.compile_model,
        compile_mode=training.compile_mode,
        optimizer=OptimizerPlan.of(run.optimizer),
        schedule=SchedulePlan.of(run.scheduler),
        swa=_swa(run, per_epoch),
    )


def kept(run: ClassificationRun, states: Mapping[str, dict[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """Weights by the name of their file: the averaged ones, else the best or last; and the next best."""
    wanted = ("swa", "best", "model") if run.training.keep == "best" else ("swa", "model")
    final = next(states[kind] for kind in wanted if kind in states)
    others = {kind: state for kind, state in states.items() if kind.startswith("best-")}
    return {"model": final, **others}


def _swa(run: ClassificationRun, per_epoch: int) -> SwaPlan | None:
    training = run.training
    if not training.swa_enabled:
        return None
    return SwaPlan.of_epochs(training.epochs, per_epoch, training.swa_extra_ratio, training.swa_lr_frac)


def _every(strategy: str, steps: int | None, per_epoch: int) -> int:
    return {"epoch": per_epoch, "steps": steps or 0, "none": 0}[strategy]


def identity(run: ClassificationRun, dataset: Path, fold: str, labels: str) -> dict[str, Any]:
    """What the weights depend on, beside the loop's own plan."""
    keys, without = stage_keys(run, "training"), unread_by_fold(fold)
    return {
        "config": {key: value for key, value in keys.items() if key not in without},
        "dataset": [sha256(dataset / f"{split}.npy") for split in SPLITS],
        "rows": [sha256(dataset / f"{split}-metadata.csv") for split in SPLITS],
        "fold": fold,
        "labels": labels,
        "code": fingerprint(SCRIPT, (module_of(run.model.backbone),)),
    }


def _log(run: ClassificationRun, out: Path) -> RunLog:
    training = run.training
    folder = Path(training.log_dir) if training.log_dir else out.parent / "tensorboard"
    tensorboard = folder / training.run_name if training.tensorboard else None
    return RunLog(out.parent, tensorboard, training.run_name, trackers=_trackers(run))


def _trackers(run: ClassificationRun) -> list[WeightsAndBiases]:
    training = run.training
    if training.wandb_project is None:
        return []
    config = stage_keys(run, "training")
    given = training.wandb_project, training.run_name, config, training.wandb_entity, training.wandb_tags
    return [WeightsAndBiases(*given)]
