"""Tiled neighbourhood attention against its definition, values and gradients."""

import random
import sys
from types import SimpleNamespace

import pytest
import torch
from signal_diffusion.models import layers, neighborhood
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


def strict_na2d(q, k, v, kernel_size, scale):
    """NATTEN's, which refuses tensors of different types."""
    assert q.dtype == k.dtype == v.dtype, (q.dtype, k.dtype, v.dtype)
    assert kernel_size == (3, 3)
    return tiled_attention(q, k, v, 3, scale)


@pytest.mark.parametrize("backend", ["natten", "tiled"])
@pytest.mark.parametrize("kernel_size", [3, None])
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_attention_takes_the_norms_that_autocast_leaves_in_float32(monkeypatch, backend, kernel_size, half):
    """Autocast computes norms in float32 on CUDA, not on CPUs: queries and keys then come wider than values."""
    normalize = torch.nn.functional.normalize
    monkeypatch.setattr(layers.F, "normalize", lambda x, dim: normalize(x.float(), dim=dim))
    monkeypatch.setattr(neighborhood, "backend", lambda device: backend)
    monkeypatch.setitem(sys.modules, "natten", SimpleNamespace(na2d=strict_na2d))
    torch.manual_seed(0)
    attention = layers.SelfAttention(16, 8, 4, kernel_size)
    torch.nn.init.normal_(attention.out.weight)
    x, condition = torch.randn(1, 5, 6, 16), torch.randn(1, 4)
    expected = attention(x, condition)
    found = attention.to(half)(x.to(half), condition.to(half))
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.1)
