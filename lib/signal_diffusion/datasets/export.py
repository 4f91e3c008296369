"""Exports that other tools open as they are."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from signal_diffusion.datasets.contents import Contents
from signal_diffusion.datasets.parquet import export_parquet, held_exactly, pixels
from signal_diffusion.datasets.storage import IDS, open_array, write_table
from signal_diffusion.signals.representations import SERIES

LOG = logging.getLogger(__name__)
FOLDER = "imagefolder"
_UNKNOWN = "unknown"
# What pandas, which that loader reads CSV with, takes for a missing or a truth value.
_MISSING = (
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "null",
)  # fmt: skip
_TRUTH = ("True", "TRUE", "true", "False", "FALSE", "false")
_LEFT_OUT = ("split", "hash", "start_s", "copies", "position")


def write_exports(folder: Path, spec: dict[str, Any], contents: Contents) -> pd.DataFrame:
    """Write the exports that the recipe asks for into `folder`, which holds the arrays already.

    Returns the metadata with what leads to the exports: `file_name` of the PNG, `copies` of the row. Time
    series are no images: of them there is no imagefolder, and the log says so.
    """
    config, metadata = contents.recipe.export, contents.metadata
    if config.copies:
        metadata = metadata.assign(copies=contents.copies)
    rows = _repeated(metadata)
    if config.parquet:
        export_parquet(folder, spec, rows, contents.labels)
    if config.imagefolder and spec["representation"] == SERIES:
        LOG.warning("time series are no images: the imagefolder is left out; use [export] parquet")
    elif config.imagefolder:
        rows = rows.assign(file_name=file_names(rows))
        export_imagefolder(folder, rows)
        metadata = metadata.assign(file_name=rows.loc[rows["copy"] == 0, "file_name"].to_numpy())
    return metadata


def file_names(rows: pd.DataFrame) -> pd.Series:
    """Each PNG in the dataset folder, `imagefolder/{split}/{dataset}_{recording}_{window}.png`.

    Copies of a window have `_copy{k}` before the suffix.
    """
    window = rows["window"].map("{:05d}".format)
    copy = rows["copy"].map(lambda k: f"_copy{k}" if k else "")
    return (
        FOLDER + "/" + rows["split"] + "/" + rows["dataset"] + "_" + rows["recording"] + "_" + window
        + copy + ".png"
    )  # fmt: skip


def export_imagefolder(folder: Path, rows: pd.DataFrame) -> None:
    """PNGs and one metadata.csv per split, for `datasets.load_dataset("imagefolder", data_dir=...)`.

    `rows` has `file_name`, and `position` in the split's array. That loader guesses types per file and
    refuses files that differ, so the columns are made such that no split can be read otherwise than another:
    see `stable_column`.
    """
    table = _table(rows)
    for split, part in rows.groupby("split", sort=False):
        target = folder / FOLDER / str(split)
        target.mkdir(parents=True)
        write_table(
            target / "metadata.csv", table.loc[part.index].assign(file_name=part["file_name"].map(_base))
        )
        _write_images(folder, str(split), part)


def stable_column(name: str, values: pd.Series) -> pd.Series | None:
    """`values` written such that every part of them reads as one type; None when nothing is known.

    Numbers stay numbers, as decimals throughout if one is missing or has decimals; in a column of words the
    unknown becomes "unknown"; an id or word that looks like a number, a missing or, but in a column of nothing else, a
    truth value gets the column's name in front.
    """
    text = values.astype(str).replace("nan", "")
    numbers = pd.to_numeric(text.where(text != ""), errors="coerce")
    known = text != ""
    if not known.any():
        return None
    if name not in IDS and numbers[known].notna().all() and held_exactly(numbers, known.all()):
        whole = known.all() and (numbers % 1 == 0).all()
        return numbers.astype("int64") if whole else numbers.astype("float64")
    taken = _MISSING if text.isin(_TRUTH).all() else _MISSING + _TRUTH
    return text.where(numbers.isna() & ~text.isin(taken), name + "-" + text).where(known, _UNKNOWN)


def _repeated(metadata: pd.DataFrame) -> pd.DataFrame:
    """The rows to export: `position` in the split's array, `copy` from 0; drawn by weight or repeated."""
    rows = metadata.assign(position=metadata.groupby("split").cumcount())
    if "copies" not in metadata:
        return rows.assign(copy=0)
    repeated = rows.loc[rows.index.repeat(rows["copies"])].reset_index(names="row")
    repeated["copy"] = repeated.groupby("row").cumcount()
    return repeated.drop(columns=["row", "weight"])


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    left_out = (*_LEFT_OUT, "copy") if not rows["copy"].any() else _LEFT_OUT
    kept = [name for name in rows.columns if name not in left_out]
    kept = ["file_name", *(name for name in kept if name != "file_name")]
    columns = {name: stable_column(name, rows[name]) for name in kept}
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})


def _base(file_name: str) -> str:
    return file_name.rsplit("/", 1)[-1]


def _write_images(folder: Path, split: str, rows: pd.DataFrame) -> None:
    from PIL import Image

    array = open_array(folder / f"{split}.npy")
    for position, name in zip(rows["position"], rows["file_name"], strict=True):
        # Not atomic one by one: the folder as a whole takes its place when it is complete.
        Image.fromarray(pixels(array[position])).save(folder / name)
