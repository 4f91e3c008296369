"""Solvers, guidance and noise against what can be solved by hand."""

import math

import pytest
import torch
from signal_diffusion.diffusion.guidance import Guided
from signal_diffusion.diffusion.noise import sample_noise
from signal_diffusion.diffusion.process import Process
from signal_diffusion.diffusion.solvers import SOLVERS, dpmpp_2m, euler, heun, time_grid
from torch import nn

STD = 0.5


def gaussian_velocity(z, t):
    """The exact velocity for data N(0, STD^2); the flow maps z to STD z."""
    return (t - (1 - t) * STD**2) / ((1 - t) ** 2 * STD**2 + t**2) * z


def spread(t):
    return math.sqrt((1 - t) ** 2 * STD**2 + t**2)


@pytest.mark.parametrize(("solver", "order"), [(euler, 1), (heun, 2), (dpmpp_2m, 2)])
def test_solvers_converge_to_the_exact_flow_with_their_order(solver, order):
    z, exact = torch.ones(1, dtype=torch.float64), spread(0.05) / spread(0.95)
    grids = [torch.linspace(0.95, 0.05, steps + 1, dtype=torch.float64).tolist() for steps in (64, 128)]
    errors = [abs(float(solver(gaussian_velocity, z, grid)) - exact) for grid in grids]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("solver", [euler, heun, dpmpp_2m])
def test_solvers_go_all_the_way_from_noise_to_data(solver):
    z = torch.ones(1, dtype=torch.float64)
    assert float(solver(gaussian_velocity, z, time_grid(200))) == pytest.approx(STD, abs=0.01)


def test_shift_moves_steps_towards_noise():
    assert time_grid(4) == [1, 0.75, 0.5, 0.25, 0]
    shifted = time_grid(4, 3)
    assert shifted[0] == 1 and shifted[-1] == 0
    odds = [t / (1 - t) for t in shifted[1:-1]]
    assert odds == pytest.approx([3 * t / (1 - t) for t in (0.75, 0.5, 0.25)])


def test_ddim_is_euler_on_this_path():
    """x_s = (1 - s) x + s e with x and e read off v is the Euler step."""
    z, now, then = torch.randn(5, dtype=torch.float64), 0.7, 0.4
    v = torch.randn(5, dtype=torch.float64)
    ddim = (1 - then) * (z - now * v) + then * (z + (1 - now) * v)
    torch.testing.assert_close(SOLVERS["ddim"](lambda *_: v, z, [now, then]), ddim)


class Switch(nn.Module):
    """Answers the condition, or -1 where it is dropped; counts its calls."""

    calls = 0

    def forward(self, z, time, condition=None, drop=None):
        self.calls += 1
        dropped = torch.zeros(len(z), dtype=torch.bool) if drop is None else drop
        value = torch.where(dropped, -1.0, 3.0 if condition is None else condition[:, 0])
        return value.view(-1, 1, 1, 1).expand_as(z)


@pytest.mark.parametrize(("scale", "expected"), [(0.0, -1.0), (1.0, 2.0), (3.0, -1 + 3 * 3.0)])
def test_guidance_extrapolates_from_the_null_condition(scale, expected):
    model = Switch()
    out = Guided(model, Process(), torch.full([4, 1], 2.0)).cfg(torch.zeros(4, 1, 2, 2), 0.5, scale)
    assert out.unique().tolist() == [expected]
    assert model.calls == 1


def test_noise_is_a_function_of_seed_and_index():
    whole = sample_noise(3, range(5), (1, 8, 8))
    torch.testing.assert_close(sample_noise(3, [4, 2], (1, 8, 8)), whole[[4, 2]], rtol=0, atol=0)
    assert not torch.equal(whole, sample_noise(4, range(5), (1, 8, 8)))
    many = sample_noise(0, range(400), (1, 8, 8))
    assert abs(float(many.mean())) < 0.02 and abs(float(many.std()) - 1) < 0.02
