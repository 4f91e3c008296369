"""Keys of a recipe that belong to a stage and that some of its results do without."""

from __future__ import annotations

from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.stages import stage_keys

RANGES = "dB ranges"
_NO_RANGES = ("captions", "weights", "export", "origins", "spectrogram.min_db", "spectrogram.max_db")


def unread_by(recipe: Recipe, what: str) -> list[str]:
    """Dotted keys that a representation does without, or the measurement of `RANGES`.

    A time series has no spectrogram; decibels are measured before any range, caption or weight.
    """
    if what == RANGES:
        keys = stage_keys(recipe, "dataset")
        return [key for key in keys if key in _NO_RANGES or key.split(".")[0] in _NO_RANGES]
    keys = type(recipe.spectrogram).model_fields
    return [f"spectrogram.{key}" for key in keys] if what == "timeseries" else []
