"""Orders in which the tokens of a grid are scanned, on grids of any sides (LocalMamba, arXiv 2403.09338).

`h` goes along rows, from the top, `v` along columns, from the left, `wN` row by row within windows of N x N, which
follow each other row by row and are smaller where the grid ends; `_flip` goes backwards.
"""

from functools import lru_cache

import torch
from torch import Tensor


def scan_order(direction: str, height: int, width: int) -> Tensor:
    """Index, row by row, of the token that comes at each step, int64 [height * width]."""
    grid = torch.arange(height * width).view(height, width)
    kind = direction.removesuffix("_flip")
    if kind == "h":
        order = grid.flatten()
    elif kind == "v":
        order = grid.T.flatten()
    else:
        side = int(kind.removeprefix("w"))
        windows = [part for rows in grid.split(side) for part in rows.split(side, dim=1)]
        order = torch.cat([window.flatten() for window in windows])
    return order.flip(0) if direction != kind else order


@lru_cache(maxsize=64)
def scan_orders(
    directions: tuple[str, ...], height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Of each direction the order, and the step at which each token comes, both int64 [directions, tokens]."""
    with torch.inference_mode(False):
        orders = torch.stack([scan_order(direction, height, width) for direction in directions])
        return orders.to(device), orders.argsort(1).to(device)


def reordered(x: Tensor, orders: Tensor, inverse: Tensor) -> Tensor:
    """Tokens x [batch, tokens, channels] in every order, [batch, tokens, orders, channels]."""
    return _Reordered.apply(x, orders, inverse)


def restored(x: Tensor, orders: Tensor, inverse: Tensor) -> Tensor:
    """The way back: each order's steps [batch, tokens, orders, channels] at the places of their tokens."""
    return _Restored.apply(x, orders, inverse)


def _take(x: Tensor, index: Tensor) -> Tensor:
    """Of each order k, the rows index[k] of x [batch, tokens, orders, channels]."""
    return torch.stack([x[:, rows, order] for order, rows in enumerate(index)], dim=2)


class _Reordered(torch.autograd.Function):
    """Orders are permutations, so that backward gathers too, where autograd would scatter row by row."""

    @staticmethod
    def forward(ctx, x: Tensor, orders: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return x[:, orders.T]

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return sum(gradient[:, rows, order] for order, rows in enumerate(inverse)), None, None


class _Restored(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, orders: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(orders)
        return _take(x, inverse)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _take(gradient, *ctx.saved_tensors), None, None
