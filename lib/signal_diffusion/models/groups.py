"""Parameter groups of the optimiser: what weight decay and which share of the learning rate concern what."""

from collections.abc import Iterable

from torch import nn


def decayed(
    parameters: Iterable[nn.Parameter], weight_decay: float, plain: Iterable[nn.Parameter] = (), **more: float
) -> list[dict]:
    """Weight decay on matrices alone: gains, biases, temperatures and what is in `plain` go without."""
    parameters, exempt = list(parameters), {id(p) for p in plain}
    matrices = [p for p in parameters if p.ndim >= 2 and id(p) not in exempt]
    known = {id(p) for p in matrices}
    return [
        {"params": matrices, "weight_decay": weight_decay, **more},
        {"params": [p for p in parameters if id(p) not in known], "weight_decay": 0.0, **more},
    ]
