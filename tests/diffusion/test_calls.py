"""Calls of the network as they are counted, against those that the samplers really make."""

import pytest
import torch
from signal_diffusion.diffusion.calls import network_calls, rectified_calls, steps_within
from signal_diffusion.diffusion.guidance import Guided, rectified_cfgpp
from signal_diffusion.diffusion.process import Process
from signal_diffusion.diffusion.solvers import SOLVERS, time_grid


class Counting(torch.nn.Module):
    """Counts evaluations per sample: a call of twice the batch is two."""

    evaluations = 0

    def forward(self, z, time, condition=None, drop=None):
        self.evaluations += len(z)
        return torch.zeros_like(z)


def guided(network):
    return Guided(network, Process(), torch.zeros(1, 2))


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("solver", SOLVERS)
def test_calls_are_those_that_solvers_make(solver, scale):
    network = Counting()
    told = guided(network)
    SOLVERS[solver](lambda z, t: told.cfg(z, t, scale), torch.zeros(1, 1, 2, 2), time_grid(7))
    assert network.evaluations == network_calls(solver, 7, scale != 1)


@pytest.mark.parametrize("power", [0.0, 0.5])
def test_calls_are_those_of_rectified_guidance(power):
    network = Counting()
    rectified_cfgpp(guided(network), torch.zeros(1, 1, 2, 2), time_grid(5), 2.0, power)
    assert network.evaluations == rectified_calls(5, power)


@pytest.mark.parametrize("is_guided", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_steps_are_the_most_that_the_calls_allow(solver, is_guided):
    for calls in range(1, 40):
        steps = steps_within(solver, calls, is_guided)
        assert not steps or network_calls(solver, steps, is_guided) <= calls
        assert network_calls(solver, steps + 1, is_guided) > calls
