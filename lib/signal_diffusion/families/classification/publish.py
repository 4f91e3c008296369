"""The published form of a classification run: weights that say how to predict a raw file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from signal_diffusion.config import source_recipe
from signal_diffusion.config.candidates import candidate_run
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.datasets.storage import read_spec
from signal_diffusion.families.classification.classifier import WEIGHTS, described_recipe
from signal_diffusion.training.weights import load_weights, save_weights

USAGE = """from signal_diffusion import Classifier

prediction = Classifier.load("{folder}").predict("recording.edf")
prediction.subject      # task -> mean over the windows: probabilities, or a number
prediction.table()      # a row for each window of {seconds:.4g} s
prediction.lines()      # in words; python scripts/predict.py {folder} recording.edf prints them"""


def publish_model(run: ClassificationRun, dataset: Path, model: Path, out: Path) -> None:
    """Write the folder that `Classifier.load` reads: weights with their config, label names and preparation."""
    state, description = load_weights(model)
    recipe = source_recipe(run.dataset.name)
    about = {
        "config": trained_run(run, description).model_dump(mode="json", exclude={"path"}),
        "recipe": described_recipe(recipe),
        "spec": read_spec(dataset),
    }
    save_weights(out / WEIGHTS, state, description | about)


def trained_run(run: ClassificationRun, description: Mapping[str, Any]) -> ClassificationRun:
    """The run that a model of this description was trained by: the candidate that was chosen for it, or the run."""
    chosen = description.get("candidate")
    return candidate_run(run, chosen) if chosen else run


def usage(run: ClassificationRun, dataset: Path) -> str:
    """Python that loads the published model and predicts a file."""
    spec = read_spec(dataset)
    return USAGE.format(folder=f"results/classification/{run.name}", seconds=spec["nsamps"] / spec["fs"])
