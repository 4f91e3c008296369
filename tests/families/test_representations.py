"""Every representation, and latent space: evaluated by its decibels, drawn, published, and back to waveforms."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.datasets.views import DecibelView
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.evaluate import evaluate_run
from signal_diffusion.families.diffusion.generate import generate_run
from signal_diffusion.families.diffusion.pipeline import Pipeline
from signal_diffusion.families.diffusion.sets import generated_set
from signal_diffusion.families.diffusion.train import train_run
from signal_diffusion.files import load_tensors, read_json
from signal_diffusion.report.diffusion import publish_run
from signal_diffusion.report.figures import draw_run

from .world import World

ROOT = Path(__file__).resolve().parents[2]
CELLS = {
    "db-iq": dict(representation="db-iq", conditioning="gend_hlth_age"),
    "db-polar": dict(representation="db-polar", conditioning="classes"),
    "timeseries": dict(representation="timeseries", conditioning="gend_hlth_age", model="dit"),
    "latent": dict(representation="db-only", space="latent"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    before, root = os.getcwd(), tmp_path_factory.mktemp("world")
    os.chdir(root)
    yield World(root)
    os.chdir(before)


@pytest.fixture(scope="module", params=CELLS)
def finished(world, request):
    """A run that went all the way: its kind, its run and its folder."""
    run = world.run(request.param, samples=24, **CELLS[request.param])
    read, work = world.read_by(run), world.root / "work" / request.param
    model, vae = work / "model.safetensors", read.get("vae")
    train_run(run, out=model, checkpoints=work / "checkpoints", **read)
    for name in ("synthetic", "untrained"):
        generate_run(run, model, out=work / name, untrained=name == "untrained", **read)
    sets = read["dataset"], work / "synthetic", work / "untrained"
    evaluate_run(run, *sets, None, work / "metrics.json", work / "curves.safetensors", vae)
    work.joinpath("figures").mkdir()
    if request.param == "timeseries":
        figures(run, read["dataset"], work)
    paths = model, work / "synthetic", work / "metrics.json", work / "figures", work / "checkpoints"
    publish_run(run, read["dataset"], None, *paths, work / "published", vae)
    return request.param, run, work


def figures(run, dataset, work) -> None:
    view = DecibelView.of(dataset, World(work.parent / "recipe").recipe)
    real = generated_set(view, work / "synthetic")
    arrays = load_tensors(work / "curves.safetensors")[0]
    draw_run(work / "figures", read_json(work / "metrics.json"), arrays, real, real, view.spec, (), ())


def test_metrics_are_those_of_the_decibels(finished):
    kind, _, work = finished
    metrics = read_json(work / "metrics.json")
    scores = metrics["distances"]["spectral"]["mmd"]
    assert np.isfinite(scores["generated"]["value"]) and "untrained" in scores["baselines"]
    assert ("round_trip" in scores) == (kind == "latent")
    assert "round_trip" not in scores["baselines"]
    assert np.isfinite(metrics["spectra"]["spectrum"]["generated"]["value"])


def test_figures_of_time_series_show_their_decibels(finished):
    kind, _, work = finished
    drawn = {path.stem for path in (work / "published" / "figures").glob("*.png")}
    assert drawn >= {"samples", "spectra", "distances"} if kind == "timeseries" else not drawn


def test_the_published_model_gives_images_decibels_and_waveforms(finished):
    kind, run, work = finished
    pipeline = Pipeline.from_pretrained(work / "published")
    prompt = {"gend_hlth_age": {"gender": "F", "age": 63}, "classes": "rest", "none": None}[
        run.model.conditioning
    ]
    generated = pipeline(prompt, num_images_per_prompt=3, guidance_scale=2.0 if prompt else None, seed=5)
    assert len(generated) == 3 and generated.decibels().shape == (3, 3, 16, 5)
    waveforms = generated.waveforms(iterations=3)
    assert waveforms.shape == (3, 3, 64) and waveforms.dtype == np.float32
    if kind == "timeseries":
        scales = generated.spec["scales"]
        expected = generated.images * np.array(scales["sd"])[:, None] + np.array(scales["mean"])[:, None]
        np.testing.assert_allclose(waveforms, expected, rtol=1e-4, atol=1e-3)
    again = pipeline(prompt, 3, 2.0 if prompt else None, seed=5)
    assert np.array_equal(again.images, generated.images)
    by_generator = [pipeline(prompt, generator=torch.Generator().manual_seed(2)).images for _ in range(2)]
    assert np.array_equal(*by_generator)


@pytest.mark.slow
def test_a_fresh_process_needs_the_folder_alone(finished, tmp_path):
    _, run, work = finished
    told = {"gend_hlth_age": {"gender": "F", "age": 63}, "classes": "rest"}.get(run.model.conditioning)
    lines = [
        "import sys, numpy; from signal_diffusion import Pipeline",
        f"made = Pipeline.from_pretrained(sys.argv[1])({told!r}, num_images_per_prompt=2, seed=4)",
        "numpy.save('made.npy', made.images); assert made.waveforms(iterations=2).shape == (2, 3, 64)",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "\n".join(lines), str(work / "published")]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    here = Pipeline.from_pretrained(work / "published")(told, num_images_per_prompt=2, seed=4)
    assert np.abs(np.load(tmp_path / "made.npy").astype(float) - here.images).max() <= 1


def test_batch_size_changes_nothing_but_rounding(finished):
    kind, run, work = finished
    pipeline = Pipeline.from_pretrained(work / "published")
    told = {"gend_hlth_age": [{"gender": "F", "age": 60 + n} for n in range(5)], "classes": ["rest"] * 5}
    prompts = told.get(run.model.conditioning)
    whole = pipeline.generate(prompts, n=5, seed=3).images.astype(float)
    pipeline.sampling = replace(pipeline.sampling, batch_size=2)
    parts = pipeline.generate(prompts, n=5, seed=3).images.astype(float)
    assert np.abs(whole - parts).max() <= (1e-4 if kind == "timeseries" else 1)


@pytest.fixture
def other_defaults():
    """Half precision on a device that holds no numbers, as a caller may have set another of theirs."""
    torch.set_default_dtype(torch.float16)
    torch.set_default_device("meta")
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


def test_the_callers_defaults_of_type_and_device_change_nothing(finished, request):
    _, run, work = finished
    prompt = {"gend_hlth_age": {"age": 63}, "classes": "rest"}.get(run.model.conditioning)
    before = Pipeline.from_pretrained(work / "published")
    usual = before(prompt, seed=4).images
    request.getfixturevalue("other_defaults")
    for pipeline in (before, Pipeline.from_pretrained(work / "published")):
        assert np.array_equal(pipeline(prompt, seed=4).images, usual)
    assert torch.get_default_dtype() == torch.float16 and torch.get_default_device().type == "meta"


def test_samples_and_card_lie_beside_the_model(finished):
    kind, _, work = finished
    folder = work / "published"
    pictures = sorted(folder.glob("samples/*.png"))
    assert len(pictures) == 16
    assert Image.open(pictures[0]).mode == ("RGB" if kind in ("db-iq", "db-polar") else "L")
    card = (folder / "README.md").read_text()
    assert ("real, via VAE" in card) == (kind == "latent")
    assert "generated.waveforms()" in card and ("phases are not judged" in card) == (kind != "latent")
    assert (folder / "model" / "vae").is_dir() == (kind == "latent")


def test_a_prompt_that_does_not_suit_is_refused(finished):
    _, run, work = finished
    pipeline = Pipeline.from_pretrained(work / "published")
    if run.model.conditioning == "none":
        with pytest.raises(UserError, match="takes no prompt"):
            pipeline("rest")
        with pytest.raises(UserError, match="guidance of 2 needs a null condition"):
            pipeline(guidance_scale=2.0)
        return
    with pytest.raises(UserError, match="takes labels"):
        pipeline()
    with pytest.raises(UserError, match="labels hold 'sex'; this model knows"):
        pipeline({"sex": "F"})
    with pytest.raises(UserError, match="found 3; this model takes labels"):
        pipeline(3)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"num_images_per_prompt": 0}, "windows = 0; give 1 or more"),
        ({"num_inference_steps": 0}, "steps = 0; give 1 or more"),
        ({"num_inference_steps": -1}, "steps = -1; give 1 or more"),
        ({"seed": -1}, "seed = -1; give 0 or more"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(finished, numbers, message):
    _, run, work = finished
    prompt = {"gend_hlth_age": {"age": 63}, "classes": "rest"}.get(run.model.conditioning)
    with pytest.raises(UserError, match=message):
        Pipeline.from_pretrained(work / "published")(prompt, **numbers)


def test_a_series_is_seen_as_the_recipes_own_images(world):
    """Decibels of the waveforms are those of the images that the same recipe makes, but for their range."""
    view = DecibelView.of(world.dataset("timeseries"), world.recipe)
    series = Windows(world.dataset("timeseries"), "test").array(range(8))
    images = Windows(world.dataset("db-only"), "test").array(range(8))
    spec = read_json(world.dataset("db-only") / "dataset.json")
    ours = DecibelView({**view.spec, "min_db": spec["min_db"], "max_db": spec["max_db"]}).images(series)
    assert np.abs(ours.astype(int) - images).max() <= 1
