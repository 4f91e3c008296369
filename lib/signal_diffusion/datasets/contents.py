"""What went into a dataset, as its card, tables and exports tell it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from signal_diffusion.datasets.confounds import Confound, confounds, one_sided
from signal_diffusion.datasets.copies import copies
from signal_diffusion.datasets.splits import SPLITS, SUBJECT
from signal_diffusion.datasets.weights import Weighting

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe


@dataclass(frozen=True)
class Contents:
    """Rows of a dataset's windows (with weights), refusals, every subject's split, weights."""

    recipe: "Recipe"
    metadata: pd.DataFrame
    refused: list[dict[str, str]]
    splits: pd.DataFrame
    weighting: Weighting

    @cached_property
    def labels(self) -> list[str]:
        """The label columns: those between the split and the caption."""
        columns = list(self.metadata.columns)
        return columns[columns.index("split") + 1 : columns.index("text")]

    @cached_property
    def confounds(self) -> list[Confound]:
        """Labels that go together."""
        return confounds(self.metadata, self.labels)

    @cached_property
    def one_sided(self) -> list[str]:
        """Labels and values that one dataset alone has."""
        return one_sided(self.metadata, self.labels)

    @cached_property
    def filled(self) -> list[str]:
        """The splits that hold windows."""
        return [split for split in SPLITS if (self.metadata["split"] == split).any()]

    @cached_property
    def copies(self) -> np.ndarray:
        """How often each window is exported, int64 [windows]: once, or in training by its weight if so asked."""
        numbers = np.ones(len(self.metadata), dtype=np.int64)
        if self.recipe.export.copies:
            training = (self.metadata["split"] == "train").to_numpy()
            numbers[training] = copies(self.metadata[training], self.weighting.weights)
        return numbers

    def counts(self) -> dict[str, dict[str, int]]:
        """Windows, recordings and subjects of each split."""
        return {split: counts(self.metadata[self.metadata["split"] == split]) for split in SPLITS}


def counts(rows: pd.DataFrame) -> dict[str, int]:
    """Windows, recordings and subjects of metadata rows."""
    return {
        "windows": len(rows),
        "recordings": len(rows[["dataset", "recording"]].drop_duplicates()),
        "subjects": len(rows[SUBJECT].drop_duplicates()),
    }
