"""The published form of a diffusion run: a model that loads with one call, its samples and its numbers."""

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.datasets.storage import Windows, read_spec
from signal_diffusion.families.diffusion.generate import SYNTHETIC
from signal_diffusion.families.diffusion.pipeline import DESCRIPTION, TEXT, WEIGHTS
from signal_diffusion.families.diffusion.sample import sampling_of
from signal_diffusion.families.diffusion.text import SUBFOLDERS
from signal_diffusion.files import write_json

SHOWN_SAMPLES = 16
USAGE = """from signal_diffusion import Pipeline

pipeline = Pipeline.load("{folder}")
generated = pipeline.generate({prompt}n=4, seed=0)
generated.images        # uint8 [4, 1, {resolution}, {resolution}]
generated.decibels()    # float32 [4, {electrodes} electrodes, {resolution} frequencies, {frames} frames]"""


def publish_model(run: DiffusionRun, dataset: Path, encoder: str | None, model: Path, out: Path) -> None:
    """Write the folder that `Pipeline.load` reads; text encoders of a local folder travel with it."""
    out.mkdir(parents=True)
    shutil.copyfile(model, out / WEIGHTS)
    local = encoder is not None and Path(encoder).is_dir()
    if local:
        for name in SUBFOLDERS:
            shutil.copytree(Path(encoder) / name, out / TEXT / name)
    write_json(
        out / DESCRIPTION,
        {
            "sampling": asdict(sampling_of(run)),
            "spec": read_spec(dataset),
            "text_encoder": None if local else encoder,
        },
    )


def publish_samples(synthetic: Path, out: Path) -> None:
    """The synthetic dataset, and its first images as PNG named by number with their captions in captions.txt."""
    shutil.copytree(synthetic, out / "dataset", ignore=shutil.ignore_patterns(".*"))
    windows = Windows(synthetic, SYNTHETIC)
    rows = np.linspace(0, len(windows) - 1, min(SHOWN_SAMPLES, len(windows))).round().astype(np.int64)
    for row, image in zip(rows, windows.images(rows), strict=True):
        Image.fromarray(image[0]).save(out / f"{row:06d}.png")
    captions = windows.metadata["text"].iloc[rows] if "text" in windows.metadata else [""] * len(rows)
    lines = [f"{row:06d}.png\t{caption}\n" for row, caption in zip(rows, captions, strict=True)]
    (out / "captions.txt").write_text("".join(lines), encoding="utf-8")


def usage(run: DiffusionRun, dataset: Path, folder: str) -> str:
    """Python that loads the published model and generates."""
    spec = read_spec(dataset)
    captions = Windows(dataset, run.evaluation.reference_split).metadata.get("text")
    prompt = f'"{captions.iloc[0]}", ' if run.model.conditioning == "caption" else ""
    return USAGE.format(
        folder=folder,
        prompt=prompt,
        resolution=spec["resolution"],
        electrodes=len(spec["channels"]),
        frames=spec["frames"],
    )
