"""Where the settings and runs put things."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from signal_diffusion.config.settings import Settings
from signal_diffusion.errors import UserError

if TYPE_CHECKING:
    from signal_diffusion.config.classification import ClassificationRun
    from signal_diffusion.config.diffusion import DiffusionRun


def work_root(settings: Settings) -> Path:
    """Return the folder of all that is in between (`work/`)."""
    return settings.data.output_root


def weights_path(run: DiffusionRun | ClassificationRun) -> Path:
    """Where a training started by hand writes its weights; UserError where the run does not say."""
    if run.training.output_dir is None:
        raise UserError(f"{run.path} [training] output_dir: not set; set it, or give --out")
    return Path(run.training.output_dir) / "model.safetensors"
