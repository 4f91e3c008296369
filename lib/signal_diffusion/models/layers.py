"""Layers of the hourglass transformer (Crowson et al. 2024, arXiv 2401.11605)."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from signal_diffusion.models.dropout import Dropout
from signal_diffusion.models.neighborhood import neighborhood_attention

OCTAVES = 6
POSITION_WIDTH = 4 * OCTAVES


def zero_init(layer: nn.Linear) -> nn.Linear:
    """Start a projection at zero, so that its residual branch starts as the identity."""
    nn.init.zeros_(layer.weight)
    return layer


def recomputed(block: Callable[..., Tensor], checkpointing: bool, *inputs: Tensor) -> Tensor:
    """`block(*inputs)`; with `checkpointing` its activations are not kept but computed again in backward."""
    if checkpointing and torch.is_grad_enabled():
        return checkpoint(block, *inputs, use_reentrant=False)
    return block(*inputs)


def padded(x: Tensor, cell: tuple[int, int]) -> Tensor:
    """x [batch, channels, height, width] with zeros below and to the right, up to multiples of `cell`."""
    height, width = (-side % step for side, step in zip(x.shape[2:], cell, strict=True))
    return F.pad(x, (0, width, 0, height)) if height or width else x


class RMSNorm(nn.Module):
    """Root-mean-square norm with a learned gain (Zhang & Sennrich 2019)."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), eps=1e-6)


class AdaRMSNorm(nn.Module):
    """RMSNorm whose gain is a linear function of the condition, 1 at the start."""

    def __init__(self, width: int, condition_width: int):
        super().__init__()
        self.linear = zero_init(nn.Linear(condition_width, width, bias=False))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain = (self.linear(condition) + 1).to(x.dtype)
        return F.rms_norm(x, (x.shape[-1],), eps=1e-6) * gain.view(gain.shape[0], *[1] * (x.ndim - 2), -1)


class GEGLU(nn.Module):
    """Gated feed-forward projection (Shazeer 2020)."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.linear = nn.Linear(width, 2 * hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.linear(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """x + W2 GEGLU(AdaRMSNorm(x)); W2 starts at zero."""

    def __init__(self, width: int, hidden: int, condition_width: int, dropout: float = 0.0):
        super().__init__()
        self.norm = AdaRMSNorm(width, condition_width)
        self.up = GEGLU(width, hidden)
        self.dropout = Dropout(dropout)
        self.down = zero_init(nn.Linear(hidden, width, bias=False))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x + self.down(self.dropout(self.up(self.norm(x, condition))))


def axial_positions(height: int, width: int, device: torch.device) -> Tensor:
    """Centred grid positions [height, width, 2]; the longer side spans [-1, 1]."""
    longest = max(height, width)
    axes = [(torch.arange(n, device=device) - (n - 1) / 2) * (2 / longest) for n in (height, width)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def position_features(height: int, width: int, device: torch.device) -> Tensor:
    """Sines and cosines of the grid position at octave frequencies, [height, width, POSITION_WIDTH]."""
    angles = (
        axial_positions(height, width, device)[..., None]
        * (math.pi / 2)
        * 2 ** torch.arange(OCTAVES, device=device)
    )
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)


class AxialRoPE(nn.Module):
    """Axial rotary embedding over half of each head's dimensions (Su et al. 2021; axial as in HDiT)."""

    def __init__(self, head_dim: int, heads: int):
        super().__init__()
        per_axis = head_dim // 8
        exponents = torch.linspace(math.log(math.pi), math.log(10 * math.pi), heads * per_axis + 1)[:-1]
        self.register_buffer(
            "frequencies", exponents.exp().view(per_axis, heads).T.contiguous(), persistent=False
        )

    def angles(self, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Cosine and sine, each [height, width, heads, head_dim / 4]."""
        positions = axial_positions(height, width, device)[..., None, :, None]
        theta = (positions * self.frequencies[:, None].to(device)).flatten(-2)
        return theta.cos(), theta.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the first half of the last axis of x [..., heads, head_dim] by the given angles."""
    quarter = cos.shape[-1]
    first, second, rest = x.split([quarter, quarter, x.shape[-1] - 2 * quarter], dim=-1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1)


class SelfAttention(nn.Module):
    """Cosine-similarity self-attention with a learned temperature per head and axial RoPE.

    `kernel_size` None attends globally, otherwise within neighbourhoods of kernel_size x kernel_size tokens.
    """

    def __init__(
        self, width: int, head_dim: int, condition_width: int, kernel_size: int | None, dropout: float = 0.0
    ):
        super().__init__()
        self.heads, self.head_dim, self.kernel_size = width // head_dim, head_dim, kernel_size
        self.norm = AdaRMSNorm(width, condition_width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.temperature = nn.Parameter(torch.full([self.heads], 10.0))
        self.rope = AxialRoPE(head_dim, self.heads)
        self.dropout = Dropout(dropout)
        self.out = zero_init(nn.Linear(width, width, bias=False))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [batch, height, width, channels]."""
        height, width = x.shape[1:3]
        q, k, v = self.qkv(self.norm(x, condition)).unflatten(-1, (3, self.heads, self.head_dim)).unbind(-3)
        root = self.temperature.to(q.dtype).sqrt()[:, None]
        cos, sin = self.rope.angles(height, width, x.device)
        # Autocast computes norms in float32 on CUDA; kernels take tensors of one type.
        q, k = (rotate(F.normalize(y, dim=-1) * root, cos, sin).to(v.dtype) for y in (q, k))
        attended = self._attend(q, k, v).flatten(-2)
        return x + self.out(self.dropout(attended))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        height, width = q.shape[1:3]
        if self.kernel_size is not None and self.kernel_size < max(height, width):
            return neighborhood_attention(q, k, v, self.kernel_size, scale=1.0)
        q, k, v = (y.flatten(1, 2).transpose(1, 2) for y in (q, k, v))
        out = F.scaled_dot_product_attention(q, k, v, scale=1.0)
        return out.transpose(1, 2).unflatten(1, (height, width))


def merge_patches(x: Tensor, patch: tuple[int, int]) -> Tensor:
    """[batch, height, width, c] to [batch, height / p, width / q, p q c]."""
    b, h, w, c = x.shape
    p, q = patch
    return x.view(b, h // p, p, w // q, q, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h // p, w // q, p * q * c)


def split_patches(x: Tensor, patch: tuple[int, int]) -> Tensor:
    """Inverse of merge_patches."""
    b, h, w, c = x.shape
    p, q = patch
    x = x.view(b, h, w, p, q, c // (p * q)).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * p, w * q, c // (p * q))


class TokenMerge(nn.Module):
    """Join each patch of tokens into one wider token."""

    def __init__(self, inner: int, outer: int, patch: tuple[int, int] = (2, 2)):
        super().__init__()
        self.patch = patch
        self.linear = nn.Linear(inner * patch[0] * patch[1], outer, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(merge_patches(x, self.patch))


class TokenSplit(nn.Module):
    """Split tokens again and mix them with the skip connection by a learned lerp."""

    def __init__(self, inner: int, outer: int, patch: tuple[int, int] = (2, 2)):
        super().__init__()
        self.patch = patch
        self.linear = nn.Linear(inner, outer * patch[0] * patch[1], bias=False)
        self.mix = nn.Parameter(torch.full([1], 0.5))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return torch.lerp(
            skip, split_patches(self.linear(x), self.patch).to(skip.dtype), self.mix.to(skip.dtype)
        )
