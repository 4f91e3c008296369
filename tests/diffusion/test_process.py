"""The process against its definition: exact networks of every prediction type give the same velocity."""

import pytest
import torch
from signal_diffusion.diffusion.process import Process, expand


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, 1, 4, 4, generator=generator, dtype=torch.float64)
    noise = torch.randn(16, 1, 4, 4, generator=generator, dtype=torch.float64)
    return x, noise, torch.linspace(0.06, 0.94, 16, dtype=torch.float64)


@pytest.mark.parametrize("prediction", ["vector_field", "epsilon", "sample"])
def test_an_exact_network_gives_the_velocity_and_the_clean_image(prediction, pair):
    x, noise, t = pair
    process = Process(prediction)
    z = process.add_noise(x, noise, t)
    network = {"vector_field": noise - x, "epsilon": noise, "sample": x}[prediction]
    velocity = process.velocity(network, z, t)
    torch.testing.assert_close(velocity, noise - x)
    torch.testing.assert_close(process.clean(velocity, z, t), x)
    assert process.loss(network, x, noise, t) < 1e-10


def test_preconditioned_silence_is_the_best_linear_guess(pair):
    """E[v | z] of independent unit Gaussians, by regression on many draws."""
    generator = torch.Generator().manual_seed(1)
    x, noise = (torch.randn(200_000, 1, 1, 1, generator=generator, dtype=torch.float64) for _ in range(2))
    for value in (0.1, 0.5, 0.8):
        t = torch.full([len(x)], value, dtype=torch.float64)
        z = Process().add_noise(x, noise, t)
        slope = float(((noise - x) * z).sum() / (z * z).sum())
        guess = Process(preconditioned=True).velocity(torch.zeros_like(z), z, t)
        assert float((guess / z).mean()) == pytest.approx(slope, abs=0.01)
        variance = (1 - expand(t, z)) ** 2 + expand(t, z) ** 2
        target = ((noise - x) - guess) * variance.sqrt()
        assert float(target.var()) == pytest.approx(1, abs=0.02)


def test_times_are_logit_normal_and_stratified():
    process = Process(times_mean=0.4, times_std=0.8)
    logits = torch.logit(process.sample_times(50_000, torch.Generator().manual_seed(0)))
    assert logits.mean() == pytest.approx(0.4, abs=0.01)
    assert logits.std() == pytest.approx(0.8, abs=0.01)
    uniform = Process(times="uniform").sample_times(10, torch.Generator().manual_seed(0))
    assert sorted((uniform * 10).long().tolist()) == list(range(10))


def test_snr_gamma_caps_the_weight_of_the_error_of_x():
    """The error of x is t^2 times that of v: as t falls its weight stops at gamma instead of growing as 1/t^2."""
    t = torch.tensor([1e-3, 0.5, 0.999])
    weight = Process(snr_gamma=5.0).weight(t)
    assert (weight / t**2)[0] == pytest.approx(5, rel=1e-3)
    assert weight[2] == pytest.approx(5 / 6, rel=1e-2)
    assert Process().weight(t).tolist() == [1, 1, 1]
