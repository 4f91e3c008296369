"""Selective scan, the recurrence of Mamba (Gu & Dao 2023, arXiv 2312.00752), exact on any device.

    h[t] = exp(delta[t] a) h[t - 1] + delta[t] b[t] u[t],    y[t] = c[t] h[t] + d u[t]

Where mamba-ssm's compiled kernels exist they are used. Elsewhere the recurrence runs in chunks of steps that fit
into the processor's cache, one in-place operation per step; the states at the chunks' starts are kept, and backward
computes the others again (as the kernels do), so that memory does not grow with the number of states.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_ELEMENTS = 2**19  # of one work array, three of which are in use at once
SHORTEST_CHUNK = 8


def selective_scan(
    u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, bias: Tensor
) -> Tensor:
    """Scan along the second axis; step sizes are softplus(delta + bias). Returns y, shaped and typed like u.

    Args:
        u, delta: [batch, length, groups, channels].
        a: negative rates, [groups, channels, states].
        b, c: [batch, length, groups, states], shared by the channels of a group.
        d, bias: [groups, channels].
    """
    if backend(u.device) == "mamba-ssm":
        return _kernel(u, delta, a, b, c, d, bias)
    return chunked_scan(u, delta, a, b, c, d, bias)


def backend(device: torch.device) -> str:
    """Which implementation runs on `device`: "mamba-ssm" (compiled kernels) or "chunked" (a loop over steps)."""
    return "mamba-ssm" if device.type == "cuda" and _has_kernels() else "chunked"


@lru_cache
def _has_kernels() -> bool:
    try:
        import mamba_ssm.ops.selective_scan_interface  # noqa: F401
    except ImportError:
        return False
    return True


def _kernel(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, bias: Tensor) -> Tensor:
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    u_last, delta_last = (x.to(u.dtype).flatten(2).transpose(1, 2).contiguous() for x in (u, delta))
    b_last, c_last = (x.to(u.dtype).permute(0, 2, 3, 1).contiguous() for x in (b, c))
    rates, skip, shift = (x.float().flatten(0, 1).contiguous() for x in (a, d, bias))
    y = selective_scan_fn(
        u_last, delta_last, rates, b_last, c_last, skip, delta_bias=shift, delta_softplus=True
    )
    return y.transpose(1, 2).unflatten(2, u.shape[2:])


def chunked_scan(
    u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, bias: Tensor
) -> Tensor:
    """The scan without kernels, in float32 or float64; arguments as in `selective_scan`."""
    wide = torch.promote_types(u.dtype, torch.float32)
    with torch.autocast("cpu" if u.is_meta else u.device.type, enabled=False):
        u_wide, delta, a, b, c, d, bias = (x.to(wide) for x in (u, delta, a, b, c, d, bias))
        steps = F.softplus(delta + bias)
        first = [x.transpose(0, 1).contiguous() for x in (u_wide, steps, b, c)]
        rates = a.transpose(1, 2).contiguous()
        y, _ = torch.ops.signal_diffusion.selective_scan(*first[:2], rates, *first[2:])
        return (y.transpose(0, 1) + d * u_wide).to(u.dtype)


def scan_flops(batch: int, length: int, channels: int, states: int) -> int:
    """Floating-point operations of one scan forward: for every state a product and an exponential for its decay,
    three operations for its input and update, two for the output; two more per channel for the skip."""
    return batch * length * channels * (7 * states + 2)


# Operators of torch: a compiler that traced the loops would unroll them, and counters know these by name.
# (`torch.library.custom_op` would do, but imports the compiler at the first call.)
SCAN, BACKWARD = "signal_diffusion::selective_scan", "signal_diffusion::selective_scan_backward"
torch.library.define(SCAN, "(Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c) -> (Tensor, Tensor)")
torch.library.define(
    BACKWARD,
    "(Tensor dy, Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c, Tensor starts)"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)


@torch.library.impl(SCAN, "CompositeExplicitAutograd")
def _scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """y and the states at the chunks' starts [chunks, batch, groups, states, channels].

    Here length comes first: u, delta [length, batch, groups, channels], b, c [length, batch, groups, states], and
    a is [groups, states, channels].
    """
    work = _Work(u, a, 2)
    y, starts = torch.empty_like(u), u.new_zeros(work.chunks, *work.state)
    state = starts[0]
    for index, part in enumerate(work.parts()):
        starts[index] = state
        _, states = _states(work, u[part], delta[part], a, b[part], starts[index])
        torch.matmul(c[part, ..., None, :], states, out=y[part].unsqueeze(-2))
        state = states[-1]
    return y, starts


@torch.library.register_fake(SCAN)
def _(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    work = _Work(u, a, 0)
    return torch.empty_like(u), u.new_empty(work.chunks, *work.state)


@torch.library.impl(BACKWARD, "CompositeExplicitAutograd")
def _scan_backward(
    dy: Tensor, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, starts: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of u, delta, a, b and c, from the last chunk to the first."""
    work = _Work(u, a, 3)
    du, ddelta, da, db, dc = (torch.empty_like(x) for x in (u, delta, a, b, c))
    da.zero_()
    carry = torch.zeros_like(starts[0])
    for index, part in reversed(list(enumerate(work.parts()))):
        decays, states = _states(work, u[part], delta[part], a, b[part], starts[index])
        grads = _state_gradients(work, dy[part], c[part], decays, carry)
        torch.mul(decays[0], grads[0], out=carry)
        torch.matmul(states, dy[part, ..., None], out=dc[part].unsqueeze(-1))
        torch.matmul(grads, (delta[part] * u[part])[..., None], out=db[part].unsqueeze(-1))
        inputs = torch.matmul(b[part, ..., None, :], grads).squeeze(-2)
        torch.mul(inputs, delta[part], out=du[part])
        rates = _rate_gradients(grads, decays, states, starts[index])
        torch.addcmul((torch.mul(rates, a, out=states)).sum(-2), inputs, u[part], out=ddelta[part])
        da += rates.mul_(delta[part][..., None, :]).flatten(0, 1).sum(0)
    return du, ddelta, da, db, dc


@torch.library.register_fake(BACKWARD)
def _(
    dy: Tensor, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, starts: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    return tuple(torch.empty_like(x) for x in (u, delta, a, b, c))


def _keep(ctx, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, output[1])


def _gradients(ctx, dy: Tensor, _: Tensor) -> tuple[Tensor, ...]:
    return torch.ops.signal_diffusion.selective_scan_backward(dy.contiguous(), *ctx.saved_tensors)


torch.library.register_autograd(SCAN, _gradients, setup_context=_keep)


class _Work:
    """How the steps are cut into chunks, and the arrays in which every chunk is worked on."""

    def __init__(self, u: Tensor, a: Tensor, arrays: int):
        self.length, self.state = len(u), (u.shape[1], *a.shape)
        size = self.state[0] * a.numel()
        self.steps = min(self.length, max(SHORTEST_CHUNK, CHUNK_ELEMENTS // size))
        self.chunks = -(-self.length // self.steps)
        self.arrays = [u.new_empty(self.steps, *self.state) for _ in range(arrays)]

    def parts(self) -> list[slice]:
        return [slice(at, min(at + self.steps, self.length)) for at in range(0, self.length, self.steps)]


def _states(
    work: _Work, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Decays exp(delta a) and states of a chunk that starts from `state`, [steps, batch, groups, states, channels]."""
    decays, states = (array[: len(u)] for array in work.arrays[:2])
    torch.mul(delta[..., None, :], a, out=decays).exp_()
    torch.mul((delta * u)[..., None, :], b[..., None], out=states)
    for decay, current in zip(decays.unbind(0), states.unbind(0), strict=True):
        state = current.addcmul_(decay, state)
    return decays, states


def _state_gradients(work: _Work, dy: Tensor, c: Tensor, decays: Tensor, carry: Tensor) -> Tensor:
    """Gradients of a chunk's states; `carry` is what the next chunk's first state passes back to the last."""
    grads = work.arrays[2][: len(dy)]
    torch.mul(dy[..., None, :], c[..., None], out=grads)
    grads[-1] += carry
    steps, factors = grads.unbind(0), decays.unbind(0)
    for step in range(len(steps) - 2, -1, -1):
        steps[step].addcmul_(factors[step + 1], steps[step + 1])
    return grads


def _rate_gradients(grads: Tensor, decays: Tensor, states: Tensor, start: Tensor) -> Tensor:
    """Gradients of the exponents delta a, in the place of the decays: grads x decay x the state before."""
    rates = decays.mul_(grads)
    rates[1:] *= states[:-1]
    rates[0] *= start
    return rates
