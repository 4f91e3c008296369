"""Every cell of the diffusion matrix: trains, is interrupted, goes on, samples, is published, loads, samples the same.

The default run covers every pair of values of two axes; the whole matrix is marked slow. Both print their numbers.
"""

import os
import shutil
import signal
from itertools import combinations, product

import numpy as np
import pytest
import torch
from signal_diffusion.config.diffusion import EXTRAS
from signal_diffusion.config.senseless import SENSELESS
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.generate import SYNTHETIC, generate_run
from signal_diffusion.families.diffusion.pipeline import Pipeline
from signal_diffusion.families.diffusion.publish import publish_model
from signal_diffusion.families.diffusion.task import DiffusionTask
from signal_diffusion.families.diffusion.train import train_run
from signal_diffusion.training.weights import load_weights

from .world import World

AXES = {
    "model": tuple(EXTRAS),
    "conditioning": ("none", "caption", "classes", "gend_hlth_age"),
    "representation": ("db-only", "db-iq", "db-polar", "timeseries"),
    "space": ("pixel", "latent"),
    "prediction": ("vector_field", "epsilon", "sample", "v"),
}


def sensible(cell: tuple[str, ...]) -> bool:
    return not {"timeseries", "latent"} <= set(cell)


CELLS = list(product(*AXES.values()))
SENSIBLE = [cell for cell in CELLS if sensible(cell)]
SENSELESS_CELLS = [cell for cell in CELLS if not sensible(cell)]


def pairs(cell: tuple[str, ...]) -> set[tuple]:
    return {(i, cell[i], j, cell[j]) for i, j in combinations(range(len(cell)), 2)}


def covering(cells: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Cells that hold every pair of values that any cell holds, chosen greedily."""
    missing, chosen = set().union(*map(pairs, cells)), []
    while missing:
        chosen.append(max(cells, key=lambda cell: len(pairs(cell) & missing)))
        missing -= pairs(chosen[-1])
    return chosen


COVERING = covering(SENSIBLE)
REST = [cell for cell in SENSIBLE if cell not in COVERING]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    before, root = os.getcwd(), tmp_path_factory.mktemp("world")
    os.chdir(root)
    yield World(root)
    os.chdir(before)


def passes(world: World, cell: tuple[str, ...], monkeypatch) -> None:
    """What every sensible cell has to do."""
    name = "-".join(cell)
    run = world.run(name, **dict(zip(AXES, cell, strict=True)))
    read, folder = world.read_by(run), world.root / "runs" / name
    whole, broken = folder / "whole.safetensors", folder / "broken.safetensors"
    train_run(run, out=whole, checkpoints=folder / "whole", **read)
    with monkeypatch.context() as patch:
        interrupt_at_once(patch)
        with pytest.raises(SystemExit):
            train_run(run, out=broken, checkpoints=folder / "broken", **read)
    train_run(run, out=broken, checkpoints=folder / "broken", **read)
    assert same_tensors(whole, broken)
    drawn = synthetic(run, read, whole, folder / "synthetic")
    assert np.array_equal(drawn, asked(world, run, read, whole, folder))
    shutil.rmtree(folder)


def interrupt_at_once(patch) -> None:
    """SIGTERM before the first step: it is taken, its checkpoint is written, the second step is not taken."""
    loss, signals = DiffusionTask.loss, [signal.SIGTERM]

    def signalled(self, *arguments):
        if signals:
            os.kill(os.getpid(), signals.pop())
        return loss(self, *arguments)

    patch.setattr(DiffusionTask, "loss", signalled)


def same_tensors(first, second) -> bool:
    (ours, about), (theirs, also) = load_weights(first), load_weights(second)
    return (
        about == also and ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
    )


def synthetic(run, read, model, out) -> np.ndarray:
    generate_run(run, model, out=out, **read)
    drawn = np.load(out / f"{SYNTHETIC}.npy")
    recorded = Windows(read["dataset"], "test").array([0])
    assert drawn.shape == (4, *recorded.shape[1:]) and drawn.dtype == recorded.dtype
    assert np.isfinite(drawn).all() and drawn.std() > 0
    return drawn


class Embedded:
    """Stands for the text encoders, which are published and tested elsewhere."""

    def __init__(self, embeddings):
        self._embeddings = embeddings

    def encode(self, captions) -> torch.Tensor:
        return torch.from_numpy(np.stack([self._embeddings[caption] for caption in captions]))


def asked(world, run, read, model, folder) -> np.ndarray:
    """The same windows from the published model, asked for by their captions or labels."""
    publish_model(run, read["dataset"], None, model, folder / "model", read.get("vae"))
    rows = (
        Windows(folder / "synthetic", SYNTHETIC)
        .metadata.astype(object)
        .where(lambda table: table.notna(), None)
    )
    pipeline = Pipeline.from_pretrained(folder)
    pipeline._text = Embedded(world.embeddings)
    prompts = {
        "none": None,
        "caption": rows["text"].tolist(),
        "classes": rows["activity"].tolist(),
        "gend_hlth_age": rows[["gender", "health", "age"]].to_dict("records"),
    }[run.model.conditioning]
    generated = pipeline.generate(prompts, n=4, seed=run.generation.seed)
    assert generated.decibels().shape == (4, 3, 16, 5)
    return generated.images


@pytest.mark.parametrize("cell", COVERING, ids="-".join)
def test_every_pair_of_values_passes(world, cell, monkeypatch):
    passes(world, cell, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("cell", REST, ids="-".join)
def test_every_other_cell_passes(world, cell, monkeypatch):
    passes(world, cell, monkeypatch)


def test_senseless_cells_are_refused_with_their_reason(world):
    [reason] = [each.reason for each in SENSELESS if each.combination == "a time series in latent space"]
    for cell in SENSELESS_CELLS:
        with pytest.raises(UserError) as caught:
            world.run("senseless", **dict(zip(AXES, cell, strict=True)))
        assert f"senseless.toml [model.extras] latent_space: {reason}" in str(caught.value)


def test_the_covering_cells_hold_every_pair(capsys):
    assert set().union(*map(pairs, COVERING)) == set().union(*map(pairs, SENSIBLE))
    with capsys.disabled():
        print(
            f"\ndiffusion matrix: {len(CELLS)} cells, {len(SENSIBLE)} sensible, of which {len(COVERING)} hold every "
            f"pair of values and {len(REST)} are slow; {len(SENSELESS_CELLS)} senseless, refused"
        )
