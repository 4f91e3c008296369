"""Images with their labels and with the unit that is resampled for intervals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from signal_diffusion.errors import UserError

BLOCK = 256


@dataclass(frozen=True)
class ImageSet:
    """`images` uint8 [n, 1, height, width], `labels` with one row per image, `groups` int [n].

    Images of one group are not independent: the windows of a subject form one group, a generated image
    is its own.
    """

    images: np.ndarray
    labels: pd.DataFrame
    groups: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.groups):
            raise UserError(
                f"{len(self.images)} images beside {len(self.labels)} metadata rows; build the set again"
            )
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            found = f"{self.images.dtype} {list(self.images.shape)}"
            raise UserError(f"images must be uint8 [n, channels, height, width], found {found}")

    @classmethod
    def real(cls, images: np.ndarray, metadata: pd.DataFrame) -> "ImageSet":
        """Recorded windows; a subject (`dataset`, `subject`) is the unit of resampling."""
        names = metadata["dataset"].astype(str) + "/" + metadata["subject"].astype(str)
        return cls(images, metadata.reset_index(drop=True), np.unique(names, return_inverse=True)[1])

    @classmethod
    def generated(cls, images: np.ndarray, metadata: pd.DataFrame) -> "ImageSet":
        """Generated images, drawn independently of each other."""
        return cls(images, metadata.reset_index(drop=True), np.arange(len(images)))

    def __len__(self) -> int:
        return len(self.images)

    @property
    def units(self) -> int:
        return len(np.unique(self.groups))

    def take(self, indices: np.ndarray) -> "ImageSet":
        return ImageSet(
            self.images[indices], self.labels.iloc[indices].reset_index(drop=True), self.groups[indices]
        )

    def sample(self, size: int, rng: np.random.Generator) -> "ImageSet":
        """`size` images without replacement, in their old order."""
        return self.take(np.sort(rng.choice(len(self), size, replace=False)))


def in_blocks(function: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> np.ndarray:
    """`function` over blocks of images, joined: bounds the memory that large sets need."""
    starts = range(0, len(images), BLOCK)
    return np.concatenate([np.asarray(function(images[start : start + BLOCK])) for start in starts])
