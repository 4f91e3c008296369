"""Solvers, guidance and noise against what can be solved by hand."""

import math

import pytest
import torch
from signal_diffusion.diffusion.guidance import Guided, rectified_cfgpp
from signal_diffusion.diffusion.noise import sample_noise
from signal_diffusion.diffusion.paths import PATHS
from signal_diffusion.diffusion.process import Process
from signal_diffusion.diffusion.solvers import SOLVERS, time_grid
from torch import nn

STD = 0.5


def gaussian(path):
    """The exact y of data N(0, STD^2), by the conditional means of data and noise; the flow maps z to STD z."""

    def velocity(z, t):
        a, s = path.a(t), path.s(t)
        x, noise = a * STD**2 * z, s * z
        return (path.g(t) * noise - path.h(t) * x) / spread(path, t) ** 2

    return velocity


def spread(path, t):
    """Standard deviation of z_t."""
    return math.sqrt(path.a(t) ** 2 * STD**2 + path.s(t) ** 2)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("ddim", 1), ("heun", 2), ("dpmpp_2m", 2)])
def test_solvers_converge_to_the_exact_flow_with_their_order(path, solver, order):
    z, exact = torch.ones(1, dtype=torch.float64), spread(path, 0.05) / spread(path, 0.95)
    grids = [torch.linspace(0.95, 0.05, steps + 1, dtype=torch.float64).tolist() for steps in (128, 256)]
    errors = [abs(float(SOLVERS[solver](gaussian(path), z, grid, path)) - exact) for grid in grids]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


# Of euler, ddim, heun and dpmpp_2m from 64 to 128 steps, as docs/diffusion.md has them.
WHOLE_WAY = {
    "flow": (1.0, 1.0, 2.0, 1.7),
    "cosine": (1.0, 1.0, 2.0, 1.5),
    "linear": (1.0, 1.0, 1.5, 0.8),
    "scaled-linear": (0.8, 0.9, 1.0, 1.1),
}


@pytest.mark.parametrize("schedule", PATHS)
def test_orders_from_pure_noise_to_data_are_those_of_the_docs(schedule):
    """On the linear paths the angle goes as the root of t near the data, where even steps in t are long ones in it."""
    path, z = PATHS[schedule], torch.ones(1, dtype=torch.float64)
    for solver, order in zip(("euler", "ddim", "heun", "dpmpp_2m"), WHOLE_WAY[schedule], strict=True):
        grids = [time_grid(steps, path=path) for steps in (64, 128)]
        found = [float(SOLVERS[solver](gaussian(path), z, grid, path)) for grid in grids]
        errors = [abs(each - STD / spread(path, 1.0)) for each in found]
        assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.06)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_solvers_go_all_the_way_from_noise_to_data(path, solver):
    z = torch.ones(1, dtype=torch.float64)
    assert float(SOLVERS[solver](gaussian(path), z, time_grid(400, path=path), path)) == pytest.approx(
        STD, abs=0.02
    )


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_grids_end_where_they_should_and_shift_by_the_ratio(path):
    plain, shifted = time_grid(8, 1.0, path), time_grid(8, 3.0, path)
    assert plain[0] == shifted[0] == 1 and plain[-1] == shifted[-1] == 0
    last = path.a(1.0) / path.s(1.0)  # more than 0 on the linear paths
    above = [[path.a(t) / path.s(t) - last for t in grid[1:-1]] for grid in (plain, shifted)]
    assert [3 * each for each in above[1]] == pytest.approx(above[0])


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("shift", [0.5, 2.0, 3.0, 20.0])
@pytest.mark.parametrize("solver", SOLVERS)
def test_shifted_grids_always_go_on_and_solvers_stay_finite(path, shift, solver):
    z = torch.ones(1, dtype=torch.float64)
    for steps in (5, 20, 400):
        grid = time_grid(steps, shift, path)
        assert all(then < now for now, then in zip(grid[:-1], grid[1:], strict=True))
        found = float(SOLVERS[solver](gaussian(path), z, grid, path))
        assert math.isfinite(found)
    assert shift > 3 or found == pytest.approx(STD, abs=0.03)


def test_shift_moves_steps_towards_noise():
    assert time_grid(4) == [1, 0.75, 0.5, 0.25, 0]
    shifted = time_grid(4, 3)
    assert shifted[0] == 1 and shifted[-1] == 0
    odds = [t / (1 - t) for t in shifted[1:-1]]
    assert odds == pytest.approx([3 * t / (1 - t) for t in (0.75, 0.5, 0.25)])


def test_ddim_is_euler_on_flows_path():
    z, velocity = torch.randn(5, dtype=torch.float64), gaussian(PATHS["flow"])
    grid = time_grid(7, 2.0)
    torch.testing.assert_close(SOLVERS["ddim"](velocity, z, grid), SOLVERS["euler"](velocity, z, grid))


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


class Slope(nn.Module):
    """v = c z + t with a condition of c, 0.5 z without; notes the times that it is asked at."""

    def __init__(self):
        super().__init__()
        self.times = []

    def forward(self, z, time, condition=None, drop=None):
        self.times.append(float(time[0]))
        dropped = torch.zeros(len(z), dtype=torch.bool) if drop is None else drop
        slope = torch.where(dropped, 0.5, condition[:, 0]).view(-1, 1, 1, 1)
        return slope * z + torch.where(dropped, 0, time).view(-1, 1, 1, 1)


@pytest.mark.parametrize("power", [0.0, 0.5])
def test_rectified_cfgpp_follows_the_paper(power):
    """Two steps by hand: x_half = x + dt/2 v_c; v = v_c + (scale - 1) (1 - t)^power (v_c - v_null)(x_half)."""
    model, z = Slope(), torch.full([1, 1, 1, 1], 1.5, dtype=torch.float64)
    guided = Guided(model, Process(), torch.full([1, 1], 2.0, dtype=torch.float64))
    found = float(rectified_cfgpp(guided, z, [0.8, 0.3, 0.0], 3.0, power))
    x, asked = 1.5, []
    for now, then in ((0.8, 0.3), (0.3, 0.0)):
        velocity, middle = 2 * x + now, (now + then) / 2
        half = x + (then - now) / 2 * velocity
        x += (then - now) * (velocity + 2 * (1 - now) ** power * (2 * half + middle - 0.5 * half))
        asked += [now, middle]
    assert found == pytest.approx(x, abs=1e-5) and model.times == pytest.approx(asked)


def test_rectified_cfgpp_of_scale_1_is_euler_with_the_condition():
    guided = Guided(Slope(), Process(), torch.full([1, 1], 2.0))
    z, grid = torch.ones(1, 1, 1, 1), time_grid(5)
    plain = SOLVERS["euler"](lambda z, t: guided.cfg(z, t, 1.0), z, grid)
    torch.testing.assert_close(rectified_cfgpp(guided, z, grid, 1.0, 0.0), plain, rtol=0, atol=0)


def test_noise_is_a_function_of_seed_and_index():
    whole = sample_noise(3, range(5), (1, 8, 8))
    torch.testing.assert_close(sample_noise(3, [4, 2], (1, 8, 8)), whole[[4, 2]], rtol=0, atol=0)
    assert not torch.equal(whole, sample_noise(4, range(5), (1, 8, 8)))
    many = sample_noise(0, range(400), (1, 8, 8))
    assert abs(float(many.mean())) < 0.02 and abs(float(many.std()) - 1) < 0.02
