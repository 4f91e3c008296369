"""Keys of a recipe or a run that belong to a stage and that some of its results do without."""

from __future__ import annotations

from signal_diffusion.config.classification_evaluation import SPLIT
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.stages import stage_keys

RANGES = "dB ranges"
_NO_RANGES = ("captions", "weights", "export", "origins", "spectrogram.min_db", "spectrogram.max_db")
_FOLDS = ("evaluation.folds", "evaluation.n_folds", "evaluation.fold_seed")
_OCCLUSION = ("evaluation.occlusion", "evaluation.occlusion_windows")

# Parts of the evaluation of a classification run.
NOT_OF_BASELINES = ("evaluation.bootstrap", "evaluation.beside", *_OCCLUSION)
NOT_OF_OCCLUSION = ("evaluation.occlusion", "evaluation.baselines", "evaluation.beside")
NOT_OF_SCORES = ("evaluation.baselines", *_OCCLUSION)


def unread_by(recipe: Recipe, what: str) -> list[str]:
    """Dotted keys that a representation does without, or the measurement of `RANGES`.

    A time series has no spectrogram; decibels are measured before any range, caption or weight.
    """
    if what == RANGES:
        keys = stage_keys(recipe, "dataset")
        return [key for key in keys if key in _NO_RANGES or key.split(".")[0] in _NO_RANGES]
    keys = type(recipe.spectrogram).model_fields
    return [f"spectrogram.{key}" for key in keys] if what == "timeseries" else []


def unread_by_fold(fold: str) -> tuple[str, ...]:
    """Dotted keys that a classifier's training on `fold` does without: that on the recipe's own split has no folds."""
    return _FOLDS if fold == SPLIT else ()
