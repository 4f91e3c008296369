"""What a dataset is made from: index rows joined by id to the shards of their recordings."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.datasets.events import event_names
from signal_diffusion.datasets.labels import CANONICAL, check_labels, whole_years
from signal_diffusion.datasets.storage import IDS
from signal_diffusion.errors import UserError

BLOCK_BYTES = 1 << 25

FILE_FIELDS = (
    "file", "format", "start", "stop", "rate", "duration", "channels", "events", "status", "reason",
    "warning",
)  # fmt: skip
_SHARED = ("channels", "frequencies", "frames")


@dataclass
class Source:
    """One recording: its index row (ids and labels), its shard, and what the dataset takes from it.

    `kept` numbers the windows that are used, and `hashes` (of what the shard holds, before any range could make two
    windows equal) belong to these; both are filled by the first reading, which leaves `starts` (first samples) to
    the same. `shape` is that of all windows.
    """

    row: dict[str, str]
    path: Path
    meta: dict[str, Any]
    shape: tuple[int, ...]
    starts: np.ndarray
    window_bytes: int
    split: str = ""
    kept: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    hashes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.row['dataset']}/{self.row['recording']}"

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """The number of the first of some windows, and these, as the shard holds them: [n, ...] in order.

        A block has a bounded number of bytes, and the file is opened anew for each, so that what was read of it does
        not stay in memory.
        """
        from safetensors import safe_open

        size = max(1, BLOCK_BYTES // max(self.window_bytes, 1))
        for first in range(0, self.shape[0], size):
            with safe_open(self.path, framework="numpy") as file:
                windows = file.get_slice("windows")[first : min(first + size, self.shape[0])]
            yield first, windows

    def kept_blocks(self) -> Iterator[np.ndarray]:
        """The used windows, block by block."""
        used = np.zeros(self.shape[0], bool)
        used[self.kept] = True
        for first, windows in self.blocks():
            yield windows[used[first : first + len(windows)]]


def read_indexes(paths: Iterable[Path]) -> pd.DataFrame:
    """All rows of the index CSVs, sorted by id, as str; a label that a dataset lacks is empty.

    UserError for a missing column, an id that is listed twice, or a word that is no value of its label.
    """
    tables = [_read_index(Path(path)) for path in paths]
    if not tables:
        raise UserError(
            "no index was given, so there are no recordings; build the index of each dataset first"
        )
    rows = pd.concat(tables, ignore_index=True).fillna("")
    twice = rows[rows.duplicated(["dataset", "recording"])]
    if len(twice):
        raise UserError(
            f"recording {'/'.join(twice.iloc[0][['dataset', 'recording']])} is listed twice in the indexes"
        )
    return rows.sort_values(list(IDS), kind="stable", ignore_index=True)


def listed_shards(indexes: Iterable[Path], folder: Path) -> list[Path]:
    """Where below `folder` the shard of every recording of the index CSVs lies; others there are left out."""
    rows = [row for index in indexes for row in csv.DictReader(index.open(newline=""))]
    return [folder / row["dataset"] / f"{row['recording']}.safetensors" for row in rows]


def label_columns(rows: pd.DataFrame) -> list[str]:
    """Canonical labels first, then the datasets' own and the kinds of event, in alphabetical order."""
    own = {*rows.columns, *event_names(rows["events"])} - {*IDS, *FILE_FIELDS, *CANONICAL}
    return [*CANONICAL, *sorted(own)]


def join_shards(rows: pd.DataFrame, shards: Sequence[Path]) -> tuple[list[Source], list[dict[str, str]]]:
    """Usable recordings, and refused ones with their reasons, both in index order.

    A shard belongs to the row whose dataset and recording are the names of its folder and file. UserError
    for a shard without a row and for a readable recording without a shard.
    """
    found = {(path.parent.name, path.stem): path for path in map(Path, shards)}
    known = set(rows[["dataset", "recording"]].itertuples(index=False, name=None))
    if strange := sorted(found.keys() - known):
        raise UserError(
            f"{found[strange[0]]}: no row of the indexes has this dataset and recording; index again"
        )
    used, refused = [], []
    for row in rows.to_dict("records"):
        reason = row["reason"] or "refused by the index" if row["status"] != "ok" else ""
        source = None if reason else _open_shard(row, found)
        if source is not None and source.meta["status"] != "ok":
            reason = source.meta["reason"]
        if reason:
            refused.append(refusal(row, reason))
        else:
            used.append(source)
    return used, refused


def refusal(row: dict[str, str], reason: str, windows: str = "all") -> dict[str, str]:
    """One row of `refused.csv`."""
    return {**{name: row[name] for name in (*IDS, "file")}, "windows": windows, "reason": reason}


def check_alike(sources: Sequence[Source], representation: str) -> dict[str, Any]:
    """Channels, and of images frequencies (Hz) and frames, that all shards share.

    UserError names the first shard that differs or is of another representation.
    """
    first = sources[0]
    for source in sources:
        if source.meta["representation"] != representation:
            raise UserError(
                f"{source.path}: holds {source.meta['representation']}, expected {representation}; "
                "name the shards of that representation, or make them"
            )
    for source in sources[1:]:
        for key in _SHARED:
            if source.meta.get(key) != first.meta.get(key):
                raise UserError(
                    f"{source.path}: {key} differ from those of {first.path}; make the shards again"
                )
        if source.shape[1:] != first.shape[1:]:
            raise UserError(
                f"{source.path}: windows are {list(source.shape[1:])}, in {first.path} "
                f"{list(first.shape[1:])}; make the shards again"
            )
    return {key: first.meta[key] for key in _SHARED if key in first.meta}


def _read_index(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as an index ({error}); build the index again") from None
    if missing := {*IDS, *FILE_FIELDS, *CANONICAL} - set(table.columns):
        raise UserError(f"{path}: no column {', '.join(sorted(missing))}; build the index again")
    check_labels(table, str(path))
    table["age"] = table["age"].map(whole_years)
    return table


def read_meta(path: Path) -> dict[str, Any]:
    """What a shard says of itself, without its value ranges; its arrays are not read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return _light(json.loads(file.metadata()["json"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a shard ({error}); delete it and make it again") from None


def _open_shard(row: dict[str, str], found: dict[tuple[str, str], Path]) -> Source:
    from safetensors import SafetensorError, safe_open

    path = found.get((row["dataset"], row["recording"]))
    if path is None:
        raise UserError(f"recording {row['dataset']}/{row['recording']} has no shard; make its shard first")
    try:
        # Only the header: a dataset's shards together may be larger than the memory.
        with safe_open(path, framework="numpy") as file:
            meta = _light(json.loads(file.metadata()["json"]))
            windows, starts = file.get_slice("windows"), file.get_tensor("starts")
            shape, width = tuple(windows.get_shape()), int(windows.get_dtype()[1:]) // 8
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a shard ({error}); delete it and make it again") from None
    return Source(row, path, meta, shape, starts, width * prod(shape[1:]))


def _light(meta: dict[str, Any]) -> dict[str, Any]:
    """Without value ranges, and with one copy of the lists that shards share: there may be thousands of them."""
    kept = {key: value for key, value in meta.items() if key != "scales"}
    return kept | {key: _one(tuple(kept[key])) for key in ("channels", "frequencies") if key in kept}


@lru_cache
def _one(values: tuple) -> tuple:
    return values
