"""Published models of any family by their folder."""

from importlib import import_module
from pathlib import Path
from typing import Any

from signal_diffusion.errors import UserError
from signal_diffusion.training.weights import load_weights

WEIGHTS = "model.safetensors"
KINDS = {"backbone": "classification.classifier.Classifier", "process": "diffusion.pipeline.Pipeline"}


def load(folder: str | Path, device: str = "cpu") -> Any:
    """The `Classifier` or `Pipeline` of results/FAMILY/RUN; UserError when the folder holds neither."""
    folder = Path(folder)
    model = folder / "model" if (folder / "model").is_dir() else folder
    if not (model / WEIGHTS).is_file():
        raise UserError(f"{folder}: no {WEIGHTS} there; give the folder of a published run")
    description = load_weights(model / WEIGHTS)[1]
    for entry, place in KINDS.items():
        if entry in description:
            module, _, name = place.rpartition(".")
            return getattr(import_module(f"{__package__}.{module}"), name).load(folder, device)
    raise UserError(f"{model / WEIGHTS}: not of a published run; give its folder in results/")
