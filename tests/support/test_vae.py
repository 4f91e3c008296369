"""The small VAE: what it learns, what it standardises, and what is refused."""

import shutil

import huggingface_hub
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from signal_diffusion.config.support import SupportRun
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.latents import LatentSpace, encode_latents
from signal_diffusion.families.support.vae import train_vae
from signal_diffusion.files import read_json, sha256

from .material import write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = write_dataset(tmp_path_factory.mktemp("images"))
    spec = folder / "dataset.json"
    spec.write_text('{"resolution": 32, "representation": "db-only", "planes": ["dB"]}')
    return folder


def vae_run(**training) -> SupportRun:
    table = {"latent_channels": 4, "widths": [8, 8]}
    made = {"name": "test", "path": "test.toml", "kind": "vae", "dataset": {"name": "demo"}, "vae": table}
    return SupportRun.model_validate({**made, "training": {"threads": 1, **training}}, strict=False)


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("support") / "vae"
    train_vae(vae_run(steps=30, batch_size=8, learning_rate=1e-2), dataset, out)
    return out


def test_it_tells_images_apart_and_standardises_their_latents(trained, dataset):
    windows = Windows(dataset, "train")
    space = LatentSpace.load(trained, 1)
    latents = space.encode(windows.images(range(0, len(windows), 8)))
    assert latents.shape[1:] == (4, 16, 16) and latents.dtype == np.float32
    assert abs(latents.mean()) < 0.1 and abs(latents.std() - 1) < 0.1
    images = Windows(dataset, "test").images(range(48)).astype(float)
    back = space.decode(space.encode(images.astype(np.uint8)))
    assert back.shape == images.shape and back.dtype == np.uint8
    assert np.square(back - images).mean() < 0.9 * images.var()


def test_a_hub_id_may_name_its_revision(trained, dataset, tmp_path, monkeypatch):
    """Read from the hub's cache, where a model's revisions lie side by side."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for revision, commit in {"main": "a" * 40, "v2": "b" * 40}.items():
        model = tmp_path / "models--lab--painter"
        shutil.copytree(trained, model / "snapshots" / commit / "vae")
        (model / "refs").mkdir(exist_ok=True)
        (model / "refs" / revision).write_text(commit)
    second = AutoencoderKL.from_pretrained(trained, scaling_factor=2.0)
    second.save_pretrained(model / "snapshots" / commit / "vae")
    first, second = (LatentSpace.load(f"lab/painter{at}", 1).vae.config for at in ("", "@v2"))
    assert first.scaling_factor != 2.0 and second.scaling_factor == 2.0


def test_equal_runs_give_equal_files(dataset, tmp_path):
    for name in ("one", "two"):
        train_vae(vae_run(steps=3, batch_size=4), dataset, tmp_path / name)
    for file in ("config.json", "diffusion_pytorch_model.safetensors"):
        assert sha256(tmp_path / "one" / file) == sha256(tmp_path / "two" / file)


def test_latents_are_written_with_their_rows(trained, dataset, tmp_path):
    encode_latents(dataset, trained, tmp_path / "latents")
    for split in ("train", "val", "test"):
        ours, images = Windows(tmp_path / "latents", split), Windows(dataset, split)
        assert ours.shape == (len(images), 4, 16, 16) and ours.metadata.equals(images.metadata)
    space = LatentSpace.load(trained, 1)
    expected = space.encode(Windows(dataset, "val").images(range(5)))
    np.testing.assert_allclose(Windows(tmp_path / "latents", "val").array(range(5)), expected, atol=1e-5)
    assert read_json(tmp_path / "latents" / "dataset.json")["representation"] == "latents"


def test_shift_and_scale_are_applied(trained):
    """Latents are (mean - shift) * scale, as diffusers' pipelines of Stable Diffusion 3 have them."""

    vae, space = AutoencoderKL.from_pretrained(trained), LatentSpace.load(trained, 1)
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 32, 32)).astype(np.uint8)
    with torch.no_grad():
        mean = vae.encode(torch.from_numpy(images).float() / 127.5 - 1).latent_dist.mean
        decoded = vae.decode(mean).sample
    latents = space.encode(images)
    expected = (mean.numpy() - vae.config.shift_factor) * vae.config.scaling_factor
    np.testing.assert_allclose(latents, expected, atol=1e-5)
    assert vae.config.shift_factor != 0 and vae.config.scaling_factor != 1
    levels = ((decoded + 1) * 127.5).round().clamp(0, 255).numpy()
    assert np.abs(space.decode(latents) - levels).max() <= 1


def test_images_of_other_planes_and_other_folders_are_refused(trained, tmp_path):
    with pytest.raises(UserError, match="the VAE reads images of 1 channels, these have 3"):
        LatentSpace.load(trained, 3)
    with pytest.raises(UserError, match="VAE .*; give a folder or hub id of an AutoencoderKL"):
        LatentSpace.load(tmp_path, 1)
