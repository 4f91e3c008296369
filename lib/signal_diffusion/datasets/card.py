"""The dataset card: a README with Hugging Face front matter and the tables that a reader needs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from signal_diffusion.config.datasets import SIMULATED
from signal_diffusion.config.homes import HOW_TO_GET
from signal_diffusion.datasets.captions import caption
from signal_diffusion.datasets.labels import CANONICAL
from signal_diffusion.datasets.splits import SPLITS, SUBJECT
from signal_diffusion.datasets.weights import Weighting

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MOST_VALUES = 12  # a label with more is told by its range
_FEW_SUBJECTS = 5
RECORDING = ["dataset", "recording"]


@dataclass(frozen=True)
class Contents:
    """What went into a dataset: rows of its windows, refusals, every subject's split, weights."""

    recipe: "Recipe"
    metadata: pd.DataFrame
    refused: list[dict[str, str]]
    splits: pd.DataFrame
    weighting: Weighting

    @cached_property
    def recordings(self) -> pd.DataFrame:
        """The first row of each recording, with the number of its `windows`."""
        return _distinct(self.metadata, RECORDING)

    @cached_property
    def labelled(self) -> pd.DataFrame:
        """The first row of each recording and combination of labels, with the number of its `windows`."""
        return _distinct(self.metadata, [*RECORDING, *_label_names(self.metadata)])

    def counts(self) -> dict[str, dict[str, int]]:
        """Windows, recordings and subjects of each split."""
        return {split: _counts(self.recordings[self.recordings["split"] == split]) for split in SPLITS}


def dataset_card(spec: dict[str, Any], contents: Contents) -> str:
    """Markdown of the card; `spec` is `dataset.json` without counts and hashes."""
    parts = [
        _front_matter(spec, contents),
        f"# {spec['recipe']}, {spec['representation']}",
        contents.recipe.recipe.description,
        _files(contents),
        "## Sources",
        _sources(contents.recordings),
        "## Splits\n\nBy subject: no subject, recording or identical window stands in two splits.",
        _split_table(contents.recordings),
        "## Labels\n\nSubjects (windows) per value; the empty value is unknown.",
        _label_table(contents.labelled),
        "## Images",
        _settings_table(spec),
        "## Sampling weights",
        _weights(contents),
        "## Refused recordings and windows",
        _refusals(contents.refused),
        "## Limits",
        _limits(contents),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(spec: dict[str, Any], contents: Contents) -> str:
    if contents.recipe.export.imagefolder:
        data = "  data_dir: imagefolder"
    else:
        names = {"train": "train", "val": "validation", "test": "test"}
        rows = [
            f"  - split: {names[split]}\n    path: {split}-metadata.csv"
            for split in _filled(contents.recordings)
        ]
        data = "\n".join(["  data_files:", *rows])
    size = next((name for limit, name in _SIZES if len(contents.metadata) < limit), "1M<n<10M")
    return "\n".join(
        [
            "---",
            f"pretty_name: {spec['recipe']} EEG spectrograms",
            "language: [en]",
            "license: unknown",
            "task_categories: [text-to-image, unconditional-image-generation]",
            "tags: [eeg, spectrogram]",
            f"size_categories: [{size}]",
            "configs:",
            "- config_name: default",
            data,
            "---",
        ]
    )


def _filled(recordings: pd.DataFrame) -> list[str]:
    return [split for split in SPLITS if (recordings["split"] == split).any()]


def _files(contents: Contents) -> str:
    lines = [
        "`{split}.npy` holds the windows, uint8 [windows, 1, height, width]; row k of "
        "`{split}-metadata.csv` is window k. `metadata.csv` has all rows, `dataset.json` the numbers that "
        "turn pixels back into dB, `splits.csv` every subject's split (a later recipe can pin it with "
        "`splits_file`), `refused.csv` what was left out and why."
    ]
    if contents.recipe.export.imagefolder:
        lines.append(
            '`datasets.load_dataset("imagefolder", data_dir="imagefolder")` opens the images with their rows.'
        )
    example = caption(contents.metadata.iloc[0].to_dict(), contents.recipe.captions)
    lines.append(f"Captions follow one template: *{example}*.")
    return "\n\n".join(lines)


def _sources(recordings: pd.DataFrame) -> str:
    simulated = "simulated by this project; no person stands behind it"
    names = sorted(set(recordings["dataset"]))
    return "\n".join(f"- {name}: {simulated if name == SIMULATED else HOW_TO_GET[name]}" for name in names)


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    return {
        "windows": int(rows["windows"].sum()),
        "recordings": len(rows),
        "subjects": len(rows[SUBJECT].drop_duplicates()),
    }


def _split_table(recordings: pd.DataFrame) -> str:
    rows = [
        [dataset, split, *_counts(group[group["split"] == split]).values()]
        for dataset, group in recordings.groupby("dataset")
        for split in SPLITS
    ]
    return _table(["dataset", "split", "windows", "recordings", "subjects"], rows)


def _distinct(metadata: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    sizes = metadata.groupby(keys, sort=False).size().rename("windows").reset_index()
    return metadata.drop_duplicates(keys).merge(sizes, on=keys)


def _label_table(labelled: pd.DataFrame) -> str:
    parts = [labelled[labelled["split"] == split] for split in SPLITS]
    rows = []
    for name in _label_names(labelled):
        values = sorted(set(labelled[name]))
        if len(values) <= _MOST_VALUES and name != "age":
            rows += [
                [name, value, *(_subjects_and_windows(part[part[name] == value]) for part in parts)]
                for value in values
            ]
        else:
            rows.append(
                [name, "median (range)", *(_span(part.drop_duplicates(RECORDING)[name]) for part in parts)]
            )
    return _table(["label", "value", *SPLITS], rows)


def _label_names(metadata: pd.DataFrame) -> list[str]:
    # Labels stand between the split and the caption; ids and numbers come before and after them.
    columns = list(metadata.columns)
    return columns[columns.index("split") + 1 : columns.index("text")]


def _subjects_and_windows(rows: pd.DataFrame) -> str:
    return f"{len(rows[SUBJECT].drop_duplicates())} ({rows['windows'].sum()})"


def _span(values: pd.Series) -> str:
    known = pd.to_numeric(values, errors="coerce").dropna()
    if not len(known):
        words = values[values != ""].nunique()
        return f"{words} different words" if words else "unknown"
    return f"{known.median():g} ({known.min():g} to {known.max():g})"


def _settings_table(spec: dict[str, Any]) -> str:
    frequencies = spec["frequencies"]
    rows = [
        ["image", f"{spec['resolution']} x {spec['resolution']}, {spec['frames']} frames per channel"],
        ["channels, left to right", " ".join(spec["channels"])],
        ["rows, bottom to top", f"{frequencies[0]:.2f} to {frequencies[-1]:.2f} Hz, {spec['bins']} spacing"],
        ["longest STFT window", f"{spec['window']} samples"],
        ["signal", f"{spec['fs']} Hz, windows of {spec['nsamps']} samples, overlap {spec['ovr_perc']:.0%}"],
        ["reference", spec["reference"]],
        [
            "pixel 0 to 255",
            f"{spec['min_db']} to {spec['max_db']} dB re 1 uV^2/Hz, one range for all datasets",
        ],
    ]
    return _table(["what", "value"], rows)


def _weights(contents: Contents) -> str:
    tasks = contents.recipe.weights.tasks
    rows = [[c.dataset, *c.classes, c.windows, f"{c.weight:.3f}"] for c in contents.weighting.cells]
    windows = len(contents.weighting.weights)
    note = (
        "Only training windows are weighted. Effective sample size: "
        f"{contents.weighting.effective:.0f} of {windows} windows."
    )
    return note + "\n\n" + _table(["dataset", *tasks, "windows", "weight"], rows)


def _refusals(refused: Sequence[dict[str, str]]) -> str:
    if not refused:
        return "None."
    keys = [[row["dataset"], row["recording"], row["windows"], row["reason"]] for row in refused]
    return _table(["dataset", "recording", "windows", "reason"], keys)


def _limits(contents: Contents) -> str:
    lines = [*_absent(contents), *_confounded(contents.recordings)]
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


def _confounded(recordings: pd.DataFrame) -> list[str]:
    """Labels that a dataset's name gives away, so that a model may learn the dataset instead."""
    if recordings["dataset"].nunique() < 2:
        return []
    lines = []
    for label in [name for name in CANONICAL if name != "age"]:
        for value, rows in recordings[recordings[label] != ""].groupby(label):
            if rows["dataset"].nunique() == 1:
                where = rows["dataset"].iloc[0]
                lines.append(f"{label} {value} occurs in {where} only: a difference may be one of recording.")
    return lines


def _table(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
