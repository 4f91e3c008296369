"""What classifiers share: activations by name, heads, weights of bounded norm."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS = {
    "relu": nn.ReLU,
    "lrelu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "prelu": nn.PReLU,
}


def activation(name: str) -> nn.Module:
    return ACTIVATIONS[name]()


def two_layer_head(features: int, outputs: int) -> nn.Sequential:
    """Features [batch, features] to [batch, outputs] over twice as many hidden units."""
    return nn.Sequential(nn.Linear(features, 2 * features), nn.GELU(), nn.Linear(2 * features, outputs))


def bounded(weight: Tensor, limit: float) -> Tensor:
    """`weight` with the norm of each output unit's weights at most `limit`, as Keras' `max_norm` keeps it."""
    return torch.renorm(weight, 2, 0, limit)


class BoundedConv2d(nn.Conv2d):
    """Convolution whose filters have a norm of at most `limit`."""

    def __init__(self, *arguments: int | tuple[int, int], limit: float, **named: int | bool):
        super().__init__(*arguments, **named)
        self.limit = limit

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, bounded(self.weight, self.limit), self.bias)


class BoundedLinear(nn.Linear):
    """Linear layer whose rows have a norm of at most `limit`."""

    def __init__(self, features: int, outputs: int, limit: float):
        super().__init__(features, outputs)
        self.limit = limit

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, bounded(self.weight, self.limit), self.bias)
