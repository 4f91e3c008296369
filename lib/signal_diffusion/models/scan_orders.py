"""Orders in which the tokens of a grid are scanned, on grids of any sides (LocalMamba, arXiv 2403.09338).

`h` goes along rows, from the top, `v` along columns, from the left, `wN` row by row within windows of N x N, which
follow each other row by row and are smaller where the grid ends; `_flip` goes backwards.
"""

from functools import lru_cache
from typing import NamedTuple

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


class Orders(NamedTuple):
    """Row indices, int64 [tokens * directions], direction after direction within each token or step.

    first: of each step's token. there: of the same among tokens x directions. back: of each token's step.
    """

    first: Tensor
    there: Tensor
    back: Tensor


@lru_cache(maxsize=64)
def scan_orders(directions: tuple[str, ...], height: int, width: int, device: torch.device) -> Orders:
    """The indices by which a grid's tokens are brought into every order and back."""
    with torch.inference_mode(False):
        orders = torch.stack([scan_order(direction, height, width) for direction in directions], dim=1)
        count = torch.arange(len(directions))
        found = orders, orders * len(directions) + count, orders.argsort(0) * len(directions) + count
        return Orders(*(index.flatten().to(device) for index in found))


def reordered(x: Tensor, orders: Orders) -> Tensor:
    """Tokens x [batch, tokens, channels] in every order, [batch, tokens, directions, channels]."""
    return _Reordered.apply(x, orders.first, orders.back)


def restored(x: Tensor, orders: Orders) -> Tensor:
    """The way back: each order's steps [batch, tokens, directions, channels] at the places of their tokens."""
    return _Restored.apply(x, orders.there, orders.back)


def _rows(x: Tensor, index: Tensor) -> Tensor:
    """Rows of x [batch, tokens, directions, channels] by their index among tokens x directions."""
    return x.flatten(1, 2).index_select(1, index).view(x.shape)


class _Reordered(torch.autograd.Function):
    """Orders are permutations, so that backward gathers too, where autograd would scatter row by row."""

    @staticmethod
    def forward(ctx, x: Tensor, first: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return x.index_select(1, first).unflatten(1, (x.shape[1], -1))

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _rows(gradient, *ctx.saved_tensors).sum(2), None, None


class _Restored(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, there: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(there)
        return _rows(x, back)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _rows(gradient, *ctx.saved_tensors), None, None
