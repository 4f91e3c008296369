"""Running scalars that stay on the device until somebody looks."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from signal_diffusion.errors import UserError


class Meters:
    """Collects scalars step by step and reads them all at once, so that a step never waits for the device."""

    def __init__(self, watched: Iterable[str]):
        self._watched = tuple(watched)
        self._values: dict[str, list[tuple[int, Tensor | float]]] = {}

    def add(self, step: int, **values: Tensor | float) -> None:
        for name, value in values.items():
            value = value.detach() if isinstance(value, Tensor) else value
            self._values.setdefault(name, []).append((step, value))

    def flush(self) -> dict[str, float]:
        """The mean of each scalar since the last flush; `UserError` as `check`.

        Over what is finite: a step that fp16 skips has no gradient norm.
        """
        self.check()
        finite = {name: [v for _, v in pairs if math.isfinite(v)] for name, pairs in self._values.items()}
        self._values.clear()
        return {name: sum(values) / len(values) for name, values in finite.items() if values}

    def check(self) -> None:
        """Wait for the device and read what it holds; `UserError` if a watched scalar is not finite."""
        self._values = {name: _read(pairs) for name, pairs in self._values.items()}
        found = [(step, name, v) for name in self._watched for step, v in self._values.get(name, [])]
        _check_finite([fault for fault in found if not math.isfinite(fault[2])])

    def state_dict(self) -> dict[str, list]:
        """What is collected and not flushed; JSON-able after `check`."""
        return {name: list(pairs) for name, pairs in self._values.items()}

    def load_state_dict(self, state: Mapping[str, list]) -> None:
        self._values = {name: [(step, value) for step, value in pairs] for name, pairs in state.items()}


def mean_of(found: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each scalar over the processes that have it."""
    names = dict.fromkeys(name for means in found for name in means)
    held = {name: [means[name] for means in found if name in means] for name in names}
    return {name: sum(values) / len(values) for name, values in held.items()}


def _read(pairs: list[tuple[int, Tensor | float]]) -> list[tuple[int, float]]:
    tensors = [value.float().reshape(()) for _, value in pairs if isinstance(value, Tensor)]
    values = iter(torch.stack(tensors).tolist() if tensors else [])
    return [(step, next(values) if isinstance(value, Tensor) else float(value)) for step, value in pairs]


def _check_finite(faults: list[tuple[int, str, float]]) -> None:
    if faults:
        step, name, value = min(faults, key=lambda fault: fault[0])
        raise UserError(
            f"training diverged: {name} is {value} at step {step}; lower optimizer.learning_rate, raise"
            " scheduler.warmup_steps or widen training.mixed_precision (the last checkpoint is intact)"
        )
