"""A dataset folder of synthetic training windows, with real ones beside them if asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from signal_diffusion import files
from signal_diffusion.datasets.contents import counts
from signal_diffusion.datasets.export import FOLDER, export_imagefolder, file_names
from signal_diffusion.datasets.labels import whole_years
from signal_diffusion.datasets.parquet import FOLDER as PARQUET
from signal_diffusion.datasets.parquet import NAMES, export_parquet
from signal_diffusion.datasets.splits import SPLITS
from signal_diffusion.datasets.storage import (
    IDS,
    SPEC,
    Windows,
    staged_folder,
    window_hashes,
    write_split,
    write_table,
)
from signal_diffusion.errors import UserError
from signal_diffusion.markdown import table
from signal_diffusion.signals.representations import SERIES

if TYPE_CHECKING:
    from signal_diffusion.config.synthetic import SyntheticSet

BLOCK = 256
_MOST_VALUES = 12


@dataclass(frozen=True)
class Part:
    """Synthetic windows as a dataset stores them, and their rows."""

    array: np.ndarray
    metadata: pd.DataFrame


def write_synthetic(
    out: Path,
    synthetic: "SyntheticSet",
    drawn: Part,
    real: Mapping[str, Windows],
    labels: Sequence[str],
    source: Mapping[str, Any],
) -> None:
    """Write arrays, rows, dataset.json, exports and card; `real` holds the splits of the dataset behind the model."""
    columns = [*IDS, "window", "start_s", "split", *labels, "text", "hash", "weight"]
    made = {split: _rows(split, synthetic.real, drawn, real[split])[columns] for split in SPLITS}
    with staged_folder(out) as folder:
        digests = {
            f"{split}.npy": _write_array(folder, split, synthetic.real, drawn, real[split])
            for split in SPLITS
        }
        rows = pd.concat(made.values(), ignore_index=True)
        rows = _export(folder, synthetic, rows, real["train"].spec, labels)
        for split in SPLITS:
            write_table(folder / f"{split}-metadata.csv", rows[rows["split"] == split])
        write_table(folder / "metadata.csv", rows)
        spec = {
            **real["train"].spec,
            "recipe": synthetic.name,
            "generated_by": dict(source),
            "real": synthetic.real,
            "counts": {split: counts(made[split]) for split in SPLITS},
            "sha256": digests,
        }
        files.write_json(folder / SPEC, spec)
        files.write_text(folder / "README.md", _card(synthetic, spec, rows, labels))


def _has_real(split: str, real: str) -> bool:
    return real == "all" or (real == "held-out" and split != "train")


def _rows(split: str, real: str, drawn: Part, windows: Windows) -> pd.DataFrame:
    """Real rows, then synthetic ones in training."""
    parts = [windows.metadata if _has_real(split, real) else windows.metadata.iloc[:0]]
    if split == "train":
        parts.append(drawn.metadata.assign(hash=window_hashes(drawn.array)))
    rows = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    return rows.assign(age=rows["age"].map(whole_years)) if "age" in rows else rows


def _write_array(folder: Path, split: str, real: str, drawn: Part, windows: Windows) -> str:
    ours = drawn.array if split == "train" else drawn.array[:0]
    kept = len(windows) if _has_real(split, real) else 0
    shape = (kept + len(ours), *drawn.array.shape[1:])

    def blocks() -> Iterator[np.ndarray]:
        if kept:
            yield from windows.blocks(BLOCK)
        yield ours

    return write_split(folder / f"{split}.npy", shape, blocks(), ours.dtype)


def _export(
    folder: Path,
    synthetic: "SyntheticSet",
    metadata: pd.DataFrame,
    spec: Mapping[str, Any],
    labels: Sequence[str],
) -> pd.DataFrame:
    """Write the exports; the rows with what leads to them."""
    rows = metadata.assign(position=metadata.groupby("split").cumcount(), copy=0)
    if synthetic.export.parquet:
        export_parquet(folder, dict(spec), rows, labels)
    if not synthetic.export.imagefolder:
        return metadata
    if spec["representation"] == SERIES:
        raise UserError(
            f"{synthetic.path} [export] imagefolder: time series are no images; use parquet = true"
        )
    rows = rows.assign(file_name=file_names(rows))
    export_imagefolder(folder, rows)
    return metadata.assign(file_name=rows["file_name"].to_numpy())


def _card(
    synthetic: "SyntheticSet", spec: Mapping[str, Any], rows: pd.DataFrame, labels: Sequence[str]
) -> str:
    source = spec["generated_by"]
    ours = rows[rows["dataset"] == "synthetic"]
    told = ", ".join(f"{key} {value}" for key, value in source.items() if key != "model")
    parts = [
        _front_matter(synthetic, spec),
        f"# {synthetic.name}",
        f"{len(ours)} synthetic windows ({spec['representation']}), drawn from the diffusion model "
        f"`{source['model']}` ({told}; seed {synthetic.generation.seed}). Labels: "
        f"{synthetic.conditions.distribution}. No person stands behind them.",
        _real_words(synthetic.real),
        table(
            ("split", "windows", "recordings", "subjects"),
            [(split, *each.values()) for split, each in spec["counts"].items()],
        ),
        "## Labels of the synthetic windows",
        table(("label", "value", "windows"), _label_rows(ours, labels)),
        "## Limits",
        "- How near these windows are to real ones, and what the labels do in them, is in the card of the model, "
        f"`results/diffusion/{source['model']}/README.md`.\n"
        "- A combination of labels that the training recordings lack is a guess of the model.\n"
        "- The model has learned from recordings of people: their data's licence and terms hold here too, and that no "
        "window is a copy of a recorded one is measured there, not proven.\n"
        "- Each synthetic window has a `subject` of its own; count no people by them.",
    ]
    return "\n\n".join(parts) + "\n"


def _real_words(real: str) -> str:
    said = {
        "none": "There are no real windows here.",
        "held-out": "The windows of val and test are real, those of the dataset that the model was trained on, of "
        "people whom it has not seen; all training windows are synthetic.",
        "all": "The real windows of the dataset that the model was trained on stand beside them, in its splits.",
    }
    return said[real]


def _label_rows(rows: pd.DataFrame, labels: Sequence[str]) -> list[tuple[str, str, str]]:
    found = []
    for name in labels:
        values = rows[name].fillna("").value_counts(sort=False).sort_index()
        if name == "age" or len(values) > _MOST_VALUES:
            ages = pd.to_numeric(rows[name], errors="coerce").dropna()
            span = f"{ages.median():g} ({ages.min():g} to {ages.max():g})" if len(ages) else "unknown"
            found.append((name, span, str(len(ages))))
        else:
            found += [(name, str(value) or "unknown", str(count)) for value, count in values.items()]
    return found


def _front_matter(synthetic: "SyntheticSet", spec: Mapping[str, Any]) -> str:
    lines = ["---", f"pretty_name: {synthetic.name}", "language: [en]", "tags: [eeg, synthetic]"]
    lines += ["configs:", "- config_name: default"]
    filled = [split for split in SPLITS if spec["counts"][split]["windows"]]
    if synthetic.export.imagefolder and not synthetic.export.parquet:
        return "\n".join([*lines, f"  data_dir: {FOLDER}", "---"])
    pattern = PARQUET + "/{}-*.parquet" if synthetic.export.parquet else "{}-metadata.csv"
    names = NAMES if synthetic.export.parquet else {split: split for split in SPLITS}
    paths = [f"  - split: {NAMES[split]}\n    path: {pattern.format(names[split])}" for split in filled]
    return "\n".join([*lines, "  data_files:", *paths, "---"])
