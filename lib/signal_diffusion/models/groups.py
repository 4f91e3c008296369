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


def trunk_and_mapping(
    network: nn.Module, weight_decay: float, plain: Iterable[nn.Parameter] = ()
) -> list[dict]:
    """The mapping network learns at a third of the rate (HDiT, Crowson et al. 2024)."""
    mapping = list(network.mapping.parameters())
    known = {id(p) for p in mapping}
    trunk = [p for p in network.parameters() if id(p) not in known]
    return decayed(trunk, weight_decay, plain) + decayed(mapping, weight_decay, lr_scale=1 / 3)
