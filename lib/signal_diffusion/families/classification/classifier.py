"""The published model: one call to load it, one to predict a raw recording."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from signal_diffusion.config.recipe import Recipe
from signal_diffusion.datasets.fresh import fresh_windows
from signal_diffusion.errors import UserError
from signal_diffusion.families.classification.model import ClassifierNet
from signal_diffusion.families.classification.prediction import load_classifier, predict_array
from signal_diffusion.families.classification.targets import Target
from signal_diffusion.recordings.recording import Span

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Prediction:
    """Answers to one recording.

    starts: of the windows, float64 [windows], seconds. windows: per task probabilities [windows, classes] or numbers
    [windows]. subject: their means over the windows, [classes] or a number.
    """

    targets: tuple[Target, ...]
    starts: np.ndarray
    windows: dict[str, np.ndarray]

    @property
    def subject(self) -> dict[str, np.ndarray]:
        return {name: values.mean(axis=0) for name, values in self.windows.items()}

    def table(self) -> pd.DataFrame:
        """A row for each window: `start_s`, and per task `{task}:p:{class}` or `{task}:predicted`."""
        columns = {"start_s": self.starts}
        for target in self.targets:
            values = self.windows[target.name]
            if target.classes:
                columns |= {f"{target.name}:p:{word}": values[:, k] for k, word in enumerate(target.classes)}
            else:
                columns[f"{target.name}:predicted"] = values
        return pd.DataFrame(columns)

    def lines(self) -> list[str]:
        """The subject's answers in words, a line for each task."""
        return [_line(target, self.subject[target.name]) for target in self.targets]


class Classifier:
    """A published classifier. `Classifier.load("results/classification/demo").predict("recording.edf").subject`."""

    def __init__(self, net: ClassifierNet, recipe: Recipe, spec: Mapping[str, Any]):
        self.net, self.recipe, self.spec = net, recipe, dict(spec)

    @classmethod
    def load(cls, folder: str | Path, device: str | torch.device = "cpu") -> "Classifier":
        """Read the model of results/classification/RUN (or its folder `model`). UserError when there is none."""
        folder = Path(folder)
        folder = folder / "model" if (folder / "model").is_dir() else folder
        if not (folder / WEIGHTS).is_file():
            raise UserError(
                f"{folder}: no {WEIGHTS} there; give the folder of a published classification run"
            )
        net, description = load_classifier(folder / WEIGHTS)
        if "recipe" not in description:
            raise UserError(f"{folder / WEIGHTS}: not a published classifier; give the folder in results/")
        return cls(net.to(device), read_recipe(description["recipe"]), description["spec"])

    def predict(
        self, recording: str | Path, reference: str | None = None, span: Span | None = None
    ) -> Prediction:
        """Answers to a raw EDF, BDF, CNT, SET or VHDR file, prepared as the training recordings were.

        reference: the electrode that was its reference, if on the scalp. span: the seconds of the file to read.
        UserError, in one line, for a file of other channels, at too low a rate, or without a usable window.
        """
        fresh = fresh_windows(recording, self.recipe, self.spec, reference, span)
        return Prediction(tuple(self.net.targets), fresh.starts, predict_array(self.net, fresh.array))


def described_recipe(recipe: Recipe) -> dict[str, Any]:
    """What a recipe says of the way from a raw file to windows, as `read_recipe` reads it."""
    sections = ("recipe", "channels", "signal", "filter", "quality", "spectrogram", "simulation")
    said = recipe.model_dump(mode="json", exclude_unset=True, include=set(sections))
    return {**said, "name": recipe.name}


def read_recipe(described: Mapping[str, Any]) -> Recipe:
    """Undo `described_recipe`."""
    return Recipe.model_validate({**described, "path": Path(f"{described['name']}.toml")})


def _line(target: Target, answer: np.ndarray) -> str:
    if not target.classes:
        return f"{target.name}: {answer:.1f} {target.unit}".rstrip()
    order = np.argsort(-answer, kind="stable")
    return f"{target.name}: " + ", ".join(f"{target.classes[k]} {answer[k]:.3f}" for k in order)
