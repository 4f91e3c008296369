"""Averages of a model's trained parameters, and the model running on them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn


class Averages:
    """Averages of the trained parameters, in float32; buffers and frozen parameters are the model's own."""

    def __init__(self, model: nn.Module):
        self._parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._averages = {name: p.detach().float().clone() for name, p in self._parameters.items()}

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model runs on the averages inside the block; storages are exchanged, nothing is copied."""
        weights = {name: p.data for name, p in self._parameters.items()}
        try:
            self._point_at(self._averages)
            yield
        finally:
            self._point_at(weights)

    def state_dict(self, model: nn.Module) -> dict[str, Tensor]:
        """The state of `model` with averages in place of trained parameters."""
        with self.applied():
            return {name: value.detach() for name, value in model.state_dict().items()}

    def averages(self) -> dict[str, Tensor]:
        return dict(self._averages)

    def load(self, averages: Mapping[str, Tensor]) -> None:
        """Take over averages by name; `KeyError` where one is missing."""
        for name, average in self._averages.items():
            average.copy_(averages[name])

    def _point_at(self, tensors: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.data = tensors[name]
