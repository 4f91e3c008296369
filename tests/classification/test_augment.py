"""Augmentations hide parts of windows; they reorder nothing."""

import pytest
import torch
from signal_diffusion.config.classification_training import Augmentation
from signal_diffusion.families.classification.augment import Augmenter, outside, stretches

from .conftest import CHANNELS, FRAMES, SIZE, spec


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def augmented(x: torch.Tensor, representation: str, seed: int = 0, **values: float) -> torch.Tensor:
    return Augmenter(Augmentation(**values), spec(representation))(x, generator(seed))


@pytest.mark.parametrize(
    ("representation", "values"),
    [
        ("db-only", {"frequency_mask": 0.5}),
        ("db-iq", {"time_mask": 0.5}),
        ("db-polar", {"time_mask": 0.5, "frequency_mask": 0.5}),
        ("timeseries", {"channel_dropout": 0.5}),
        ("timeseries", {"crop": 0.5}),
    ],
)
def test_what_is_left_is_where_it_was(representation, values):
    shape = (32, 2, 64) if representation == "timeseries" else (32, 3, SIZE, SIZE)
    x = torch.randn(shape, generator=generator(5))
    changed = augmented(x, representation, **values)
    assert ((changed == x) | (changed == 0)).all()
    assert 0 < (changed == 0).float().mean() < 0.9
    assert torch.equal(changed, augmented(x, representation, **values))
    assert not torch.equal(changed, augmented(x, representation, seed=1, **values))


def test_frequencies_are_masked_in_bands_of_all_columns():
    changed = augmented(torch.ones(64, 1, SIZE, SIZE), "db-only", frequency_mask=0.25)
    hidden = (changed == 0).all(3)[:, 0]
    assert ((changed == 0).any(3)[:, 0] == hidden).all()
    assert hidden.sum(1).max() == 4 and hidden.sum(1).min() == 0
    assert ((hidden[:, 1:] != hidden[:, :-1]).sum(1) <= 2).all()


def test_the_same_frames_are_masked_in_every_channel():
    changed = augmented(torch.ones(64, 1, SIZE, SIZE), "db-only", time_mask=0.5)
    columns = (changed == 0).all(2)[:, 0].reshape(64, len(CHANNELS), FRAMES)
    assert (columns[:, 0] == columns[:, 1]).all() and columns.any()


def test_noise_has_its_deviation_and_nothing_asked_is_nothing_changed():
    x = torch.zeros(8, 2, 4096)
    assert augmented(x, "timeseries", noise=0.3).std() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(augmented(x, "timeseries"), x)


def test_stretches_are_as_long_as_asked():
    masked = stretches(2000, 20, 0.3, generator())
    assert sorted(set(masked.sum(1).tolist())) == [0, 1, 2, 3, 4, 5, 6]
    assert masked.any(0).all()
    left = (~outside(2000, 20, 0.5, generator())).sum(1)
    assert left.min() == 10 and left.max() == 20
