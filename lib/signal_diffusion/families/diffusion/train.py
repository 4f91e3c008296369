"""Training a diffusion run: from a dataset and caption embeddings to one weights file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from signal_diffusion.config import stage_keys
from signal_diffusion.config.diffusion import DiffusionRun, model_module
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.model import Denoiser, build, describe, pixel_statistics
from signal_diffusion.families.diffusion.task import DiffusionTask, caption_rows
from signal_diffusion.families.diffusion.text import load_embeddings
from signal_diffusion.families.diffusion.validation import Validation
from signal_diffusion.files import sha256
from signal_diffusion.fingerprint import fingerprint
from signal_diffusion.training.ema import EmaPlan
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import Plan, train
from signal_diffusion.training.optim import OptimizerPlan, SchedulePlan
from signal_diffusion.training.weights import save_weights

SCRIPT = Path(__file__).resolve().parents[4] / "scripts" / "train_diffusion.py"


def train_run(run: DiffusionRun, dataset: Path, captions: Path | None, out: Path, checkpoints: Path) -> None:
    """Train `run` on the dataset folder `dataset` and write `out`, safetensors that describe themselves.

    captions: embeddings of its captions, for caption runs. out: default model.safetensors in `training.output_dir`.
    checkpoints: folder to go on from and to write to, default `training.resume`, else `checkpoints` beside `out`;
    it stays until the run is published. Beside `out` the loop writes stats.jsonl and TensorBoard events.
    Raises UserError when a subject, recording or window stands in two splits.
    """
    out = out or _default_out(run)
    checkpoints = checkpoints or Path(run.training.resume or out.parent / "checkpoints")
    windows = Windows(dataset, run.dataset.train_split)
    check_dataset(dataset)
    embeddings = _embeddings(run, captions)
    description = describe(run, windows.shape[1:], condition_width(run, embeddings))
    denoiser, process = initial(run, description, windows)
    conditions = caption_rows(windows, embeddings, run.dataset.caption_column)
    validation = _validation(run, process, dataset, windows, conditions, embeddings)
    task = DiffusionTask(run, denoiser, process, windows, conditions, validation)
    identity = _identity(run, dataset, captions)
    with _log(run, out) as log:
        for operation, kernel in denoiser.network.kernels(torch.device(_device())).items():
            log.say(f"{operation}: {kernel}")
        states = train(task, plan(run, len(windows)), checkpoints, identity, log)
    kept = next(states[kind] for kind in ("best", "ema", "model") if kind in states)
    save_weights(out, kept, description)


def initial(run: DiffusionRun, description: Mapping[str, Any], windows: Windows) -> tuple[Denoiser, Any]:
    """The model before its first step: weights from the run's seed, statistics from the training split."""
    torch.manual_seed(run.training.seed)
    denoiser, process = build(description)
    mean, std = pixel_statistics(windows, run.dataset.standardise)
    denoiser.mean.copy_(mean)
    denoiser.std.copy_(std)
    return denoiser, process


def plan(run: DiffusionRun, rows: int) -> Plan:
    """The loop's plan of a run on `rows` training windows."""
    training = run.training
    per_epoch = max(1, rows // (run.dataset.batch_size * training.gradient_accumulation_steps))
    return Plan(
        max_steps=training.max_train_steps or training.epochs * per_epoch,
        accumulation=training.gradient_accumulation_steps,
        clip_norm=training.gradient_clip_norm or None,
        precision=training.mixed_precision,
        seed=training.seed,
        threads=training.threads,
        log_every=training.log_every_steps,
        checkpoint_every=training.checkpoint_interval or 0,
        checkpoint_limit=training.checkpoint_total_limit,
        eval_every=training.eval_num_steps if training.eval_strategy == "steps" else per_epoch,
        initial_eval=training.initial_eval,
        keep=("val/loss", "min") if training.keep == "best" else None,
        patience=training.early_stopping_patience,
        allow_tf32=training.allow_tf32,
        optimizer=OptimizerPlan(
            run.optimizer.name,
            run.optimizer.learning_rate,
            run.optimizer.weight_decay,
            tuple(run.optimizer.betas),
            run.optimizer.eps,
        ),
        schedule=SchedulePlan(run.scheduler.name, run.scheduler.warmup_steps, run.scheduler.kwargs),
        ema=_ema(run),
    )


def condition_width(run: DiffusionRun, embeddings: Mapping[str, np.ndarray] | None) -> int:
    """Width of the caption embeddings, 0 without; UserError when the run says another."""
    found = 0 if embeddings is None else len(next(iter(embeddings.values())))
    wanted = run.model.extras.mapping_cond_dim
    if wanted not in (None, found):
        raise UserError(
            f"{run.path} [model.extras] mapping_cond_dim: found {wanted}, the text encoders give {found}; "
            f"set {found} or remove the key"
        )
    return found


def _default_out(run: DiffusionRun) -> Path:
    if run.training.output_dir is None:
        raise UserError(f"{run.path} [training] output_dir: not set; set it, or give --out")
    return Path(run.training.output_dir) / "model.safetensors"


def _embeddings(run: DiffusionRun, captions: Path | None) -> dict[str, np.ndarray] | None:
    if run.model.conditioning == "none":
        return None
    if captions is None:
        raise UserError(
            f"{run.path} [model] conditioning = caption: give --captions, made by encode_captions.py"
        )
    return load_embeddings(captions)


def _validation(run, process, dataset: Path, train_windows, train_conditions, embeddings) -> Validation:
    split = run.dataset.val_split
    windows = Windows(dataset, split) if split else None
    conditions = caption_rows(windows, embeddings, run.dataset.caption_column) if windows else None
    return Validation(run, process, windows, conditions, train_windows, train_conditions)


def _identity(run: DiffusionRun, dataset: Path, captions: Path | None) -> dict[str, Any]:
    """What the weights depend on, beside the loop's own plan."""
    splits = [run.dataset.train_split] + [run.dataset.val_split] * (run.training.keep == "best")
    return {
        "config": stage_keys(run, "training"),
        "dataset": [sha256(dataset / f"{split}.npy") for split in splits],
        "rows": [sha256(dataset / f"{split}-metadata.csv") for split in splits],
        "captions": sha256(captions) if captions and run.model.conditioning == "caption" else None,
        "code": fingerprint(SCRIPT, (model_module(run.model.name),)),
    }


def _ema(run: DiffusionRun) -> EmaPlan | None:
    t = run.training
    if not t.ema_decay:
        return None
    return EmaPlan(t.ema_decay, t.ema_power, t.ema_inv_gamma, t.ema_update_after_step, t.ema_use_ema_warmup)


def _log(run: DiffusionRun, out: Path) -> RunLog:
    folder = Path(run.logging.log_dir) if run.logging.log_dir else out.parent / "tensorboard"
    name = run.logging.run_name or run.name
    return RunLog(out.parent, folder / name if run.logging.tensorboard else None, name)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
