"""Generating: a synthetic dataset with the labels of a reference split."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.datasets.storage import SPEC, staged_folder, write_split, write_table
from signal_diffusion.diffusion.process import Process
from signal_diffusion.families.diffusion.conditioning import Conditions, chosen
from signal_diffusion.families.diffusion.denoiser import Denoiser
from signal_diffusion.families.diffusion.material import Material
from signal_diffusion.families.diffusion.model import build, told
from signal_diffusion.families.diffusion.sample import draw, sampling_of
from signal_diffusion.families.diffusion.sets import SYNTHETIC
from signal_diffusion.families.diffusion.train import initial
from signal_diffusion.files import write_json
from signal_diffusion.progress import Progress
from signal_diffusion.training.processes import choose_device
from signal_diffusion.training.weights import load_plain, load_weights

INNER, PLAIN_WEIGHTS = "network.inner.", "diffusion_pytorch_model.safetensors"


def load_denoiser(path: Path) -> tuple[Denoiser, Process, dict]:
    """A trained denoiser in eval mode, its process and its description."""
    state, description = load_weights(path)
    if "inner" in description:  # of a folder that plain diffusers opens too
        inner = load_plain(path.parent / description["inner"] / PLAIN_WEIGHTS)
        state |= {f"{INNER}{name}": value for name, value in inner.items()}
    denoiser, process = build(description)
    denoiser.load_state_dict(state)
    return denoiser.eval(), process, description


def generate_run(
    run: DiffusionRun,
    model: Path,
    dataset: Path,
    captions: Path | None,
    out: Path,
    untrained: bool = False,
    latents: Path | None = None,
    vae: str | Path | None = None,
    encoder: str | Path | None = None,
) -> None:
    """Write a dataset folder of `generation.num_samples` windows to `out`, all in its split `synthetic`.

    Labels and captions are those of windows of the reference split, each taken equally often. `untrained` asks
    the same of the model before its first step: what sampler and statistics alone are worth.
    """
    material = Material(run, dataset, captions, latents, vae, encoder)
    reference = material.recorded(run.evaluation.reference_split)
    rows = reference_rows(len(reference), run.generation.num_samples, run.generation.seed)
    denoiser, process, description = load_denoiser(model)
    if untrained:
        denoiser, process = initial(material, description)
    conditions = material.conditions(told(description), reference)
    drawn = _draw(material, denoiser.eval(), process, chosen(conditions, rows))
    with staged_folder(out) as folder:
        digest = write_split(folder / f"{SYNTHETIC}.npy", drawn.shape, [drawn], drawn.dtype)
        write_table(folder / f"{SYNTHETIC}-metadata.csv", synthetic_metadata(reference.metadata.iloc[rows]))
        write_json(folder / SPEC, synthetic_spec(reference.spec, len(drawn), digest, run.name))


def reference_rows(available: int, wanted: int, seed: int) -> np.ndarray:
    """Rows of the reference, int64 [wanted]: whole passes over all, then a seeded choice without replacement."""
    whole = np.tile(np.arange(available), wanted // available)
    rest = np.random.default_rng(seed).choice(available, wanted % available, replace=False)
    return np.concatenate([whole, np.sort(rest)])


def synthetic_metadata(reference: pd.DataFrame) -> pd.DataFrame:
    """Rows of generated images: the reference's labels and captions, and no person."""
    rows = reference.reset_index(drop=True).drop(columns=["weight", "start_s", "file_name"], errors="ignore")
    names = [f"{SYNTHETIC}-{index:06d}" for index in range(len(rows))]
    ages = {"age": rows["age"].astype("Int64")} if "age" in rows else {}
    return rows.assign(
        dataset=SYNTHETIC, subject="", session="", recording=names, window=0, split=SYNTHETIC, **ages
    )


def synthetic_spec(real: dict, count: int, digest: str, run: str) -> dict:
    """dataset.json of a generated set: how to read its images is as for the real one."""
    spec = {key: value for key, value in real.items() if key not in ("counts", "sha256", "refused")}
    counts = {SYNTHETIC: {"windows": count, "recordings": 0, "subjects": 0}}
    return {**spec, "generated_by": run, "counts": counts, "sha256": {SYNTHETIC: digest}}


def _draw(
    material: Material, denoiser: Denoiser, process: Process, conditions: Conditions | None
) -> np.ndarray:
    run = material.run
    torch.set_num_threads(run.training.threads)
    count = run.generation.num_samples
    sampling = sampling_of(run, run.generation.seed, run.generation.batch_size)
    with Progress(count, "generate", "window") as progress:
        model, told_to = denoiser.to(choose_device()), (conditions, range(count), sampling)
        return draw(model, process, *told_to, progress.update, material.decode)
