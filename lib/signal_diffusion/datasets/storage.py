"""A dataset on disk: one memory-mapped `.npy` array per split, its rows in CSV, `dataset.json` about both."""

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion import files
from signal_diffusion.errors import UserError

IDS = ("dataset", "subject", "session", "recording")
# Columns of rows that say nothing of a window's person or task.
NOT_LABELS = (*IDS, "window", "start_s", "split", "text", "hash", "weight", "file_name", "copy", "copies")
SPEC = "dataset.json"
_NUMBERS = {"window": np.int64, "start_s": np.float64, "weight": np.float64}


class Windows:
    """The windows of one split of a dataset folder.

    `spec` is `dataset.json`; `metadata` has one row per window, in the order of the array (`read_metadata`).
    UserError when the folder is no dataset, or array and rows do not fit.
    """

    def __init__(self, folder: str | Path, split: str):
        self.folder, self.split = Path(folder), split
        self.spec = read_spec(folder)
        self.metadata = read_metadata(self.folder / f"{split}-metadata.csv")
        self._array = open_array(self.folder / f"{split}.npy")
        if len(self._array) != len(self.metadata):
            raise UserError(
                f"{self.folder / split}.npy: {len(self._array)} windows but {len(self.metadata)} "
                "rows of metadata; build the dataset again"
            )

    def __len__(self) -> int:
        return len(self._array)

    @property
    def shape(self) -> tuple[int, ...]:
        """[windows, planes, height, width] of images, [windows, channels, nsamps] of time series"""
        return self._array.shape

    def array(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Those windows as the representation stores them, read as one batch.

        uint8 [n, planes, height, width] of images, float32 z-scores [n, channels, nsamps] of time series.
        """
        return np.ascontiguousarray(self._array[np.asarray(indices, dtype=np.int64)])

    def images(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """`array` of a dataset of images; UserError for time series."""
        if self._array.ndim != 4:
            raise UserError(
                f"{self.folder}: holds {self.spec['representation']}, expected images; name an image dataset"
            )
        return self.array(indices)

    def blocks(self, size: int = 256) -> Iterator[np.ndarray]:
        """All windows in order, `size` at a time, as `array` gives them."""
        for start in range(0, len(self), size):
            yield np.asarray(self._array[start : start + size])


def read_spec(folder: str | Path) -> dict[str, Any]:
    """`dataset.json` of a dataset folder."""
    path = Path(folder) / SPEC
    if not path.is_file():
        raise UserError(f"{folder}: no {SPEC} there, so it is no dataset; name a recipe or a dataset folder")
    return files.read_json(path)


def read_metadata(path: str | Path) -> pd.DataFrame:
    """Rows of a metadata CSV: words as str (empty when unknown), `age` as float64 (NaN when unknown).

    `window` is int64; `start_s` (seconds) and `weight` are float64.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); build the dataset again") from None
    for name, kind in _NUMBERS.items():
        if name in table.columns:
            table[name] = table[name].astype(kind)
    if "age" in table.columns:
        table["age"] = pd.to_numeric(table["age"]).astype(np.float64)
    return table


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """CSV with `\\n` line ends, numbers as Python prints them."""
    with files.atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def write_split(
    path: str | Path, shape: Sequence[int], blocks: Iterable[np.ndarray], dtype: type = np.uint8
) -> str:
    """Write an array block by block; give the SHA-256 of the file.

    `shape` is that of the whole, [windows, ...]; `blocks` are of that type, [n, ...], and must fill it (ValueError
    otherwise). Only one block is in memory at a time: a memory map would count with all that was written through it.
    """
    head = io.BytesIO()
    described = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(head, described)
    done, digest = 0, hashlib.sha256(head.getvalue())
    with files.atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(head.getvalue())
        for block in blocks:
            data = np.ascontiguousarray(block, dtype).reshape(-1)
            file.write(data)
            digest.update(data)
            done += len(block)
        if done != shape[0]:
            raise ValueError(f"{path}: {done} windows were written of {shape[0]}")
    return digest.hexdigest()


def window_hashes(block: np.ndarray) -> list[str]:
    """128-bit content hash (BLAKE2b) of each window of [n, ...], in hex."""
    return [hashlib.blake2b(np.ascontiguousarray(window), digest_size=16).hexdigest() for window in block]


@contextmanager
def staged_folder(out: str | Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place when the block succeeds, so that `out` is whole or absent.

    An earlier dataset in `out` is replaced; any other content there is refused (UserError).
    """
    out = Path(out)
    if out.exists() and any(out.iterdir()) and not (out / SPEC).is_file():
        raise UserError(
            f"{out}: holds files but no {SPEC}; name an empty folder, for this one would be replaced"
        )
    with files.replaced_folder(out) as staging:
        yield staging


def open_array(path: Path) -> np.ndarray:
    """A split's array, memory-mapped read-only."""
    try:
        # An empty array has no bytes to map.
        empty = 0 in np.load(path, mmap_mode="r", allow_pickle=False).shape
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error}); build the dataset again") from None
    return np.load(path, mmap_mode=None if empty else "r", allow_pickle=False)
