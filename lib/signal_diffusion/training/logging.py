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


class RunLog:
    """`stats.jsonl` in `folder` always, TensorBoard in `tensorboard` when given, one progress line on stderr.

    Each line of `stats.jsonl` is `{"step": steps done, "time": seconds since the epoch, tag: value, ...}`.
    """

    def __init__(
        self, folder: Path, tensorboard: Path | None = None, label: str = "train", every: float = 5.0
    ):
        self.path = Path(folder) / "stats.jsonl"
        self._tensorboard, self._label, self._every = tensorboard, label, every
        self._progress: Progress | None = None
        self._writer = None

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress is not None:
            self._progress.__exit__(*error)
        if self._writer is not None:
            self._writer.close()

    def start(self, step: int, total: int) -> None:
        """Begin after `step` of `total` steps; what an earlier process logged beyond `step` is taken back."""
        rewind(self.path, step)
        if self._tensorboard is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(self._tensorboard, purge_step=step + 1)
        self._progress = Progress(total, self._label, "step", self._every, done=step).__enter__()

    @property
    def draws(self) -> bool:
        """Whether images go anywhere."""
        return self._writer is not None

    def step(self, **values: float) -> None:
        """One more step is done; `values` go to the progress line."""
        self._progress.update(1, **values)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        record = {"step": step, "time": round(time.time(), 3), **values}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        for tag, value in values.items() if self._writer is not None else ():
            self._writer.add_scalar(tag, value, step)

    def images(self, step: int, images: Iterable[tuple[str, np.ndarray]]) -> None:
        """uint8 [height, width] or [height, width, 3] each; TensorBoard only."""
        for tag, image in images if self._writer is not None else ():
            self._writer.add_image(tag, image, step, dataformats="HW" if image.ndim == 2 else "HWC")

    def say(self, text: str) -> None:
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


def rewind(path: Path, step: int) -> None:
    """Drop the records of `path` after `step`, and a last line that a kill cut short."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    write_text(path, "".join(line + "\n" for line in lines if _step_of(line) <= step))


def cost(model: nn.Module, forward_backward: Callable[[], None]) -> dict[str, float]:
    """`parameters`, `trained` parameters, and `flops` of one `forward_backward`, two to a multiply-add.

    Counted by torch in the operators that it knows; custom kernels count as nothing.
    """
    with FlopCounterMode(display=False) as counter:
        forward_backward()
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    trained = sum(n for n, requires_grad in sizes if requires_grad)
    return {
        "parameters": sum(n for n, _ in sizes),
        "trained": trained,
        "flops": counter.get_total_flops(),
    }


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):
        return float("inf")
