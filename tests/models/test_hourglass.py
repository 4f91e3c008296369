"""The hourglass transformer: shapes, start, conditions, positions, gradients."""

import pytest
import torch
from signal_diffusion.models.hourglass import Hourglass, Level
from signal_diffusion.models.layers import AxialRoPE, merge_patches, rotate, split_patches


def small(condition_width=6, channels=1):
    torch.manual_seed(0)
    levels = [Level(1, 16, 32, 8, kernel_size=3), Level(2, 32, 64, 16)]
    return Hourglass(channels, (2, 2), levels, 16, 1, None, condition_width)


def awake(model):
    """The same network with every zero-initialised weight drawn at random."""
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("shape", [(2, 1, 16, 16), (1, 1, 8, 24)])
def test_keeps_the_shape_and_starts_silent(shape):
    out = small()(torch.randn(shape), torch.rand(shape[0]), torch.randn(shape[0], 6))
    assert out.shape == shape and not out.any()


def test_dropped_samples_see_the_learned_null_condition_and_nothing_of_their_own():
    model, x, t = awake(small()), torch.randn(2, 1, 16, 16), torch.tensor([0.3, 0.6])
    drop = torch.tensor([True, False])
    first, second = (model(x, t, torch.randn(2, 6), drop) for _ in range(2))
    assert torch.equal(first[0], second[0]) and not torch.equal(first[1], second[1])
    null = model.mapping.null.detach().expand(2, -1)
    torch.testing.assert_close(model(x, t, null)[0], first[0])
    first[0].sum().backward()
    assert model.mapping.null.grad.any()


def test_every_parameter_learns_and_stands_in_one_group():
    model = awake(small())
    out = model(torch.randn(2, 1, 16, 16), torch.rand(2), torch.randn(2, 6), torch.tensor([True, False]))
    out.square().mean().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []
    grouped = [id(p) for group in model.parameter_groups(0.1) for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())


def test_tokens_know_where_they_stand():
    """Equal content everywhere gives different outputs in different rows and columns."""
    out = awake(small(0))(torch.ones(1, 1, 16, 16), torch.full([1], 0.5))
    patches = merge_patches(out.movedim(1, -1), (2, 2)).flatten(1, 2)[0]
    assert torch.pdist(patches).min() > 1e-4


def test_rope_makes_scores_depend_on_differences_of_position():
    rope = AxialRoPE(16, 2)
    cos, sin = rope.angles(9, 9, torch.device("cpu"))
    q, k = torch.randn(2, 16), torch.randn(2, 16)
    at = lambda x, i, j: rotate(x, cos[i, j], sin[i, j])  # noqa: E731
    score = lambda a, b: (at(q, *a) * at(k, *b)).sum(-1)  # noqa: E731
    torch.testing.assert_close(score((1, 2), (3, 5)), score((4, 3), (6, 6)))
    assert not torch.allclose(score((1, 2), (3, 5)), score((1, 2), (3, 6)))


def test_patches_split_as_they_merge():
    x = torch.arange(2 * 6 * 8 * 3.0).view(2, 6, 8, 3)
    merged = merge_patches(x, (3, 2))
    assert torch.equal(merged[1, 1, 2], x[1, 3:6, 4:6].flatten())
    assert torch.equal(split_patches(merged, (3, 2)), x)
