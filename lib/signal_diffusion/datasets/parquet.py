"""The Parquet export: Hugging Face `datasets`' own layout, so that it opens without being told anything."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.datasets.labels import LABELS
from signal_diffusion.datasets.storage import IDS, open_array
from signal_diffusion.files import atomic_path

FOLDER = "parquet"
NAMES = {"train": "train", "val": "validation", "test": "test"}  # as that library calls the splits
_GROUP = 100  # rows that a reader takes in at once
_FILE_BYTES = 500_000_000
_NUMBERS = {"window": "int64", "start_s": "float64", "weight": "float64", "copy": "int64"}


def export_parquet(folder: Path, spec: dict[str, Any], rows: pd.DataFrame, labels: Sequence[str]) -> None:
    """`parquet/{split}-00000-of-0000N.parquet`, with the windows, their captions, ids and labels.

    A window is `image`, a PNG of its pixels, or `signal`, float32 [channels, samples]. What is unknown is
    null. `rows` has `position` in the split's array; only one group of rows is in memory at a time.
    """
    columns = [*IDS, "window", *(["copy"] if rows["copy"].any() else []), "start_s", *labels, "text"]
    columns += ["weight"] if "weight" in rows else []
    types = {name: _type(name, rows[name]) for name in columns}
    target = folder / FOLDER
    target.mkdir()
    for split, part in rows.groupby("split", sort=False):
        array = open_array(folder / f"{split}.npy")
        size = max(_GROUP, _FILE_BYTES // array[0].nbytes // _GROUP * _GROUP)
        files = -(-len(part) // size)
        for k in range(files):
            name = f"{NAMES[str(split)]}-{k:05d}-of-{files:05d}.parquet"
            _write(target / name, array, part.iloc[k * size : (k + 1) * size], types)


def pixels(window: np.ndarray) -> np.ndarray:
    """uint8 [channels, height, width] -> what an image file holds: [height, width] or [height, width, 3]."""
    return window[0] if len(window) == 1 else window.transpose(1, 2, 0)


def _write(path: Path, array: np.ndarray, rows: pd.DataFrame, types: dict[str, str]) -> None:
    # Imported here: few datasets are exported so, and the library is large.
    import pyarrow.parquet

    schema = _schema(array, types)
    with atomic_path(path) as temporary, pyarrow.parquet.ParquetWriter(temporary, schema) as writer:
        for group in _groups(rows):
            windows = array[group["position"].to_numpy()]
            columns = [_windows(windows), *(_values(group[name], types[name]) for name in types)]
            arrays = [
                pyarrow.array(values, field.type) for values, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def _groups(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(rows), _GROUP):
        yield rows.iloc[start : start + _GROUP]


def _schema(array: np.ndarray, types: dict[str, str]):
    """The Arrow schema, with the features that `datasets` reads from its metadata."""
    import pyarrow

    name, kind, feature = _window_field(array)
    fields = [pyarrow.field(name, kind)]
    fields += [pyarrow.field(column, getattr(pyarrow, types[column])()) for column in types]
    features = {name: feature} | {column: _value(types[column]) for column in types}
    described = json.dumps({"info": {"features": features}})
    return pyarrow.schema(fields, metadata={"huggingface": described})


def _window_field(array: np.ndarray):
    """Name, Arrow type and `datasets` feature of the windows."""
    import pyarrow

    if array.dtype == np.uint8:
        image = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
        return "image", image, {"_type": "Image"}
    channels, samples = array.shape[1:]
    inner = {"feature": _value("float32"), "length": samples, "_type": "List"}
    kind = pyarrow.list_(pyarrow.list_(pyarrow.float32(), samples), channels)
    return "signal", kind, {"feature": inner, "length": channels, "_type": "List"}


def _value(kind: str) -> dict[str, str]:
    return {"dtype": kind, "_type": "Value"}


def _windows(windows: np.ndarray) -> list:
    if windows.dtype == np.uint8:
        return [{"bytes": _png(pixels(window)), "path": None} for window in windows]
    return [list(window) for window in windows]


def _png(image: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


def _type(name: str, values: pd.Series) -> str:
    """The Arrow type of a column: numbers where all that is known is one, words otherwise."""
    if name in _NUMBERS:
        return _NUMBERS[name]
    text = values.astype(str)
    known = text[~text.isin(["", "nan"])]
    numbers = pd.to_numeric(known, errors="coerce")
    if name in (*IDS, "text") or not len(known) or numbers.isna().any() or _has_classes(name):
        return "string"
    if not held_exactly(numbers, len(known) == len(text)):
        return "string"
    return "int64" if (numbers % 1 == 0).all() else "float64"


def held_exactly(numbers: pd.Series, complete: bool) -> bool:
    """Whether no number, such as a long identifier, has more digits than its column: int64, or float64 with gaps."""
    sizes = numbers.astype("float64").abs()
    return bool((sizes[np.isfinite(sizes)] < (2.0**63 if complete else 2.0**53)).all())


def _has_classes(name: str) -> bool:
    return name in LABELS and LABELS[name].task_type == "classification"


def _values(values: pd.Series, kind: str) -> list:
    if kind == "string":
        return [None if value in ("", "nan") else value for value in values.astype(str)]
    numbers = pd.to_numeric(values)
    convert = int if kind == "int64" else float
    return [None if np.isnan(value) else convert(value) for value in numbers]
