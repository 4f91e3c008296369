"""A tiny project in which every cell of the diffusion matrix runs: recipe, datasets, captions, a VAE, runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from signal_diffusion.config import check_run, load_recipe, load_run
from signal_diffusion.config.diffusion import EXTRAS, DiffusionRun
from signal_diffusion.config.support import Vae
from signal_diffusion.families.diffusion.latents import LatentSpace, encode_latents
from signal_diffusion.families.support.vae import network
from signal_diffusion.files import save_tensors, sha256, write_json
from signal_diffusion.signals.encoding import Encoder
from signal_diffusion.signals.representations import PLANES, spectrogram_windows
from signal_diffusion.signals.transforms import described, make_transform

CHANNELS, RESOLUTION, SAMPLES = ["C3", "Cz", "C4"], 16, 64
SUBJECTS, WINDOWS = {"train": 8, "val": 2, "test": 8}, 4
SAID = ["", "a subject at arithmetic", "a subject at rest"]
CAPTION_WIDTH = 12
# How the Stable Diffusion networks have captions of that width: tokens and widths of words, and pooled.
PACKED = {
    "stable-diffusion": {"blocks": [[3, 4]], "pooled": 0, "towers": None},
    "stable-diffusion-35": {"blocks": [[2, 4], [1, 0]], "pooled": 4, "towers": None},
}
RECIPE = f"""
[recipe]
datasets = ["demo"]
[channels]
set = {CHANNELS}
[signal]
fs = 32.0
nsamps = {SAMPLES}
[spectrogram]
resolution = {RESOLUTION}
window = 16
bins = "linear"
fmin = 1.0
[captions]
fields = ["activity"]
"""
RUN = """
[settings]
trainer = "diffusion"
[data]
output_type = "{output}"
data_type = "{data}"
[dataset]
name = "tiny"
batch_size = 4
resolution = 16
{dataset}
[model]
name = "{model}"
conditioning = "{conditioning}"
[model.extras]
{extras}
[objective]
prediction_type = "{prediction}"
noise_schedule = "{schedule}"
[training]
threads = 1
max_train_steps = {steps}
mixed_precision = "no"
ema_decay = 0.5
ema_update_after_step = 0
log_every_steps = 1
initial_eval = false
[inference]
denoising_steps = 2
{inference}
[generation]
num_samples = {samples}
batch_size = 4
[evaluation]
bootstrap = 2
"""
# What makes a network small, for those that have the key.
SMALL: dict[str, Any] = {
    "widths": [16],
    "depths": [1],
    "self_attns": '[{ type = "global", d_head = 8 }]',
    "mapping_width": 16,
    "num_layers": 1,
    "num_attention_heads": 2,
    "attention_head_dim": 8,
    "d_state": 2,
}


class World:
    """Files under `root`, which is the project's folder; datasets and what is made of them, each made once."""

    def __init__(self, root: Path):
        self.root, self._made = root, {}
        self._write("config/default.toml", '[data]\nroot = "../data"\noutput_root = "../work"\n')
        self._write("config/dataset/tiny.toml", RECIPE)
        self.recipe = load_recipe(root / "config/dataset/tiny.toml")
        vectors = np.random.default_rng(1).normal(size=(3, CAPTION_WIDTH)).astype(np.float32)
        self.embeddings = dict(zip(SAID, vectors, strict=True))
        for name, text in {"pooled": None, **PACKED}.items():
            save_tensors(
                root / f"{name}.safetensors", {"embeddings": vectors}, {"captions": SAID, "text": text}
            )

    def run(self, name: str, **cell: Any) -> DiffusionRun:
        """A run of the given cell, held against the recipe as the dry run does it."""
        path = self._write(f"config/diffusion/{name}.toml", RUN.format(**_values(**cell)))
        run = load_run(path)
        check_run(run, self.recipe)
        return run

    def read_by(self, run: DiffusionRun) -> dict[str, Any]:
        """Arguments of the stages: dataset, captions, latents and VAE of a run."""
        kind = run.data.data_type if run.data.data_type == "timeseries" else run.data.output_type
        read = {"dataset": self.dataset(kind), "captions": None}
        if run.model.conditioning == "caption":
            name = run.model.name if run.model.name in PACKED else "pooled"
            read["captions"] = self.root / f"{name}.safetensors"
        if run.model.extras.latent_space:
            read |= {"latents": self.latents(kind), "vae": self.vae(kind)}
        return read

    def dataset(self, kind: str) -> Path:
        return self._once(f"dataset-{kind}", lambda folder: _write_dataset(folder, kind, self.recipe))

    def vae(self, kind: str) -> Path:
        """An untrained VAE for the planes of a representation, with a shift and a scale."""
        return self._once(f"vae-{kind}", lambda folder: _write_vae(folder, len(PLANES[kind])))

    def latents(self, kind: str) -> Path:
        return self._once(
            f"latents-{kind}", lambda folder: encode_latents(self.dataset(kind), self.vae(kind), folder)
        )

    def _once(self, name: str, make) -> Path:
        if name not in self._made:
            make(self.root / name)
            self._made[name] = self.root / name
        return self._made[name]

    def _write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


def _values(
    model: str = "hourglass",
    conditioning: str = "none",
    representation: str = "db-only",
    space: str = "pixel",
    prediction: str = "vector_field",
    schedule: str = "flow",
    steps: int = 2,
    samples: int = 4,
    inference: str = "",
    extras: str = "",
) -> dict[str, Any]:
    series, guided = representation == "timeseries", conditioning != "none"
    lines = [f"{key} = {value}" for key, value in SMALL.items() if key in EXTRAS[model].model_fields]
    if model == "hourglass":
        lines = [line for line in lines if not line.startswith("num_attention_heads")]
    lines += [f"patch_size = {[2, 8] if series else [2, 2] if space == 'latent' else [4, 4]}", extras]
    lines += ["latent_space = true"] if space == "latent" else []
    lines += ["cfg_dropout = 0.5"] if guided else []
    lines += ["mapping_cond_dim = 6"] if conditioning in ("classes", "gend_hlth_age") else []
    classes = 'class_column = "activity"\nnum_classes = 2' if conditioning == "classes" else ""
    return {
        "output": "db-only" if series else representation,
        "data": "timeseries" if series else "spectrogram",
        "dataset": classes,
        "extras": "\n".join(lines),
        "inference": "\n".join(["cfg_scale = 2.0" if guided else "", inference]),
        **{"model": model, "conditioning": conditioning, "prediction": prediction, "schedule": schedule},
        **{"steps": steps, "samples": samples},
    }


def _write_dataset(folder: Path, kind: str, recipe) -> None:
    """Noise with a rhythm that rest has and arithmetic has not, as the builder of datasets stores it."""
    folder.mkdir()
    transform, rng, tables, arrays = _transform(recipe), np.random.default_rng(0), [], {}
    metadata = {split: _rows(split, subjects) for split, subjects in SUBJECTS.items()}
    waves = {split: _waveforms(rows, rng) for split, rows in metadata.items()}
    spec = _spec(kind, recipe, waves["train"], transform)
    for split, rows in metadata.items():
        array = Encoder(spec)(_windows(waves[split], kind, transform))
        np.save(folder / f"{split}.npy", array)
        arrays[f"{split}.npy"] = sha256(folder / f"{split}.npy")
        rows.to_csv(folder / f"{split}-metadata.csv", index=False)
        tables.append(rows)
    pd.concat(tables).to_csv(folder / "metadata.csv", index=False)
    write_json(folder / "dataset.json", {**spec, "sha256": arrays})


def _transform(recipe):
    return make_transform(len(CHANNELS), recipe.signal, recipe.spectrogram)


def _rows(split: str, subjects: int) -> pd.DataFrame:
    rows = [
        _row(f"{split}-{subject}", subject, window)
        for subject in range(subjects)
        for window in range(WINDOWS)
    ]
    table = pd.DataFrame(rows).assign(split=split, weight=1.0)
    return table.assign(hash=[f"{split}-{row}" for row in range(len(table))])


def _row(name: str, subject: int, window: int) -> dict[str, Any]:
    """One subject in four has an unknown label each."""
    activity = ("rest", "arithmetic")[window % 2]
    return {
        **{"dataset": "demo", "subject": name, "session": "", "recording": f"{name}_{activity}"},
        **{"window": window, "start_s": 1.0 * window, "gender": ("F", "M", "F", "")[subject % 4]},
        **{"health": ("H", "PD", "", "PD")[subject % 4], "age": (40, "", 63, 71)[subject % 4]},
        **{"activity": activity, "text": f"a subject at {activity}"},
    }


def _waveforms(rows: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(SAMPLES) / 32
    rhythm = 20 * np.sin(2 * np.pi * 8 * time) * (rows["activity"] == "rest").to_numpy()[:, None, None]
    return (rhythm + rng.normal(0, 10, (len(rows), len(CHANNELS), SAMPLES))).astype(np.float32)


def _windows(waves: np.ndarray, kind: str, transform) -> np.ndarray:
    """As shards keep them."""
    if kind == "timeseries":
        return waves
    start = np.zeros(1, np.int64)
    return np.concatenate([spectrogram_windows(transform, wave, start, kind)[0] for wave in waves])


def _spec(kind: str, recipe, waves: np.ndarray, transform) -> dict[str, Any]:
    shared = {
        **{"recipe": "tiny", "representation": kind, "channels": CHANNELS, "fs": 32.0, "nsamps": SAMPLES},
        "counts": {split: {"windows": 1, "recordings": 1, "subjects": 1} for split in SUBJECTS},
    }
    if kind == "timeseries":
        mean, sd = waves.mean(axis=(0, 2)), waves.std(axis=(0, 2))
        return {**shared, "scales": {"mean": mean.tolist(), "sd": sd.tolist()}}
    scale = [60.0] * RESOLUTION
    return {
        **shared,
        **{"planes": list(PLANES[kind]), "resolution": RESOLUTION, "frames": transform.frames},
        **{"frequencies": transform.frequencies.tolist(), **described(recipe.spectrogram)},
        **{
            "min_db": -20.0,
            "max_db": 40.0,
            "scales": {"iq": scale} if kind == "db-iq" else {"magnitude": scale},
        },
    }


def _write_vae(folder: Path, planes: int) -> None:
    torch.manual_seed(0)
    vae = network(Vae(latent_channels=2, widths=[8, 8]), planes)
    vae.register_to_config(shift_factor=0.1, scaling_factor=3.0)
    LatentSpace(vae, planes).save(folder)
