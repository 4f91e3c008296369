"""Tiled neighbourhood attention against its definition, values and gradients."""

import random

import pytest
import torch
from signal_diffusion.models.neighborhood import tiled_attention, window_starts


def by_definition(q, k, v, kernel_size, scale):
    """Each query attends to the kernel_size x kernel_size keys that NATTEN's definition gives it, one by one."""
    height, width = q.shape[1:3]
    out = torch.zeros_like(q)
    kernels = min(kernel_size, height), min(kernel_size, width)
    for i in range(height):
        for j in range(width):
            top = min(max(i - kernels[0] // 2, 0), height - kernels[0])
            left = min(max(j - kernels[1] // 2, 0), width - kernels[1])
            keys, values = (
                x[:, top : top + kernels[0], left : left + kernels[1]].flatten(1, 2) for x in (k, v)
            )
            weights = torch.softmax(scale * torch.einsum("bhd,bkhd->bhk", q[:, i, j], keys), dim=-1)
            out[:, i, j] = torch.einsum("bhk,bkhd->bhd", weights, values)
    return out


DRAW = random.Random(0)
RANDOM = [(DRAW.randint(1, 24), DRAW.randint(1, 24)) for _ in range(3)]


@pytest.mark.parametrize("grid", [(16, 16), (13, 18), (8, 8), (7, 7), (20, 9), (5, 23), (3, 4), *RANDOM])
@pytest.mark.parametrize("kernel_size", [3, 5, 7])
@pytest.mark.parametrize("tile", [8, 16])
def test_equals_definition_in_values_and_gradients(grid, kernel_size, tile):
    torch.manual_seed(0)
    qkv = [torch.randn(2, *grid, 2, 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    probe = torch.randn(2, *grid, 2, 8, dtype=torch.float64)
    tiled = tiled_attention(*qkv, kernel_size, 0.3, tile)
    reference = by_definition(*qkv, kernel_size, 0.3)
    torch.testing.assert_close(tiled, reference, rtol=1e-9, atol=1e-10)
    gradients = torch.autograd.grad((tiled * probe).sum(), qkv)
    expected = torch.autograd.grad((reference * probe).sum(), qkv)
    torch.testing.assert_close(gradients, expected, rtol=1e-9, atol=1e-10)


def test_edge_windows_move_inwards():
    assert window_starts(9, 5).tolist() == [0, 0, 0, 1, 2, 3, 4, 4, 4]
