"""The head of a dataset card: YAML that the Hub reads."""

from collections.abc import Sequence
from typing import Any

from signal_diffusion.datasets import export, parquet
from signal_diffusion.datasets.contents import Contents
from signal_diffusion.datasets.origins import Origin
from signal_diffusion.signals.representations import SERIES

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_TASKS = {
    "spectrograms": ("text-to-image", "unconditional-image-generation", "image-classification"),
    # The Hub knows no task of generating or classifying time series; "other" is its word for that.
    "time series": ("other",),
}


def front_matter(spec: dict[str, Any], contents: Contents, origins: Sequence[Origin]) -> str:
    """YAML between its dashes: licence, tasks, size, and how `datasets.load_dataset` opens the folder."""
    kind = "time series" if spec["representation"] == SERIES else "spectrograms"
    lines = [
        "---",
        f"pretty_name: {spec['recipe']} EEG {kind}",
        "language: [en]",
        *_licence(origins),
        f"task_categories: [{', '.join(_TASKS[kind])}]",
        f"tags: [eeg, {kind.replace(' ', '-')}]",
        f"size_categories: [{_size(len(contents.metadata))}]",
        *_configs(spec, contents),
        "---",
    ]
    return "\n".join(lines)


def _licence(origins: Sequence[Origin]) -> list[str]:
    found = sorted({origin.license for origin in origins})
    lines = [f"license: {found[0]}" if len(found) == 1 else f"license: [{', '.join(found)}]"]
    if "other" in found:
        lines += ["license_name: terms-of-the-sources", "license_link: README.md"]
    return lines


def _size(windows: int) -> str:
    return next((name for limit, name in _SIZES if windows < limit), "10M<n<100M")


def _configs(spec: dict[str, Any], contents: Contents) -> list[str]:
    """What a name opens: the richest export that there is, else the rows of the windows."""
    lines = ["configs:", "- config_name: default"]
    wanted = contents.recipe.export
    if wanted.parquet:
        lines = [*_info(spec, contents), *lines]
        return [*lines, "  data_files:", *_files(contents, parquet.FOLDER + "/{}-*.parquet", parquet.NAMES)]
    if wanted.imagefolder and spec["representation"] != SERIES:
        return [*lines, f"  data_dir: {export.FOLDER}"]
    return [*lines, "  data_files:", *_files(contents, "{}-metadata.csv", {})]


def _info(spec: dict[str, Any], contents: Contents) -> list[str]:
    """Rows of each split, and the bytes of their windows."""
    lines = ["dataset_info:", "  config_name: default", "  splits:"]
    split = contents.metadata["split"].to_numpy()
    for name in contents.filled:
        rows = int(contents.copies[split == name].sum())
        size = f"    num_bytes: {rows * _window_bytes(spec)}"
        lines += [f"  - name: {parquet.NAMES[name]}", size, f"    num_examples: {rows}"]
    return lines


def _window_bytes(spec: dict[str, Any]) -> int:
    if spec["representation"] == SERIES:
        return len(spec["channels"]) * spec["nsamps"] * 4
    return max(1, len(spec.get("planes", ()))) * spec["resolution"] ** 2


def _files(contents: Contents, pattern: str, names: dict[str, str]) -> list[str]:
    return [
        f"  - split: {parquet.NAMES[split]}\n    path: {pattern.format(names.get(split, split))}"
        for split in contents.filled
    ]
