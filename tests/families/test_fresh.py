"""A published model in a process that knows its folder and the package, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from signal_diffusion.families.diffusion.pipeline import Pipeline
from signal_diffusion.families.diffusion.publish import publish_model
from signal_diffusion.families.diffusion.train import train_run

from .world import World

LIBRARY = Path(__file__).resolve().parents[2] / "lib"
PROMPT = {"gender": "F", "health": "PD", "age": 63}
PROGRAM = """
import json, sys
import numpy as np
from signal_diffusion import Pipeline
folder, prompt = sys.argv[1], json.loads(sys.argv[2])
np.save("images.npy", Pipeline.from_pretrained(folder)(prompt, num_images_per_prompt=3, seed=5).images)
"""
CELLS = {
    "hourglass": {"representation": "db-iq"},
    "dit": {"representation": "timeseries"},
    "localmamba": {"space": "latent"},
    "stable-diffusion": {"space": "latent"},
    "stable-diffusion-35": {"representation": "db-polar"},
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("fresh")
        patch.chdir(root)
        yield World(root)


def in_a_fresh_process(folder: Path, empty: Path) -> np.ndarray:
    empty.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(empty), "PYTHONPATH": str(LIBRARY)}
    environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), json.dumps(PROMPT)],
        cwd=empty,
        env=environment,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return np.load(empty / "images.npy", allow_pickle=False)


@pytest.mark.parametrize("model", CELLS)
def test_a_published_model_generates_the_same_in_a_fresh_process(world, model, tmp_path):
    run = world.run(f"fresh-{model}", model=model, conditioning="gend_hlth_age", **CELLS[model])
    read = world.read_by(run)
    latents, vae = read.get("latents"), read.get("vae")
    train_run(run, read["dataset"], None, tmp_path / "model.safetensors", tmp_path / "c", latents, vae)
    publish_model(run, read["dataset"], None, tmp_path / "model.safetensors", tmp_path / "out/model", vae)
    here = Pipeline.from_pretrained(tmp_path / "out")(PROMPT, num_images_per_prompt=3, seed=5).images
    # Moved, so that nothing is found by the path that it was written under.
    (tmp_path / "out").rename(tmp_path / "moved")
    assert np.array_equal(in_a_fresh_process(tmp_path / "moved", tmp_path / "empty"), here)
