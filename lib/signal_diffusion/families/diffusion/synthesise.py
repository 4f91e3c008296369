"""Synthetic datasets: windows that a published model draws for chosen conditions, as a dataset folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.synthetic import SyntheticGeneration, SyntheticSet
from signal_diffusion.datasets.splits import SPLITS
from signal_diffusion.datasets.storage import NOT_LABELS, Windows
from signal_diffusion.datasets.synthetic import Part, write_synthetic
from signal_diffusion.families.diffusion.pipeline import Pipeline
from signal_diffusion.families.diffusion.requests import Prompt, prompts_of, requested_rows
from signal_diffusion.families.diffusion.sets import SYNTHETIC
from signal_diffusion.progress import Progress
from signal_diffusion.training.processes import choose_device

CHUNK = 256


def generate_synthetic_dataset(
    synthetic: SyntheticSet, recipe: Recipe, model: Path, dataset: Path, threads: int, out: Path
) -> None:
    """Write the dataset folder `out`: synthetic training windows of the published folder `model`, and real ones.

    dataset: the folder that the model was trained on, whose recipe is given. Window i depends on the seed, i and its
    condition alone.
    """
    torch.set_num_threads(threads)
    pipeline = Pipeline.from_pretrained(model, choose_device())
    real = {split: Windows(dataset, split) for split in SPLITS}
    labels = [name for name in real["train"].metadata if name not in NOT_LABELS]
    rows = requested_rows(
        synthetic,
        real[synthetic.conditions.split].metadata,
        labels,
        pipeline.conditioning,
        recipe,
        real["train"].spec["representation"],
    )
    drawn = np.concatenate(list(_drawn(pipeline, prompts_of(rows, pipeline.conditioning), synthetic)))
    part = Part(drawn, _named(rows))
    write_synthetic(out, synthetic, part, real, labels, _source(pipeline, model, synthetic.generation))


def _drawn(pipeline: Pipeline, prompts: Sequence[Prompt], synthetic: SyntheticSet) -> Iterator[np.ndarray]:
    """Windows of the prompts, some hundred at a time, each time from a seed of its own."""
    wanted = synthetic.generation
    with Progress(len(prompts), "generate", "window") as progress:
        for place, first in enumerate(range(0, len(prompts), CHUNK)):
            [seed] = np.random.SeedSequence([wanted.seed, place]).generate_state(1)
            part = prompts[first : first + CHUNK]
            told = {"guidance_scale": wanted.cfg_scale, "num_inference_steps": wanted.denoising_steps}
            yield pipeline(part, seed=int(seed), **told).images
            progress.update(len(part))


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    """Each window is somebody of its own, and nobody: no window is told to be of the person of another."""
    names = [f"{SYNTHETIC}-{index:06d}" for index in range(len(rows))]
    ids = {"dataset": SYNTHETIC, "subject": names, "session": "", "recording": names}
    return rows.assign(**ids, window=0, start_s=0.0, split="train", weight=1.0)


def _source(pipeline: Pipeline, model: Path, wanted: SyntheticGeneration) -> dict[str, Any]:
    """The model and how it was sampled, which is as the set says, else as the run does."""
    sampling = pipeline.sampling
    scale = sampling.scale if wanted.cfg_scale is None else wanted.cfg_scale
    return {
        "model": model.name,
        "conditioning": pipeline.conditioning.kind,
        "solver": sampling.solver,
        "steps": wanted.denoising_steps or sampling.steps,
        "guidance": scale,
    }
