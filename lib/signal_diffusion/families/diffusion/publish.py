"""The published form of a diffusion run: a model that loads with one call, its samples and its numbers."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.images import IMAGES
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.datasets.views import DecibelView
from signal_diffusion.families.diffusion.baking import plain_usage, publish_baked
from signal_diffusion.families.diffusion.conditioning import class_word
from signal_diffusion.families.diffusion.latents import SUBFOLDER
from signal_diffusion.families.diffusion.material import Material
from signal_diffusion.families.diffusion.pipeline import DESCRIPTION, TEXT, WEIGHTS
from signal_diffusion.families.diffusion.pretrained import PARTS
from signal_diffusion.families.diffusion.sample import sampling_of
from signal_diffusion.families.diffusion.sets import SYNTHETIC
from signal_diffusion.families.diffusion.text import SUBFOLDERS
from signal_diffusion.files import write_json

SHOWN_SAMPLES = 16
USAGE = """from signal_diffusion import Pipeline

pipeline = Pipeline.from_pretrained("{folder}")
generated = pipeline({prompt}num_images_per_prompt=4, seed=0)
generated.images        # {images}
generated.decibels()    # float32 [4, {electrodes} electrodes, {resolution} frequencies, {frames} frames]
generated.waveforms()   # float32 [4, {electrodes} electrodes, {samples} samples] in microvolts"""


def publish_model(
    run: DiffusionRun,
    dataset: Path,
    encoder: str | None,
    model: Path,
    out: Path,
    vae: str | Path | None = None,
) -> None:
    """Write the folder that `Pipeline.from_pretrained` reads; a VAE, and text encoders of a folder, travel with it."""
    out.mkdir(parents=True)
    material, prompts = Material(run, dataset, vae=vae), None
    local = encoder is not None and Path(encoder).is_dir()
    if run.model.name in PARTS:
        prompts = publish_baked(run, model, encoder, material.space, out)
    else:
        _publish_parts(model, encoder if local else None, material, out)
    write_json(
        out / DESCRIPTION,
        {
            "sampling": asdict(sampling_of(run)),
            "spec": material.view.spec,
            "text_encoder": None if local else encoder,
            "vae": None if vae is None else str(vae),
            "vae_tiling": run.model.vae_tiling,
            "prompts": prompts,
        },
    )


def _publish_parts(model: Path, encoder: str | None, material: Material, out: Path) -> None:
    shutil.copyfile(model, out / WEIGHTS)
    for name in SUBFOLDERS if encoder is not None else ():
        shutil.copytree(Path(encoder) / name, out / TEXT / name)
    if material.space is not None:
        material.space.save(out / SUBFOLDER)


def publish_samples(view: DecibelView, synthetic: Path, out: Path) -> None:
    """The synthetic dataset, and its first windows as PNG named by number with their captions in captions.txt.

    Images of three planes are shown as colours, time series by their decibels.
    """
    shutil.copytree(synthetic, out / "dataset", ignore=shutil.ignore_patterns(".*"))
    windows = Windows(synthetic, SYNTHETIC)
    rows = np.linspace(0, len(windows) - 1, min(SHOWN_SAMPLES, len(windows))).round().astype(np.int64)
    array = windows.array(rows)
    shown = array if array.ndim == 4 else view.images(array)
    for row, image in zip(rows, shown, strict=True):
        Image.fromarray(np.squeeze(np.moveaxis(image, 0, -1))).save(out / f"{row:06d}.png")
    captions = windows.metadata["text"].iloc[rows] if "text" in windows.metadata else [""] * len(rows)
    lines = [f"{row:06d}.png\t{caption}\n" for row, caption in zip(rows, captions, strict=True)]
    (out / "captions.txt").write_text("".join(lines), encoding="utf-8")


def usage(run: DiffusionRun, dataset: Path, view: DecibelView, folder: str, model: Path) -> str:
    """Python that loads the published model, which lies in `model`, and generates; with diffusers where that can."""
    caption = Windows(dataset, run.evaluation.reference_split).metadata.get("text", [""])[0]
    plain = plain_usage(run, model, folder, _quoted(caption), run.dataset.resolution)
    return f"{_own_usage(run, dataset, view, folder)}{plain}"


def _own_usage(run: DiffusionRun, dataset: Path, view: DecibelView, folder: str) -> str:
    reference, spec = Windows(dataset, run.evaluation.reference_split), view.spec
    shape = ", ".join(map(str, reference.shape[1:]))
    dtype = "uint8" if len(reference.shape) == 4 else "z-scores, float32"
    told = {"folder": folder, "prompt": _prompt(run, reference.metadata.iloc[0])}
    if spec["representation"] == IMAGES:
        return "\n".join(USAGE.splitlines()[:5]).format(**told, images=f"{dtype} [4, {shape}]")
    return USAGE.format(
        **told,
        images=f"{dtype} [4, {shape}]",
        resolution=spec["resolution"],
        electrodes=len(spec["channels"]),
        frames=spec["frames"],
        samples=spec["nsamps"],
    )


def _prompt(run: DiffusionRun, row: pd.Series) -> str:
    """What the row's window would be asked for with, as the first argument of a call."""
    if run.model.conditioning == "none":
        return ""
    if run.model.conditioning == "caption":
        return f"{_quoted(row[run.dataset.caption_column])}, "
    if run.model.conditioning == "classes":
        return f"{_quoted(class_word(row.to_dict(), run.dataset.class_column))}, "
    labels = {name: row[name] for name in ("gender", "health") if row.get(name)}
    years = {"age": int(row["age"])} if pd.notna(row.get("age")) else {}
    return f"{_quoted(labels | years)}, "


def _quoted(words: str | dict[str, str | int]) -> str:
    """As Python and JSON both write it, whatever quotes and line ends a caption of an image has."""
    return json.dumps(words, ensure_ascii=False)
