"""What training asks of a dataset folder before it starts."""

from pathlib import Path

import pandas as pd

from signal_diffusion.datasets.splits import SPLITS, check_disjoint
from signal_diffusion.datasets.storage import Windows, window_hashes
from signal_diffusion.errors import UserError


def check_dataset(folder: str | Path) -> None:
    """Refuse (UserError) a dataset with a leak between its splits or with arrays and rows that do not fit.

    The content hashes are those that the builder wrote beside the rows; in a folder without them, they are
    taken from the arrays, which reads every window once.
    """
    windows = {split: Windows(folder, split) for split in SPLITS}
    for split, part in windows.items():
        if len(strange := part.metadata[part.metadata["split"] != split]):
            name = strange["split"].iloc[0]
            raise UserError(
                f"{folder}/{split}-metadata.csv: holds rows of split {name!r}; build the dataset again"
            )
    metadata = pd.concat([part.metadata for part in windows.values()], ignore_index=True)
    hashes = [value for part in windows.values() for value in _hashes(part)]
    check_disjoint(metadata, hashes)


def _hashes(part: Windows) -> list[str]:
    if "hash" in part.metadata:
        return list(part.metadata["hash"])
    return [value for block in part.blocks() for value in window_hashes(block)]
