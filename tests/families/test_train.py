"""Training, sampling and the published form of tiny diffusion runs."""

import numpy as np
import pytest
import torch
from signal_diffusion.config import load_run
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.denoiser import statistics
from signal_diffusion.families.diffusion.generate import (
    SYNTHETIC,
    generate_run,
    load_denoiser,
    reference_rows,
)
from signal_diffusion.families.diffusion.pipeline import Pipeline
from signal_diffusion.families.diffusion.publish import publish_model
from signal_diffusion.families.diffusion.sample import Sampling, draw
from signal_diffusion.families.diffusion.train import train_run
from signal_diffusion.files import sha256


@pytest.fixture
def trained(make_run, dataset, captions, tmp_path):
    """Train a run with the given values; its weights file."""

    def train(**values):
        run = make_run(**values)
        out = tmp_path / "work" / "model.safetensors"
        train_run(
            run, dataset, captions if run.model.conditioning == "caption" else None, out, tmp_path / "ckpt"
        )
        return run, out

    return train


@pytest.mark.parametrize("prediction", ["vector_field", "epsilon", "sample"])
@pytest.mark.parametrize("conditioning", ["none", "caption"])
def test_every_objective_trains_and_draws(trained, conditioning, prediction, dataset):
    scale, dropout = (1.0, 0.0) if conditioning == "none" else (1.5, 0.2)
    run, out = trained(conditioning=conditioning, prediction=prediction, scale=scale, dropout=dropout)
    denoiser, process, _ = load_denoiser(out)
    condition = torch.randn(3, 5) if conditioning == "caption" else None
    images = draw(denoiser, process, condition, range(3), Sampling("heun", 3, 1.0, scale))
    assert images.shape == (3, 1, 16, 16) and images.dtype == np.uint8 and images.std() > 1


@pytest.mark.parametrize(
    ("most", "steps"), [("", 6), ("max_train_samples = 16", 2), ("max_train_samples = 99", 6)]
)
def test_an_epoch_is_a_pass_over_the_windows_that_are_trained_on(
    make_run, dataset, captions, tmp_path, monkeypatch, most, steps
):
    path, plans = make_run().path, []
    text = path.read_text().replace("max_train_steps = 6", "epochs = 3").replace("eval_num_steps = 3", "")
    text = text.replace('eval_strategy = "steps"', "").replace(
        "batch_size = 8\n", f"batch_size = 8\n{most}\n", 1
    )
    path.write_text(text)

    def stop(task, plan, *arguments):
        plans.append(plan)
        raise SystemExit

    monkeypatch.setattr("signal_diffusion.families.diffusion.train.train", stop)
    with pytest.raises(SystemExit):
        train_run(load_run(path), dataset, captions, tmp_path / "m.safetensors", tmp_path / "ckpt")
    assert (plans[0].max_steps, plans[0].eval_every) == (3 * steps, steps)


def test_bf16_autocast_keeps_float32_weights(trained):
    run, out = trained(precision="bf16", steps=2)
    state = load_denoiser(out)[0].state_dict()
    assert {value.dtype for value in state.values()} == {torch.float32}


def test_batch_size_changes_nothing_but_rounding(trained):
    denoiser, process, _ = load_denoiser(trained()[1])
    conditions = torch.randn(7, 5)
    whole, parts = (
        draw(denoiser, process, conditions, range(7), Sampling("euler", 4, 2.0, 2.0, seed=3, batch_size=size))
        for size in (7, 2)
    )
    assert np.abs(whole.astype(int) - parts).max() <= 1
    again = draw(denoiser, process, conditions[5:6], [5], Sampling("euler", 4, 2.0, 2.0, seed=3))
    assert np.abs(whole[5].astype(int) - again[0]).max() <= 1


def test_a_trained_model_does_what_its_caption_says(trained, dataset, captions, tmp_path):
    run, out = trained(steps=150, interval=1000, scale=1.0)
    generate_run(run, out, dataset, captions, tmp_path / "synthetic")
    made = Windows(tmp_path / "synthetic", SYNTHETIC)
    means = made.images(range(len(made))).mean((1, 2, 3))
    rest = (made.metadata["activity"] == "rest").to_numpy()
    assert 25 < means[~rest].mean() - means[rest].mean() < 100  # 70 in the data
    assert len(made) == 20 and set(made.metadata["subject"]) == {""}


def test_the_untrained_model_knows_only_the_statistics(trained, dataset, captions, tmp_path):
    run, out = trained(steps=2)
    generate_run(run, out, dataset, captions, tmp_path / "untrained", untrained=True)
    again = tmp_path / "again"
    generate_run(run, out, dataset, captions, again, untrained=True)
    assert sha256(again / f"{SYNTHETIC}.npy") == sha256(tmp_path / "untrained" / f"{SYNTHETIC}.npy")


def test_pixel_statistics_are_those_of_the_training_split(dataset):
    windows = Windows(dataset, "train")
    pixels = windows.images(range(len(windows))) / 127.5 - 1
    mean, std = statistics(windows, "pixel")
    np.testing.assert_allclose(mean, pixels.mean(0), atol=1e-6)
    np.testing.assert_allclose(std, pixels.std(0), atol=1e-6)


def test_reference_rows_are_taken_equally_often():
    counts = np.bincount(reference_rows(7, 24, seed=0), minlength=7)
    assert counts.sum() == 24 and counts.min() == 3 and counts.max() == 4


def test_published_model_loads_with_one_call(trained, dataset, tmp_path):
    run, out = trained(conditioning="none", scale=1.0, dropout=0.0)
    publish_model(run, dataset, None, out, tmp_path / "published" / "model")
    pipeline = Pipeline.load(tmp_path / "published")
    first, second = pipeline.generate(n=3, seed=1), pipeline.generate(n=3, seed=1)
    assert np.array_equal(first.images, second.images)
    assert first.decibels().shape == (3, 2, 16, 8) and len(first.frequencies) == 16
    assert -20 <= first.decibels().min() and first.decibels().max() <= 20
    with pytest.raises(UserError, match="no prompt"):
        pipeline.generate("a caption")


def test_a_width_that_the_encoders_do_not_give_is_refused(make_run, dataset, captions, tmp_path):
    run = make_run(extra="mapping_cond_dim = 7")
    with pytest.raises(UserError, match="found 7, the text encoders give 5"):
        train_run(run, dataset, captions, tmp_path / "m.safetensors", tmp_path / "ckpt")


def test_guidance_of_a_model_without_a_null_condition_is_refused(trained, dataset, tmp_path):
    run, out = trained(dropout=0.0, scale=1.0, steps=1)
    publish_model(run, dataset, "a/b", out, tmp_path / "published" / "model")
    pipeline = Pipeline.from_pretrained(tmp_path / "published")
    pipeline._text = type("Encoder", (), {"encode": lambda self, captions: torch.zeros(len(captions), 5)})()
    assert pipeline("a subject at rest").images.shape == (1, 1, 16, 16)
    with pytest.raises(UserError, match="guidance of 3 needs a null condition"):
        pipeline("a subject at rest", guidance_scale=3.0)
