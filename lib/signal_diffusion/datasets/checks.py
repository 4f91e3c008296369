"""What training asks of a dataset folder before it starts."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from signal_diffusion import files
from signal_diffusion.datasets.splits import SPLITS, check_disjoint
from signal_diffusion.datasets.storage import Windows, window_hashes
from signal_diffusion.errors import UserError


def check_dataset(folder: str | Path) -> None:
    """Refuse (UserError) a dataset with a leak between its splits or with arrays and rows that do not fit.

    Every array is read once: while all are those that the builder wrote, by the digests in `dataset.json`,
    the content hashes beside the rows hold; otherwise windows are compared as the arrays hold them, and an
    array that differs from its digest is refused in any case. A folder without digests is compared so too.
    """
    windows = {split: Windows(folder, split) for split in SPLITS}
    for split, part in windows.items():
        if len(strange := part.metadata[part.metadata["split"] != split]):
            name = strange["split"].iloc[0]
            raise UserError(
                f"{folder}/{split}-metadata.csv: holds rows of split {name!r}; build the dataset again"
            )
    stated = {split: part.spec.get("sha256", {}).get(f"{split}.npy") for split, part in windows.items()}
    altered = [split for split, digest in stated.items() if digest and digest != _digest(windows[split])]
    metadata = pd.concat([part.metadata for part in windows.values()], ignore_index=True)
    as_built = all(stated.values()) and not altered
    beside = as_built and "hash" in metadata and metadata["hash"].notna().all()
    check_disjoint(metadata, metadata["hash"] if beside else _hashes(windows.values()))
    if altered:
        raise UserError(
            f"{folder}/{altered[0]}.npy: is not the array that the dataset was built with (its digest differs "
            "from that in dataset.json); build the dataset again"
        )


def _digest(part: Windows) -> str:
    return files.sha256(part.folder / f"{part.split}.npy")


def _hashes(parts: Iterable[Windows]) -> list[str]:
    return [value for part in parts for block in part.blocks() for value in window_hashes(block)]
