"""The dataset card: a README with Hugging Face front matter and the tables that a reader needs."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from signal_diffusion.config.stages import described
from signal_diffusion.datasets import balance
from signal_diffusion.datasets.contents import Contents, counts
from signal_diffusion.datasets.front_matter import front_matter
from signal_diffusion.datasets.origins import Origin, origins
from signal_diffusion.datasets.splits import SPLITS, SUBJECT
from signal_diffusion.markdown import table
from signal_diffusion.signals.representations import SERIES
from signal_diffusion.signals.transforms import LEGACY

BALANCE = "balance"
_MOST_VALUES = 12  # a label with more is told by its range
_FEW_SUBJECTS = 5
_PREPROCESSING = ("channels", "signal", "filter", "quality", "spectrogram")


def dataset_card(spec: dict[str, Any], contents: Contents, figures: Sequence[str] = ()) -> str:
    """Markdown of the card; `spec` is `dataset.json` without counts and hashes.

    `figures` are paths in the folder: the weights' is shown beside them, the others at the top.
    """
    metadata = contents.metadata
    sources = origins(contents.recipe, sorted(set(metadata["dataset"])))
    parts = [
        front_matter(spec, contents, sources),
        f"# {spec['recipe']}, {spec['representation']}",
        contents.recipe.recipe.description,
        *(f"![{figure}]({figure})" for figure in figures if BALANCE not in figure),
        _files(spec, contents),
        "## Sources",
        _sources(sources),
        "## Splits\n\nBy subject: no subject, recording or identical window stands in two splits.",
        _split_table(metadata),
        "## Labels\n\nSubjects (windows) per value, recordings for a range; the empty value is unknown.",
        _label_table(metadata, contents.labels),
        "## Windows",
        _settings_table(spec),
        "## Preprocessing\n\nEvery value that the windows depend on, defaults included.",
        _preprocessing(spec, contents),
        "## Sampling weights",
        _weights(contents),
        *(f"![{figure}]({figure})" for figure in figures if BALANCE in figure),
        "## Refused recordings and windows",
        _refusals(contents.refused),
        "## Confounds and limits",
        _limits(contents),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _files(spec: dict[str, Any], contents: Contents) -> str:
    signals = spec["representation"] == SERIES
    shape = "float32 [windows, channels, samples]" if signals else "uint8 [windows, channels, height, width]"
    wanted = contents.recipe.export
    lines = [
        f"`{{split}}.npy` holds the windows, {shape}; row k of `{{split}}-metadata.csv` is window k. "
        "`metadata.csv` has all rows, `dataset.json` the numbers that turn the windows back into signals, "
        "`splits.csv` every subject's split (a later recipe can pin it with `splits_file`), `weights.csv` and "
        "`balance.csv` what the weights reach, `recordings.csv` what became of every recording, `refused.csv` "
        "what was left out and why."
    ]
    if wanted.parquet:
        lines.append('`datasets.load_dataset("PATH OF THIS FOLDER")` opens the Parquet files in `parquet/`.')
    if wanted.imagefolder and not signals:
        lines.append(
            '`datasets.load_dataset("imagefolder", data_dir="imagefolder")` opens the images with their rows.'
        )
    if wanted.copies:
        lines.append(
            "In these exports training windows are repeated by their weights (column `copies`), so that every "
            "row is to be drawn equally often; validation and test have every window once."
        )
    lines.append(f"Captions follow one template: *{contents.metadata['text'].iloc[0]}*.")
    return "\n\n".join(lines)


def _sources(sources: Sequence[Origin]) -> str:
    header = ["dataset", "title", "licence", "home", "cite"]
    rows = [
        [
            each.dataset,
            each.title,
            "; ".join(filter(None, (each.license, each.terms))),
            each.url,
            each.citation,
        ]
        for each in sources
    ]
    return table(header, rows)


def _split_table(metadata: pd.DataFrame) -> str:
    rows = [
        [dataset, split, *counts(group[group["split"] == split]).values()]
        for dataset, group in metadata.groupby("dataset")
        for split in SPLITS
    ]
    return table(["dataset", "split", "windows", "recordings", "subjects"], rows)


def _label_table(metadata: pd.DataFrame, labels: Sequence[str]) -> str:
    parts = [metadata[metadata["split"] == split] for split in SPLITS]
    rows = []
    for name in labels:
        values = sorted(set(metadata[name]))
        if len(values) <= _MOST_VALUES and name != "age":
            rows += [
                [name, value, *(_subjects_and_windows(part[part[name] == value]) for part in parts)]
                for value in values
            ]
        else:
            rows.append([name, "median (range)", *(_span(part, name) for part in parts)])
    return table(["label", "value", *SPLITS], rows)


def _subjects_and_windows(rows: pd.DataFrame) -> str:
    return f"{len(rows[SUBJECT].drop_duplicates())} ({len(rows)})"


def _span(rows: pd.DataFrame, name: str) -> str:
    values = rows.drop_duplicates(["dataset", "recording"])[name]
    known = pd.to_numeric(values, errors="coerce").dropna()
    if not len(known):
        words = values[values != ""].nunique()
        return f"{words} different words" if words else "unknown"
    return f"{known.median():g} ({known.min():g} to {known.max():g})"


def _settings_table(spec: dict[str, Any]) -> str:
    numbers = _series_rows() if spec["representation"] == SERIES else _image_rows(spec)
    signal = f"{spec['fs']} Hz, windows of {spec['nsamps']} samples, overlap {spec['ovr_perc']:.0%}"
    rows = [["channels, in order", " ".join(spec["channels"])], *numbers, ["signal", signal]]
    return table(["what", "value"], rows)


def _image_rows(spec: dict[str, Any]) -> list[list[str]]:
    first, last = spec["frequencies"][0], spec["frequencies"][-1]
    size, frames = spec["resolution"], spec["frames"]
    unit = "V" if spec["bins"] == LEGACY else "uV^2/Hz"
    others = spec["planes"][1:]
    rows = [
        ["image", f"{size} x {size}, channels left to right, {frames} frames each"],
        ["rows, bottom to top", f"{first:.2f} to {last:.2f} Hz, {spec['bins']} spacing"],
        ["dB, 0 to 255", f"{spec['min_db']} to {spec['max_db']} dB re 1 {unit}, one range for all datasets"],
    ]
    if others:
        told = f"planes 2 and 3: {' and '.join(others)}, scaled per row by the numbers in `dataset.json`"
        rows.append(["colours", f"plane 1: dB; {told}"])
    return rows


def _series_rows() -> list[list[str]]:
    return [["values", "z-scores per channel by the training split's mean and SD (uV), in `dataset.json`"]]


def _preprocessing(spec: dict[str, Any], contents: Contents) -> str:
    recipe = contents.recipe
    rows = [
        [f"{name}.{key}", _value(value), unit, meaning]
        for name in _PREPROCESSING
        if not (name == "spectrogram" and spec["representation"] == SERIES)
        for key, value, unit, meaning in described(getattr(recipe, name))
        if f"{name}.{key}" not in recipe.unread()
    ]
    return table(["key", "value", "unit", "meaning"], rows)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "unset" if value is None else str(value)


def _weights(contents: Contents) -> str:
    weights, config = contents.weighting, contents.recipe.weights
    cap = "none" if config.max_sampling_weight is None else f"{config.max_sampling_weight:g} times the mean"
    method = (
        "Only training windows are weighted: labels " + (", ".join(config.tasks) or "none")
        + f', method {config.method}, cap {cap}.'
    )  # fmt: skip
    lines = [method, *balance.summary(weights)]
    labels = _frame(balance.label_table(weights))
    return "\n\n".join([" ".join(lines), labels, "Combinations: `weights.csv`."])


def _frame(frame: pd.DataFrame) -> str:
    text = frame.map(lambda value: f"{value:.3f}" if isinstance(value, float) else value).replace("nan", "")
    return table(frame.columns, text.to_numpy().tolist())


def _refusals(refused: Sequence[dict[str, str]]) -> str:
    if not refused:
        return "None."
    keys = [[row["dataset"], row["recording"], row["windows"], row["reason"]] for row in refused]
    return table(["dataset", "recording", "windows", "reason"], keys)


def _limits(contents: Contents) -> str:
    lines = [*_absent(contents), *contents.one_sided, *map(str, contents.confounds)]
    overlap = contents.recipe.signal.ovr_perc
    if overlap:
        lines.append(
            f"Neighbouring windows share {overlap:.0%} of their samples: count subjects, not windows."
        )
    for split, count in contents.counts().items():
        if not count["windows"]:
            lines.append(f"The {split} split is empty.")
        elif count["subjects"] < _FEW_SUBJECTS:
            lines.append(f"The {split} split has {count['subjects']} subject(s): too few to speak of people.")
    return "\n".join(f"- {line}" for line in lines) or "None known."


def _absent(contents: Contents) -> list[str]:
    wanted, here = contents.recipe.recipe.datasets, set(contents.splits["dataset"])
    return [
        f"Dataset {name} was absent and is skipped, as the recipe allows."
        for name in wanted
        if name not in here
    ]
