"""The chunked selective scan against its definition, values and gradients, and orders of scanning."""

import random

import pytest
import torch
from signal_diffusion.models import scan
from signal_diffusion.models.scan import backend, chunked_scan
from signal_diffusion.models.scan_orders import reordered, restored, scan_order, scan_orders

SHAPES = [
    (2, 13, 3, 5, 4),
    (1, 1, 1, 1, 1),
    (2, 37, 2, 8, 16),
    (3, 9, 1, 1, 7),
    (1, 64, 4, 3, 2),
    (2, 8, 1, 6, 1),
]
DRAW = random.Random(0)
SHAPES += [tuple(DRAW.randint(1, most) for most in (3, 50, 3, 9, 9)) for _ in range(6)]


def by_definition(u, delta, a, b, c, d, bias):
    """h[t] = exp(delta[t] a) h[t - 1] + delta[t] b[t] u[t], y[t] = c[t] h[t] + d u[t], one step after the other."""
    steps, state, outputs = torch.log1p(torch.exp(delta + bias)), u.new_zeros(u.shape[0], *a.shape), []
    for t in range(u.shape[1]):
        decay = torch.exp(steps[:, t, ..., None] * a)
        state = decay * state + (steps[:, t] * u[:, t])[..., None] * b[:, t, :, None, :]
        outputs.append((state * c[:, t, :, None, :]).sum(-1) + d * u[:, t])
    return torch.stack(outputs, dim=1)


def arguments(batch, length, groups, channels, states, dtype=torch.float64):
    generator = torch.Generator().manual_seed(length)
    draw = lambda *shape: torch.randn(shape, generator=generator, dtype=dtype)  # noqa: E731
    rates = -torch.rand(groups, channels, states, generator=generator, dtype=dtype) * 3 - 0.05
    shape, shared = (batch, length, groups, channels), (batch, length, groups, states)
    inputs = (draw(*shape), draw(*shape), rates, draw(*shared), draw(*shared))
    return [x.requires_grad_() for x in (*inputs, draw(groups, channels), draw(groups, channels))]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chunk", [1, 3, 8, 1000])
def test_equals_definition_in_values_and_gradients(shape, chunk, monkeypatch):
    """Also where the last chunk is shorter, a chunk is one step, or all steps are one chunk."""
    monkeypatch.setattr(scan, "CHUNK_ELEMENTS", 1)
    monkeypatch.setattr(scan, "SHORTEST_CHUNK", chunk)
    inputs = arguments(*shape)
    found, expected = chunked_scan(*inputs), by_definition(*inputs)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)
    probe = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    gradients = [torch.autograd.grad((y * probe).sum(), inputs) for y in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-10)


def test_single_precision_stays_near_double_even_where_states_die_within_a_chunk():
    inputs = [x.detach() for x in arguments(2, 300, 2, 4, 8)]
    inputs[2] = inputs[2] * 40
    found = chunked_scan(*(x.float() for x in inputs))
    torch.testing.assert_close(found.double(), by_definition(*inputs), rtol=1e-4, atol=1e-4)


def test_half_precision_comes_back_as_it_came_but_is_summed_in_single():
    inputs = [x.detach() for x in arguments(1, 500, 1, 4, 4)]
    coarse = [inputs[0].bfloat16(), *(x.float() for x in inputs[1:])]
    with torch.autocast("cpu", torch.bfloat16):
        found = chunked_scan(*coarse)
    expected = by_definition(*(x.double() for x in coarse))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), expected, rtol=1e-2, atol=1e-2)


def test_memory_of_backward_does_not_hold_every_state():
    inputs, kept = arguments(1, 4096, 1, 32, 16, torch.float32), []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.nbytes), lambda x: x):
        chunked_scan(*inputs)
    assert sum(kept) < 4096 * 32 * 16 * 4 / 2


def test_the_kernels_of_mamba_are_not_asked_for_without_a_gpu():
    assert backend(torch.device("cpu")) == "chunked"


def test_the_kernels_get_what_mamba_calls_its_arguments(monkeypatch):
    """Against a stand-in for selective_scan_fn that works on its layout, [batch, channels, length]."""

    def kernel(u, delta, rates, b, c, skip, delta_bias, delta_softplus):
        assert (
            delta_softplus
            and rates.dtype == torch.float32
            and all(x.is_contiguous() for x in (u, delta, b, c))
        )
        groups = b.shape[1]
        first = [x.transpose(1, 2).unflatten(2, (groups, -1)).double() for x in (u, delta)]
        shared = [x.permute(0, 3, 1, 2).double() for x in (b, c)]
        rows = [x.unflatten(0, (groups, -1)).double() for x in (rates, skip, delta_bias)]
        y = by_definition(*first, rows[0], *shared, *rows[1:])
        return y.flatten(2).transpose(1, 2).to(u.dtype)

    module = type(scan)("mamba_ssm.ops.selective_scan_interface")
    module.selective_scan_fn = kernel
    monkeypatch.setitem(__import__("sys").modules, "mamba_ssm", type(scan)("mamba_ssm"))
    monkeypatch.setitem(__import__("sys").modules, "mamba_ssm.ops", type(scan)("mamba_ssm.ops"))
    monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
    inputs = [x.detach().float() for x in arguments(2, 11, 3, 4, 5)]
    torch.testing.assert_close(scan._kernel(*inputs), chunked_scan(*inputs), rtol=1e-4, atol=1e-5)


GRIDS = [
    (4, 4),
    (3, 5),
    (7, 2),
    (1, 6),
    (19, 8),
    *((DRAW.randint(1, 20), DRAW.randint(1, 20)) for _ in range(4)),
]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("direction", ["h", "v", "w2", "w3", "w7"])
def test_orders_meet_every_token_once_and_flips_go_back(direction, grid):
    order = scan_order(direction, *grid)
    assert sorted(order.tolist()) == list(range(grid[0] * grid[1]))
    assert torch.equal(scan_order(f"{direction}_flip", *grid), order.flip(0))


def test_orders_on_a_grid_that_is_no_square():
    """Rows 0 1 2 3 4 / 5 6 7 8 9 / 10 11 12 13 14, with windows that the border cuts."""
    assert scan_order("h", 3, 5).tolist() == list(range(15))
    assert scan_order("v", 3, 5).tolist() == [0, 5, 10, 1, 6, 11, 2, 7, 12, 3, 8, 13, 4, 9, 14]
    assert scan_order("v_flip", 3, 5).tolist()[:4] == [14, 9, 4, 13]
    assert scan_order("w2", 3, 5).tolist() == [0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14]


def test_reordering_and_back_in_values_and_gradients():
    directions = ("h", "v", "w2_flip", "v_flip")
    orders = scan_orders(directions, 3, 5, torch.device("cpu"))
    x = torch.randn(2, 15, 3, dtype=torch.float64, requires_grad=True)
    there = reordered(x, orders)
    for index, direction in enumerate(directions):
        assert torch.equal(there[:, :, index], x[:, scan_order(direction, 3, 5)])
    assert torch.equal(restored(there, orders), x[:, :, None].expand(-1, -1, 4, -1))
    weights = torch.randn(4, 1, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda y: restored(reordered(y, orders).cumsum(1) * weights, orders), x)
