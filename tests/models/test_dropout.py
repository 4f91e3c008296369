import pytest
import torch
import torch.nn.functional as F
from signal_diffusion.models.dropout import Dropout

COUNT = 1_000_000


@pytest.mark.parametrize("p", [0.0001, 0.1, 0.5, 0.9])
def test_drops_the_share_and_keeps_the_mean(p):
    torch.manual_seed(0)
    out = Dropout(p)(torch.ones(COUNT))
    kept = (out != 0).double()
    assert abs(1 - kept.mean() - p) < 5 * (p * (1 - p) / COUNT) ** 0.5
    assert abs(out.double().mean() - 1) < 5 * (p / (1 - p) / COUNT) ** 0.5
    assert len(out.unique()) == 2


def test_neighbours_are_independent():
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(COUNT)) != 0).double() - 0.5
    for lag in (1, 2, 3, 4, 8):
        assert abs((kept[lag:] * kept[:-lag]).mean()) < 5 * 0.25 / COUNT**0.5


def test_gradient_is_the_mask():
    x = torch.randn(7, 5, 3, dtype=torch.float64, requires_grad=True)
    out = Dropout(0.3)(x)
    weights = torch.randn_like(out)
    (out * weights).sum().backward()
    mask = torch.where(out == 0, 0.0, (out / x).detach())
    torch.testing.assert_close(x.grad, mask * weights)


def test_the_default_generator_decides():
    draw = Dropout(0.5)
    x = torch.ones(101)
    state = torch.get_rng_state()
    first, second = draw(x), draw(x)
    torch.set_rng_state(state)
    assert torch.equal(draw(x), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keeps_shape_and_kind(dtype):
    out = Dropout(0.2)(torch.ones(3, 1, 5, dtype=dtype))
    assert (out.shape, out.dtype) == ((3, 1, 5), dtype)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_all_or_nothing(p):
    x = torch.randn(9)
    assert torch.equal(Dropout(p)(x), F.dropout(x, p))


def test_off_when_evaluated():
    x = torch.randn(9)
    assert torch.equal(Dropout(0.5).eval()(x), x)
