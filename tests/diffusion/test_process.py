"""The process against its definitions in float64: targets, ways back, weights and times, on every path."""

import math

import numpy as np
import pytest
import torch
from signal_diffusion.diffusion.paths import PATHS
from signal_diffusion.diffusion.process import TARGETS, Process, expand

SCHEDULES, PREDICTIONS = tuple(PATHS), tuple(TARGETS)


def coefficients(schedule: str, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a and s by the papers' own formulas; linear as the product of many of DDPM's steps, scaled-linear of 1000."""
    if schedule == "flow":
        return 1 - t, t
    if schedule == "cosine":
        return np.cos(np.pi * t / 2), np.sin(np.pi * t / 2)
    if schedule == "scaled-linear":
        kept = np.cumsum(np.log1p(-(np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)))
        squared = np.exp(np.interp(t * 1000, np.arange(1001), [0, *kept]))
        return np.sqrt(squared), np.sqrt(1 - squared)
    steps = 200_000
    kept = np.cumsum(np.log1p(-np.linspace(0.1, 20, steps) / steps))
    squared = np.exp(np.interp(t * steps, np.arange(1, steps + 1), kept))
    return np.sqrt(squared), np.sqrt(1 - squared)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, 1, 4, 4, generator=generator, dtype=torch.float64)
    noise = torch.randn(16, 1, 4, 4, generator=generator, dtype=torch.float64)
    return x, noise, torch.linspace(0.07, 0.72, 16, dtype=torch.float64)


def answers(schedule, x, noise, t) -> dict[str, torch.Tensor]:
    """What an exact network says, by each prediction's definition."""
    a, s = (expand(torch.from_numpy(each), x) for each in coefficients(schedule, t.numpy()))
    return {"vector_field": noise - x, "epsilon": noise, "sample": x, "v": a * noise - s * x}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_an_exact_network_gives_the_velocity_and_the_clean_data(schedule, prediction, pair):
    x, noise, t = pair
    process = Process(prediction, schedule)
    z, exact = process.add_noise(x, noise, t), answers(schedule, x, noise, t)
    velocity = process.velocity(exact[prediction], z, t)
    wanted = exact["vector_field" if schedule == "flow" else "v"]
    torch.testing.assert_close(velocity, wanted, rtol=0, atol=2e-4)
    torch.testing.assert_close(process.target(x, noise, t), wanted, rtol=0, atol=2e-5)
    torch.testing.assert_close(process.clean(velocity, z, t), x, rtol=0, atol=2e-4)
    assert process.loss(exact[prediction], x, noise, t) < 1e-7


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_paths_are_those_of_the_papers(schedule):
    t = np.linspace(0.001, 1, 400)
    path, times = PATHS[schedule], torch.from_numpy(t)
    for found, wanted in zip((path.a(times), path.s(times)), coefficients(schedule, t), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)
    assert path.a(1.0) < (0.07 if schedule == "scaled-linear" else 0.01)
    assert path.a(0.0) == 1 and path.s(0.0) == 0
    assert (path.a(times) * path.g(times) + path.s(times) * path.h(times)).sub(1).abs().max() < 1e-12


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("form", ["soft", "hard"])
def test_min_snr_caps_the_weight_of_the_error_of_x(schedule, prediction, form, pair):
    """Every loss is a weighted error of x: 1 / s^2 without a cap, min(1 / s^2, gamma) or its soft form with one."""
    x, noise, t = pair
    a, s = coefficients(schedule, t.numpy())
    uncapped = 1 / s**2
    capped = np.minimum(uncapped, 5) if form == "hard" else 1 / (1 / uncapped + 1 / 5)
    off = 0.01 * torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    wrong = answers(schedule, x + off, noise - expand(torch.from_numpy(a / s), x) * off, t)[prediction]
    for gamma, weight in ((None, uncapped), (5.0, capped)):
        loss = Process(prediction, schedule, snr_gamma=gamma, snr_weight=form).loss(wrong, x, noise, t)
        assert float(loss) == pytest.approx(np.mean(weight * off.square().mean((1, 2, 3)).numpy()), rel=2e-3)


def test_no_end_of_the_path_is_switched_off_but_by_the_cap():
    """Pure noise keeps its whole weight, hard, or gamma / (1 + gamma) of it; the data's falls as gamma s^2."""
    t = torch.tensor([1e-3, 0.02, 0.5, 0.999], dtype=torch.float64)
    soft, hard = (Process(snr_gamma=5.0, snr_weight=form).weight(t) for form in ("soft", "hard"))
    torch.testing.assert_close(soft, 5 * t**2 / (1 + 5 * t**2))
    torch.testing.assert_close(hard, (5 * t**2).clamp(max=1))
    assert Process().weight(t).tolist() == [1, 1, 1, 1]


def test_preconditioned_silence_is_the_best_linear_guess():
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


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_shift_divides_what_the_data_to_noise_ratio_has_above_its_end(schedule):
    """That is 0 on flow and cosine, whose noise-to-data ratio is multiplied; no time goes past the end."""
    plain, shifted = (
        Process(schedule=schedule, times="uniform", times_shift=shift).sample_times(
            50, torch.Generator().manual_seed(0)
        )
        for shift in (1.0, 3.0)
    )
    (a, s), (b, r) = (coefficients(schedule, t.double().numpy()) for t in (plain, shifted))
    (end,) = np.divide(*coefficients(schedule, np.ones(1)))
    np.testing.assert_allclose(3 * (b / r - end), a / s - end, rtol=5e-3, atol=3e-4)
    assert len(shifted.unique()) == 50 and shifted.max() < 0.9999


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_networks_are_told_the_same_level_for_the_same_ratio(schedule):
    t = torch.linspace(0.05, 0.95, 19, dtype=torch.float64)
    a, s = coefficients(schedule, t.numpy())
    np.testing.assert_allclose(Process(schedule=schedule).network_time(t), s / (a + s), rtol=1e-3)
    assert math.isclose(float(PATHS["flow"].noise_level(t)[0]), 0.05)


def test_the_scaled_linear_path_has_the_steps_of_stable_diffusion():
    """Rombach et al. 2022: 1000 betas whose roots grow evenly from 0.00085 to 0.012."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept, path = np.cumprod(1 - betas), PATHS["scaled-linear"]
    for step in (0, 1, 499, 999):
        assert math.isclose(path.a((step + 1) / 1000) ** 2, kept[step], rel_tol=1e-12)
    assert path.a(0.0) == 1 and path.s(0.0) == 0


def test_some_networks_are_told_the_time_itself():
    t = torch.tensor([0.2, 0.9])
    assert torch.equal(Process("epsilon", "scaled-linear", told="time").network_time(t), t)
    assert not torch.allclose(Process("epsilon", "scaled-linear").network_time(t), t)
