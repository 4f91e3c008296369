"""Windows of several splits as one, and parts of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from signal_diffusion.datasets.splits import SPLITS
from signal_diffusion.datasets.storage import Windows

BLOCK = 256


class Pool:
    """The windows of some splits of a dataset folder, one split after the other; `metadata` has a row for each."""

    def __init__(self, folder: str | Path, splits: Sequence[str] = SPLITS):
        self._windows = [Windows(folder, split) for split in splits]
        self.spec = self._windows[0].spec
        self.metadata = pd.concat([part.metadata for part in self._windows], ignore_index=True)
        self._ends = np.cumsum([len(part) for part in self._windows])

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """[windows, planes, height, width] of images, [windows, channels, nsamps] of time series"""
        return (len(self), *self._windows[0].shape[1:])

    def array(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """Those windows as the representation stores them, read as one batch."""
        rows = np.asarray(rows, dtype=np.int64)
        owners = np.searchsorted(self._ends, rows, side="right")
        found = np.empty((len(rows), *self.shape[1:]), self._windows[0].array([]).dtype)
        for owner in np.unique(owners):
            mine = owners == owner
            first = self._ends[owner] - len(self._windows[owner])
            found[mine] = self._windows[owner].array(rows[mine] - first)
        return found


class Part:
    """Some rows of a pool; rows and `array` count within the part."""

    def __init__(self, pool: Pool, rows: np.ndarray):
        self.pool, self.rows = pool, np.asarray(rows, dtype=np.int64)
        self.spec = pool.spec
        self.metadata = pool.metadata.iloc[self.rows].reset_index(drop=True)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """As `Pool.shape`, of the part."""
        return (len(self), *self.pool.shape[1:])

    def array(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """As `Pool.array`, by places in the part."""
        return self.pool.array(self.rows[np.asarray(indices, dtype=np.int64)])

    def blocks(self) -> Iterator[np.ndarray]:
        """All windows in order, some at a time."""
        for start in range(0, len(self), BLOCK):
            yield self.pool.array(self.rows[start : start + BLOCK])


def moments(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation in float64: of each pixel of images, [planes, height, width], in levels; of each
    channel of time series, [channels, 1]."""
    over = (0, 2) if len(part.shape) == 3 else (0,)
    total = squares = np.zeros(())
    for block in part.blocks():
        values = block.astype(np.float64)
        total = total + values.sum(axis=over)
        squares = squares + np.square(values).sum(axis=over)
    count = len(part) * (part.shape[2] if len(part.shape) == 3 else 1)
    mean = total / count
    sd = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return (mean[:, None], sd[:, None]) if len(part.shape) == 3 else (mean, sd)
