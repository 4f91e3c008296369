"""Training a diffusion run: from a dataset and caption embeddings to one weights file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from signal_diffusion.config import stage_keys
from signal_diffusion.config.diffusion import DiffusionRun, model_module
from signal_diffusion.config.training import Training
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.families.diffusion.denoiser import Denoiser, statistics
from signal_diffusion.families.diffusion.material import Material
from signal_diffusion.families.diffusion.model import build, describe
from signal_diffusion.families.diffusion.pretrained import encoder_digests, pretrained_digests, start_from
from signal_diffusion.families.diffusion.task import DiffusionTask
from signal_diffusion.families.diffusion.validation import Validation
from signal_diffusion.files import sha256, write_json
from signal_diffusion.fingerprint import fingerprint
from signal_diffusion.training.ema import EmaPlan
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import Plan, train
from signal_diffusion.training.optim import OptimizerPlan, SchedulePlan
from signal_diffusion.training.processes import choose_device
from signal_diffusion.training.trackers import MlFlow, Tracker, WeightsAndBiases
from signal_diffusion.training.weights import save_weights, weights_path

SCRIPT = Path(__file__).resolve().parents[4] / "scripts" / "train_diffusion.py"
KERNELS = "kernels.json"


def train_run(
    run: DiffusionRun,
    dataset: Path,
    captions: Path | None,
    out: Path,
    checkpoints: Path,
    latents: Path | None = None,
    vae: str | Path | None = None,
    encoder: str | Path | None = None,
) -> None:
    """Train `run` on the dataset folder `dataset` and write `out`, safetensors that describe themselves.

    captions: embeddings of its captions, for caption runs; latents, vae: its latents and what made them, for runs in
    latent space; encoder: text encoders that are to train start from it. out: default model.safetensors in
    `training.output_dir`. checkpoints: folder to go on from and to write to, default `training.resume`, else
    `checkpoints` beside `out`; it stays until the run is published. Beside `out` lie kernels.json, and the loop's
    stats.jsonl and TensorBoard events. Raises UserError when a subject,
    recording or window stands in two splits.
    """
    out = out or weights_path(run)
    checkpoints = checkpoints or Path(run.training.resume or out.parent / "checkpoints")
    material = Material(run, dataset, captions, latents, vae, encoder)
    windows = material.windows(run.dataset.train_split)
    check_dataset(dataset)
    conditioning = material.conditioning(windows)
    description = describe(run, windows, conditioning)
    denoiser, process = initial(material, description)
    validation = Validation(material, process, conditioning)
    conditions = material.conditions(conditioning, windows)
    task = DiffusionTask(run, denoiser, process, windows, conditions, validation)
    with _log(run, out) as log:
        _tell_kernels(denoiser, log, out.with_name(KERNELS))
        states = train(task, plan(run, task.rows), checkpoints, _identity(material), log)
    kept = next(states[kind] for kind in ("best", "ema", "model") if kind in states)
    for name in (kind for kind in states if kind.startswith("best-")):
        save_weights(out.with_name(f"{name}.safetensors"), states[name], description)
    save_weights(out, kept, description)


def _tell_kernels(denoiser: Denoiser, log: RunLog, path: Path) -> None:
    """What computes here: said in the log, and kept for the card."""
    device = choose_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    found = {"device": name, **denoiser.network.kernels(device)}
    for operation, kernel in found.items():
        log.say(f"{operation}: {kernel}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, found)


def initial(material: Material, description: Mapping[str, Any]) -> tuple[Denoiser, Any]:
    """The model before its first step: weights from the run's seed, statistics from the training split."""
    run = material.run
    torch.manual_seed(run.training.seed)
    denoiser, process = build(description)
    mean, std = statistics(material.windows(run.dataset.train_split), run.dataset.standardise)
    denoiser.mean.copy_(mean)
    denoiser.std.copy_(std)
    start_from(denoiser, material)
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
        keep=_keep(training),
        keep_count=training.max_best_checkpoints,
        patience=training.early_stopping_patience,
        allow_tf32=training.allow_tf32,
        gradient_checkpointing=training.gradient_checkpointing,
        compile_model=training.compile_model,
        compile_mode=training.compile_mode,
        optimizer=OptimizerPlan.of(run.optimizer),
        schedule=SchedulePlan.of(run.scheduler),
        ema=_ema(run),
    )


def _identity(material: Material) -> dict[str, Any]:
    """What the weights depend on, beside the loop's own plan."""
    run, captions = material.run, material.captions
    splits = [run.dataset.train_split] + [run.dataset.val_split] * (run.training.keep == "best")
    folder = material.windows(run.dataset.train_split).folder
    return {
        "config": stage_keys(run, "training"),
        "dataset": [sha256(folder / f"{split}.npy") for split in splits],
        "rows": [sha256(folder / f"{split}-metadata.csv") for split in splits],
        "captions": sha256(captions) if captions and run.model.conditioning == "caption" else None,
        "pretrained": pretrained_digests(run),
        "encoder": encoder_digests(material),
        "code": fingerprint(SCRIPT, (model_module(run.model.name),)),
    }


def _keep(training: Training) -> tuple[str, Literal["min", "max"]] | None:
    if training.keep == "last":
        return None
    return training.keep_score, "min" if training.keep_better == "lower" else "max"


def _trackers(run: DiffusionRun) -> list[Tracker]:
    logging, name, config = run.logging, run.logging.run_name or run.name, stage_keys(run, "training")
    found: list[Tracker] = []
    if logging.wandb_project:
        found.append(WeightsAndBiases(logging.wandb_project, name, config, logging.wandb_entity))
    if logging.mlflow_experiment:
        found.append(MlFlow(logging.mlflow_experiment, name, config))
    return found


def _ema(run: DiffusionRun) -> EmaPlan | None:
    t = run.training
    if not t.ema_decay:
        return None
    return EmaPlan(t.ema_decay, t.ema_power, t.ema_inv_gamma, t.ema_update_after_step, t.ema_use_ema_warmup)


def _log(run: DiffusionRun, out: Path) -> RunLog:
    folder = Path(run.logging.log_dir) if run.logging.log_dir else out.parent / "tensorboard"
    name = run.logging.run_name or run.name
    tensorboard = folder / name if run.logging.tensorboard else None
    return RunLog(out.parent, tensorboard, name, trackers=_trackers(run))
