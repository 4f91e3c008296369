"""Build a dataset: splits, ranges from the training windows, arrays, rows, weights, card."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from signal_diffusion import files
from signal_diffusion.datasets.balance import say_balance, write_balance
from signal_diffusion.datasets.captions import caption, modality
from signal_diffusion.datasets.card import dataset_card
from signal_diffusion.datasets.contents import Contents
from signal_diffusion.datasets.events import event_labels, event_names
from signal_diffusion.datasets.export import write_exports
from signal_diffusion.datasets.ranges import statistics_of
from signal_diffusion.datasets.recordings import FILE as RECORDINGS
from signal_diffusion.datasets.recordings import recordings_table
from signal_diffusion.datasets.scan import scan
from signal_diffusion.datasets.sources import (
    Source,
    check_alike,
    join_shards,
    label_columns,
    read_indexes,
)
from signal_diffusion.datasets.splits import (
    SPLITS,
    SUBJECT,
    assign_splits,
    check_disjoint,
    check_pinned,
    read_splits,
    subject_table,
)
from signal_diffusion.datasets.storage import (
    IDS,
    SPEC,
    staged_folder,
    write_split,
    write_table,
)
from signal_diffusion.datasets.weights import Weighting, sampling_weights
from signal_diffusion.errors import UserError
from signal_diffusion.progress import Progress
from signal_diffusion.signals.encoding import Encoder
from signal_diffusion.signals.representations import PLANES, REPRESENTATIONS, SERIES
from signal_diffusion.signals.transforms import described

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe, Signal


def build_dataset(
    recipe: "Recipe",
    representation: str,
    shards: Sequence[Path],
    indexes: Sequence[Path],
    out: Path,
    draw: Callable[[Path], Sequence[str]] | None = None,
) -> None:
    """Write the dataset folder `out` from the shards and indexes of the recipe's datasets.

    `recipe` has its dB range and weight cap resolved from the settings (`load_recipe(name, settings)`). `draw` adds
    figures to the folder and says which, for the card. Shards are read twice, block by block: for the ranges and the
    windows to leave out, and to write. UserError when a subject, recording or identical window would stand in two
    splits, when nothing usable is left for training, or when shards and indexes do not belong together.
    """
    _check_representation(representation)
    rows = read_indexes(indexes)
    check_datasets(rows, recipe)
    sources, refused = join_shards(rows, shards)
    splits = split_subjects(rows, recipe, sources)
    _check_training(sources, refused)
    spec = _spec(recipe, representation, check_alike(sources, representation))
    statistics = statistics_of(representation, recipe.spectrogram)
    refused += scan(sources, statistics, recipe.signal.fs, recipe.quality.drop)
    used = [source for source in sources if len(source.kept)]
    _check_training(used, refused)
    spec |= statistics.numbers()
    metadata, weighting = _weighted(_metadata(used, label_columns(rows), recipe, representation), recipe)
    contents = Contents(recipe, metadata, refused, splits, weighting)
    say_balance(contents)
    window_s = recipe.signal.nsamps / recipe.signal.fs
    outcomes = recordings_table(rows, sources, refused, shards, window_s, recipe.signal.fs)
    with staged_folder(out) as folder:
        _write(folder, spec, contents, used, draw)
        write_table(folder / RECORDINGS, outcomes)


def _check_representation(representation: str) -> None:
    if representation not in REPRESENTATIONS:
        raise UserError(f"representation {representation} is none of {', '.join(REPRESENTATIONS)}; use one")


def check_datasets(rows: pd.DataFrame, recipe: "Recipe") -> None:
    """Refuse (UserError) indexes of other datasets than the recipe's."""
    found, wanted = set(rows["dataset"]), set(recipe.recipe.datasets)
    if strange := sorted(found - wanted):
        raise UserError(
            f"the indexes hold dataset {strange[0]}, which recipe {recipe.name} does not list; add it"
        )
    if recipe.recipe.missing == "refuse" and (absent := sorted(wanted - found)):
        raise UserError(
            f"no index holds dataset {', '.join(absent)} of recipe {recipe.name}; index it, "
            'or set [recipe] missing = "skip"'
        )


def split_subjects(rows: pd.DataFrame, recipe: "Recipe", used: Sequence[Source]) -> pd.DataFrame:
    """Every subject's split, with the labels that it was stratified by; given to the sources, too."""
    config = recipe.splits
    table = subject_table(rows, config.stratify)
    pinned = read_splits(config.splits_file) if config.splits_file else None
    if pinned:
        check_pinned(pinned, table, config.splits_file)
    table["split"] = assign_splits(table, config, pinned)
    split = {(row.dataset, row.subject): row.split for row in table.itertuples()}
    for source in used:
        source.split = split[source.row["dataset"], source.row["subject"]]
    return table[[*SUBJECT, "split", *config.stratify]]


def _check_training(used: Sequence[Source], refused: Sequence[dict[str, str]]) -> None:
    if not any(source.split == "train" for source in used):
        reasons = "; ".join(dict.fromkeys(row["reason"] for row in refused)) or "no recording was listed"
        raise UserError(f"no usable window is left for training ({reasons}); see the recordings' index")


def _metadata(
    used: Sequence[Source], labels: list[str], recipe: "Recipe", representation: str
) -> pd.DataFrame:
    """One row per window, split after split, and within a split in id order; UserError for a leak between splits."""
    used = sorted(used, key=lambda source: SPLITS.index(source.split))
    recordings = pd.DataFrame([source.row for source in used]).assign(
        split=[source.split for source in used],
        text=[caption(source.row, recipe.captions, modality(representation)) for source in used],
    )
    owner = np.repeat(np.arange(len(used)), [len(source.kept) for source in used])
    rows = recordings.take(owner).reset_index(drop=True)
    rows["window"] = np.concatenate([source.kept for source in used])
    rows["start_s"] = np.concatenate([source.starts for source in used]) / recipe.signal.fs
    rows["hash"] = [value for source in used for value in source.hashes]
    rows = rows.assign(**_event_columns(used, recipe.signal))
    check_disjoint(rows, rows["hash"])
    return rows[[*IDS, "window", "start_s", "split", *labels, "text", "hash"]]


def _event_columns(used: Sequence[Source], signal: "Signal") -> dict[str, np.ndarray]:
    """One column per kind of event, str [windows]; empty for recordings in which nobody looked for it."""
    names = event_names(source.row["events"] for source in used)
    seconds = signal.nsamps / signal.fs
    found = [event_labels(source.row["events"], source.starts / signal.fs, seconds) for source in used]
    unknown = [np.full(len(source.kept), "") for source in used]
    return {
        name: np.concatenate([labels.get(name, none) for labels, none in zip(found, unknown, strict=True)])
        for name in names
    }


def _weighted(metadata: pd.DataFrame, recipe: "Recipe") -> tuple[pd.DataFrame, Weighting]:
    training = metadata[metadata["split"] == "train"]
    weighting = sampling_weights(training, recipe.weights, recipe.recipe.datasets)
    weight = pd.Series(1.0, index=metadata.index)
    weight[training.index] = weighting.weights
    return metadata.assign(weight=weight), weighting


def _spec(recipe: "Recipe", representation: str, shared: dict[str, Any]) -> dict[str, Any]:
    signal, spectrogram = recipe.signal, recipe.spectrogram
    image = {
        "planes": list(PLANES.get(representation, ())),
        "resolution": spectrogram.resolution,
        **described(spectrogram),
    }
    return {
        "recipe": recipe.name,
        "representation": representation,
        **({} if representation == SERIES else image),
        **shared,
        "fs": signal.fs,
        "nsamps": signal.nsamps,
        "ovr_perc": signal.ovr_perc,
        "reference": signal.reference,
    }


def _write(
    folder: Path,
    spec: dict[str, Any],
    contents: Contents,
    used: Sequence[Source],
    draw: Callable[[Path], Sequence[str]] | None,
) -> None:
    metadata, encode, arrays = contents.metadata, Encoder(spec), {}
    with Progress(len(metadata), "writing windows", unit="windows") as progress:
        for split in SPLITS:
            chosen = [source for source in used if source.split == split]
            shape = (sum(len(source.kept) for source in chosen), *encode.shape)
            blocks = _encoded(chosen, encode, progress)
            arrays[f"{split}.npy"] = write_split(folder / f"{split}.npy", shape, blocks, encode.dtype)
    metadata = write_exports(folder, spec, contents)
    write_balance(folder, contents)
    for split in SPLITS:
        write_table(folder / f"{split}-metadata.csv", metadata[metadata["split"] == split])
    write_table(folder / "metadata.csv", metadata)
    write_table(folder / "splits.csv", contents.splits)
    write_table(
        folder / "refused.csv", pd.DataFrame(contents.refused, columns=[*IDS, "file", "windows", "reason"])
    )
    files.write_json(folder / SPEC, spec | {"counts": contents.counts(), "sha256": arrays})
    figures = draw(folder) if draw else ()
    files.write_text(folder / "README.md", dataset_card(spec, contents, figures))


def _encoded(sources: Iterable[Source], encode: Encoder, progress: Progress) -> Iterator[np.ndarray]:
    """The kept windows of each recording in turn, as they are stored, block by block."""
    for source in sources:
        for windows in source.kept_blocks():
            yield encode(windows)
            progress.update(len(windows))
