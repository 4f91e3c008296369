"""Where scalars and pictures go beside `stats.jsonl`: TensorBoard, Weights & Biases, MLflow."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.files import read_json, write_json
from signal_diffusion.packages import absence

IDS = "trackers.json"  # a training that goes on continues the same runs there


class Tracker(Protocol):
    def start(self, folder: Path, step: int) -> None:
        """Begin after `step` steps; `folder` is the run's."""
        ...

    def scalars(self, step: int, values: Mapping[str, float]) -> None: ...

    def images(self, step: int, images: Iterable[tuple[str, np.ndarray]]) -> None:
        """uint8 [height, width] or [height, width, 3] each."""
        ...

    def close(self, failed: bool) -> None: ...


class TensorBoard:
    """Events in `folder`."""

    def __init__(self, folder: Path):
        self._folder = folder

    def start(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(self._folder, purge_step=step + 1)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for tag, value in values.items():
            self._writer.add_scalar(tag, value, step)

    def images(self, step: int, images: Iterable[tuple[str, np.ndarray]]) -> None:
        for tag, image in images:
            self._writer.add_image(tag, image, step, dataformats="HW" if image.ndim == 2 else "HWC")

    def close(self, failed: bool) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run of a W&B `project`, with the run's `config`; the client reads its login from its own environment.

    `UserError` where wandb is not installed.
    """

    def __init__(
        self,
        project: str,
        name: str,
        config: Mapping[str, Any],
        entity: str | None = None,
        tags: Sequence[str] = (),
    ):
        _require("wandb", "logging.wandb_project")
        self._given = {"project": project, "name": name, "entity": entity, "tags": list(tags)}
        self._config = dict(config)

    def start(self, folder: Path, step: int) -> None:
        self._client = import_module("wandb")
        known = _known(folder, "wandb", step)
        self._run = self._client.init(
            **self._given, config=self._config, dir=str(folder), id=known, resume="allow" if known else None
        )
        _remember(folder, "wandb", self._run.id)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def images(self, step: int, images: Iterable[tuple[str, np.ndarray]]) -> None:
        for tag, image in images:
            self._run.log({tag: self._client.Image(image)}, step=step)

    def close(self, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))


class MlFlow:
    """A run of an MLflow `experiment`; the client reads MLFLOW_TRACKING_URI.

    `UserError` where mlflow is not installed.
    """

    def __init__(self, experiment: str, name: str, config: Mapping[str, Any]):
        _require("mlflow", "logging.mlflow_experiment")
        self._experiment, self._name, self._config = experiment, name, dict(config)

    def start(self, folder: Path, step: int) -> None:
        self._client = import_module("mlflow")
        self._client.set_experiment(self._experiment)
        known = _known(folder, "mlflow", step)
        run = self._client.start_run(run_id=known, run_name=None if known else self._name)
        if known is None:
            self._client.log_params(self._config)
        _remember(folder, "mlflow", run.info.run_id)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._client.log_metrics(dict(values), step=step)

    def images(self, step: int, images: Iterable[tuple[str, np.ndarray]]) -> None:
        for tag, image in images:
            self._client.log_image(image, key=tag.replace("/", "."), step=step)

    def close(self, failed: bool) -> None:
        self._client.end_run("FAILED" if failed else "FINISHED")


def _require(package: str, key: str) -> None:
    message = absence(package, f"remove the key {key} (stats.jsonl is always written)")
    if message is not None:
        raise UserError(message)


def _known(folder: Path, tracker: str, step: int) -> str | None:
    """The id of the run that goes on; None at the first step, which begins another."""
    path = folder / IDS
    return read_json(path).get(tracker) if step and path.is_file() else None


def _remember(folder: Path, tracker: str, run: str) -> None:
    path = folder / IDS
    known = read_json(path) if path.is_file() else {}
    write_json(path, {**known, tracker: run})
