"""Exports that other tools open as they are."""

from pathlib import Path

import pandas as pd

from signal_diffusion.datasets.storage import IDS, open_array, write_table

FOLDER = "imagefolder"
_UNKNOWN = "unknown"
_LEFT_OUT = ("split", "hash", "weight", "start_s")


def file_names(metadata: pd.DataFrame) -> pd.Series:
    """Each window's PNG in the dataset folder, `imagefolder/{split}/{dataset}_{recording}_{window}.png`."""
    window = metadata["window"].map("{:05d}".format)
    name = metadata["dataset"] + "_" + metadata["recording"] + "_" + window + ".png"
    return FOLDER + "/" + metadata["split"] + "/" + name


def export_imagefolder(folder: Path, metadata: pd.DataFrame) -> None:
    """PNGs and one metadata.csv per split, for `datasets.load_dataset("imagefolder", data_dir=...)`.

    `folder` holds the arrays already; `metadata` has all their rows with `file_name`. That loader guesses
    types per file and refuses files that differ, so the columns are made such that no split can be read
    otherwise than another: see `stable_column`.
    """
    table = _table(metadata)
    for split, rows in metadata.groupby("split", sort=False):
        target = folder / FOLDER / str(split)
        target.mkdir(parents=True)
        write_table(
            target / "metadata.csv", table.loc[rows.index].assign(file_name=rows["file_name"].map(_base))
        )
        _write_images(folder, str(split), rows["file_name"])


def stable_column(name: str, values: pd.Series) -> pd.Series | None:
    """`values` written such that every part of them reads as one type; None when nothing is known.

    Numbers stay numbers, as decimals throughout if one is missing or has decimals; in a column of words the
    unknown becomes "unknown"; an id or word that looks like a number gets the column's name in front.
    """
    text = values.astype(str).replace("nan", "")
    numbers = pd.to_numeric(text.where(text != ""), errors="coerce")
    known = text != ""
    if not known.any():
        return None
    if name not in IDS and numbers[known].notna().all():
        whole = known.all() and (numbers % 1 == 0).all()
        return numbers.astype("int64") if whole else numbers.astype("float64")
    return text.where(numbers.isna(), name + "-" + text).where(known, _UNKNOWN)


def _table(metadata: pd.DataFrame) -> pd.DataFrame:
    kept = [name for name in metadata.columns if name not in _LEFT_OUT]
    kept = ["file_name", *(name for name in kept if name != "file_name")]
    columns = {name: stable_column(name, metadata[name]) for name in kept}
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})


def _base(file_name: str) -> str:
    return file_name.rsplit("/", 1)[-1]


def _write_images(folder: Path, split: str, names: pd.Series) -> None:
    from PIL import Image

    array = open_array(folder / f"{split}.npy")
    for image, name in zip(array, names, strict=True):
        # Not atomic one by one: the folder as a whole takes its place when it is complete.
        Image.fromarray(image[0]).save(folder / name)
