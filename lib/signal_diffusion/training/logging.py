"""What a training run says while it runs. Nothing here changes a number of the model."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from signal_diffusion.files import write_text
from signal_diffusion.progress import Progress
from signal_diffusion.training.processes import environment_rank
from signal_diffusion.training.trackers import TensorBoard, Tracker


class RunLog:
    """`stats.jsonl` in `folder` always, TensorBoard in `tensorboard` when given, other `trackers`, and one progress
    line on stderr. Of several processes the first alone says anything.

    Each line of `stats.jsonl` is `{"step": steps done, "time": seconds since the epoch, tag: value, ...}`.
    """

    def __init__(
        self,
        folder: Path,
        tensorboard: Path | None = None,
        label: str = "train",
        every: float = 5.0,
        trackers: Iterable[Tracker] = (),
    ):
        self.path = Path(folder) / "stats.jsonl"
        self._trackers = [*([TensorBoard(tensorboard)] if tensorboard is not None else []), *trackers]
        self._label, self._every = label, every
        self._speaks = environment_rank() == 0
        self._progress: Progress | None = None
        self._started: list[Tracker] = []

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self._progress is not None:
            self._progress.__exit__(kind, *error)
        for tracker in self._started:
            tracker.close(failed=kind is not None)

    def start(self, step: int, total: int, judged_again: bool = False) -> None:
        """Begin after `step` of `total` steps; what an earlier process logged beyond `step` is taken back.

        `judged_again`: and what it logged of an evaluation at `step`.
        """
        if not self._speaks:
            return
        rewind(self.path, step, judged_again)
        for tracker in self._trackers:
            tracker.start(self.path.parent, step)
            self._started.append(tracker)
        self._progress = Progress(total, self._label, "step", self._every, done=step).__enter__()

    @property
    def draws(self) -> bool:
        """Whether images go anywhere."""
        return bool(self._started)

    def step(self, **values: float) -> None:
        """One more step is done; `values` go to the progress line."""
        if self._progress is not None:
            self._progress.update(1, **values)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        if not self._speaks:
            return
        record = {"step": step, "time": round(time.time(), 3), **values}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        for tracker in self._started:
            tracker.scalars(step, values)

    def images(self, step: int, images: Iterable[tuple[str, np.ndarray]]) -> None:
        """uint8 [height, width] or [height, width, 3] each; trackers only."""
        images = list(images)
        for tracker in self._started:
            tracker.images(step, images)

    def say(self, text: str) -> None:
        if self._speaks:
            print(text, file=sys.stderr, flush=True)


class Speed:
    """Steps and samples a second since the last `restart`."""

    def restart(self) -> None:
        self._started, self._steps, self._samples = time.perf_counter(), 0, 0

    def add(self, samples: int) -> None:
        self._steps += 1
        self._samples += samples

    def read(self) -> dict[str, float]:
        """`ms_per_step` and `samples_per_second`; empty before the first step."""
        seconds = time.perf_counter() - self._started
        if not self._steps:
            return {}
        return {"ms_per_step": 1e3 * seconds / self._steps, "samples_per_second": self._samples / seconds}


def rewind(path: Path, step: int, judged_again: bool = False) -> None:
    """Drop the records of `path` after `step`, and a last line that a kill cut short.

    Where `step` is `judged_again`, also those of `step` that do not tell of its training.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    steps = [(_step_of(line), line) for line in lines]
    kept = [line for at, line in steps if at < step or (at == step and (_trained(line) or not judged_again))]
    write_text(path, "".join(line + "\n" for line in kept))


def cost(model: nn.Module, forward_backward: Callable[[], None]) -> dict[str, float]:
    """`parameters`, `trained` parameters, and `flops` of one `forward_backward`, two to a multiply-add.

    Counted by torch in the operators that it knows; custom kernels count as nothing.
    """
    with FlopCounterMode(display=False) as counter:
        forward_backward()
    return {
        "parameters": parameter_count(model),
        "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "flops": counter.get_total_flops(),
    }


def parameter_count(model: nn.Module) -> int:
    """Numbers that a model may learn; what it keeps beside them, such as means of its input, is not counted."""
    return sum(p.numel() for p in model.parameters())


def _trained(line: str) -> bool:
    return any(tag.startswith("train/") for tag in json.loads(line))


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):
        return float("inf")
