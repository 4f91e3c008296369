"""The feature encoder: what it learns, what it does not, and how it is read back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.errors import UserError
from signal_diffusion.families.support.features import (
    NOISE,
    LabelReader,
    label_targets,
    network_config,
    noisy,
    train_features,
)
from signal_diffusion.files import read_json
from signal_diffusion.metrics.encoder import ENCODER_FILE, load_encoder
from signal_diffusion.models.encoder import SpectrogramEncoder

from .material import support_run


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("support") / "features"
    train_features(support_run("feature-encoder", steps=60, learning_rate=3e-3), dataset, out)
    return out


def test_labels_that_show_are_read_from_new_subjects(trained):
    scores = read_json(trained / "scores.json")
    assert scores["test"]["health"]["accuracy"] > 0.9
    assert scores["test"]["age"]["r2"] > 0.5


def test_subjects_are_not_learnt_by_heart(trained):
    scores = read_json(trained / "scores.json")
    assert scores["train"]["gender"]["accuracy"] < 0.82


def test_training_and_test_features_are_alike(trained, dataset):
    encoder = load_encoder(trained)
    train, test = (encoder(Windows(dataset, split).images(range(100))) for split in ("train", "test"))
    assert 0.8 < np.mean(test.std(axis=0) / train.std(axis=0)) < 1.25
    assert np.mean(np.abs(test.mean(axis=0) - train.mean(axis=0)) / train.std(axis=0)) < 0.5


def test_features_do_not_depend_on_the_batch(trained, dataset):
    images = Windows(dataset, "val").images(range(10))
    features = load_encoder(trained)(images)
    assert features.shape == (10, 12) and features.dtype == np.float32
    np.testing.assert_allclose(load_encoder(trained, batch_size=3)(images), features, rtol=1e-4, atol=1e-5)


def test_it_is_one_safetensors_file_with_one_entry(trained):
    with safe_open(trained / ENCODER_FILE, framework="numpy") as file:
        assert list(file.metadata()) == ["json"]
    assert sorted(path.name for path in trained.iterdir()) == [ENCODER_FILE, "scores.json"]


def test_other_images_and_absent_encoders_are_refused(trained, tmp_path):
    with pytest.raises(
        UserError, match=r"trained on uint8 images of shape \(1, 32, 32\), found uint8 \(1, 64"
    ):
        load_encoder(trained)(np.zeros((2, 1, 64, 64), np.uint8))
    with pytest.raises(UserError, match="found float32"):
        load_encoder(trained)(np.zeros((2, 1, 32, 32), np.float32))
    with pytest.raises(UserError, match="no feature encoder there"):
        load_encoder(tmp_path)


def test_equal_runs_give_equal_bytes(short_run, dataset, tmp_path):
    for name in ("one", "two"):
        train_features(short_run, dataset, tmp_path / name)
    for name in (ENCODER_FILE, "scores.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_failed_training_leaves_the_earlier_folder(short_run, tmp_path, trained):
    before = (trained / ENCODER_FILE).read_bytes()
    with pytest.raises(UserError, match="no dataset"):
        train_features(short_run, tmp_path, trained)
    assert (trained / ENCODER_FILE).read_bytes() == before


def test_only_labels_with_two_values_are_targets():
    metadata = pd.DataFrame(
        {"age": [61.0, np.nan], "gender": ["F", ""], "health": ["H", "PD"], "handedness": ["left", "right"]}
    )
    assert {name: values.tolist() for name, values in label_targets(metadata).items()} == {"health": [0, 1]}


def test_unknown_labels_weigh_nothing_and_guessing_costs_one():
    targets = {"health": np.float32([0, 1]), "age": np.float32([20, 60])}
    model = LabelReader(SpectrogramEncoder(1, 8, 12, 2), targets)
    unknown = torch.tensor([0.0, float("nan"), 1.0])
    output = torch.zeros(3, 2, requires_grad=True)
    loss = model.loss("health", output, unknown)
    loss.backward()
    assert loss.item() == pytest.approx(1)
    assert torch.all(output.grad[1] == 0) and torch.all(output.grad[[0, 2]] != 0)
    assert model.loss("age", torch.zeros(2, 1), torch.tensor([20.0, 60.0])).item() == pytest.approx(1)
    assert model.loss("health", output, torch.full([3], float("nan"))).item() == 0


def test_noise_is_of_every_amount_up_to_its_bound():
    images = torch.zeros(2000, 1, 8, 8)
    amounts = noisy(images, torch.Generator().manual_seed(1)).std(dim=(1, 2, 3))
    assert amounts.min() < 0.05 * NOISE
    assert amounts.mean().item() == pytest.approx(NOISE / 2, rel=0.05)
    assert amounts.max() < 1.4 * NOISE


@pytest.mark.parametrize("resolution", [16, 64, 100, 256])
def test_any_resolution_gives_the_asked_width(resolution):
    config = network_config((5, 1, resolution, resolution), width=8, dim=20)
    features = SpectrogramEncoder(**config)(torch.zeros(2, 1, resolution, resolution))
    assert features.shape == (2, 20)


def test_place_counts():
    """The same mark at another frequency or electrode is another picture."""
    torch.manual_seed(0)
    encoder = SpectrogramEncoder(1, 8, 12, 2)
    images = torch.zeros(3, 1, 32, 32)
    for image, (row, column) in zip(images, [(4, 4), (20, 4), (4, 20)], strict=True):
        image[0, row : row + 4, column : column + 4] = 1
    features = encoder(images)
    assert (features[0] - features[1]).abs().max() > 0.01
    assert (features[0] - features[2]).abs().max() > 0.01
