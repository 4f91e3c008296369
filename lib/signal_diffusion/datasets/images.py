"""Images from elsewhere as a dataset folder: a folder of files, Parquet files, or a dataset of the Hugging Face hub."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from signal_diffusion import files
from signal_diffusion.config.images import IMAGES, image_folder, missing_images_message
from signal_diffusion.datasets.contents import counts
from signal_diffusion.datasets.labels import CANONICAL, check_labels
from signal_diffusion.datasets.splits import SPLITS, check_disjoint
from signal_diffusion.datasets.storage import (
    NOT_LABELS,
    SPEC,
    staged_folder,
    window_hashes,
    write_split,
    write_table,
)
from signal_diffusion.errors import UserError
from signal_diffusion.markdown import table
from signal_diffusion.progress import Progress

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict
    from PIL.Image import Image

    from signal_diffusion.config.diffusion import DiffusionRun

NAMES = {"train": "train", "val": "val", "validation": "val", "valid": "val", "dev": "val", "test": "test"}
PLANES = {1: ["grey"], 3: ["red", "green", "blue"]}
MODES = {1: "L", 3: "RGB"}
DEEP = {"I;16", "I;16B", "I;16L"}  # 16 bits of grey, the last two as TIFF may order their bytes
GREY = {"L", "1", "LA", *DEEP}
UNKNOWN = "unknown"  # as exports write it, which cannot leave a cell empty
EXPORTED = {"dataset", "subject", "recording", "window"}
HELD_OUT = 0.1  # share of the groups in a split that the images do not come with


@dataclass(frozen=True)
class Reading:
    """How images are read: their side in pixels, `channels` 1, 3 or None (as they are), and columns by meaning."""

    resolution: int
    channels: int | None
    center_crop: bool
    flip: bool
    image: str
    caption: str | None
    group: str
    canonical: Mapping[str, str]
    seed: int
    cache: str | None = None

    @classmethod
    def of(cls, run: "DiffusionRun") -> "Reading":
        """As a run's `[dataset]` says."""
        data = run.dataset
        canonical = {"gender": data.gender_column, "health": data.health_column, "age": data.age_column}
        latent = run.model.extras.latent_space
        return cls(
            data.resolution,
            None if latent else run.model.extras.in_channels,
            data.center_crop,
            data.random_flip,
            data.image_column,
            data.caption_column,
            data.group_column,
            canonical,
            data.split_seed,
            data.cache_dir,
        )


def build_images(name: str, keys: Reading, out: Path) -> None:
    """Write the dataset folder `out` from the images that `dataset.name` means.

    Splits are theirs; one that they lack is drawn from the training images, by groups. UserError, in one line, when
    there are none, or when one cannot be read, or stands in two splits.
    """
    parts = _by_split(_load(name, keys.cache), keys)
    _check_columns(name, parts, keys)
    channels = keys.channels or _channels(parts, keys.image)
    with staged_folder(out) as folder:
        tables, digests, done = [], {}, sum(map(len, parts.values()))
        with Progress(done, "reading images", "image") as progress:
            for split in SPLITS:
                rows, digest = _write_part(folder, split, parts[split], channels, keys, name, progress)
                tables.append(rows)
                digests[f"{split}.npy"] = digest
        metadata = pd.concat(tables, ignore_index=True)
        check_disjoint(metadata, metadata["hash"])
        for split in SPLITS:
            write_table(folder / f"{split}-metadata.csv", metadata[metadata["split"] == split])
        write_table(folder / "metadata.csv", metadata)
        spec = _spec(name, channels, keys, metadata) | {"sha256": digests}
        files.write_json(folder / SPEC, spec)
        files.write_text(folder / "README.md", _card(name, spec, keys))


def _load(name: str, cache: str | None) -> "DatasetDict":
    """All splits, by `datasets.load_dataset`, which reads folders of images, Parquet files and hub ids alike."""
    # Imported here: few datasets are read so, and the library is large.
    import datasets

    folder = image_folder(name)
    try:
        return datasets.load_dataset(str(folder or name), cache_dir=cache)
    except (OSError, ValueError, RuntimeError) as error:
        if folder is None:
            raise UserError(f"{missing_images_message(name)} ({_first_line(error)})") from None
        raise UserError(
            f"{folder}: cannot be read as images ({_first_line(error)}); expected image files with a metadata.csv "
            "whose column file_name names them, or Parquet files"
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _by_split(loaded: "DatasetDict", keys: Reading) -> dict[str, "Dataset"]:
    found = {NAMES[each]: part for each, part in loaded.items() if each in NAMES}
    if "train" not in found:
        raise UserError(f"the images have the splits {', '.join(loaded)}, expected train; rename one of them")
    found = _told_apart(found, keys)
    train = found["train"]
    held = _held_out(train, keys, [split for split in SPLITS[1:] if split not in found])
    return found | {split: train.select(rows) for split, rows in held.items()}


def _told_apart(found: dict[str, "Dataset"], keys: Reading) -> dict[str, "Dataset"]:
    """With the dataset in front of each subject where datasets share ids, as they may in exports of a recipe."""
    exported = all(EXPORTED <= set(part.column_names) for part in found.values())
    if keys.group != "subject" or not exported:
        return found
    who = {split: list(zip(part["dataset"], part["subject"], strict=True)) for split, part in found.items()}
    people = {person for each in who.values() for person in each}
    if len(people) == len({subject for _, subject in people}):
        return found
    names = {split: [f"{dataset}/{subject}" for dataset, subject in each] for split, each in who.items()}
    return {k: part.remove_columns("subject").add_column("subject", names[k]) for k, part in found.items()}


def _held_out(train: "Dataset", keys: Reading, lacking: Sequence[str]) -> dict[str, np.ndarray]:
    """Rows of each lacking split, a tenth of the groups and at least one, and the rest for training."""
    names = _groups(train, keys.group)
    groups = np.unique(names)
    if len(groups) <= len(lacking):
        raise UserError(
            f"{len(groups)} group(s) of images are too few to hold out {' and '.join(lacking)}; add images"
        )
    order = np.random.default_rng(keys.seed).permutation(groups)
    size = max(1, round(HELD_OUT * len(groups)))
    chosen = {split: order[place * size : (place + 1) * size] for place, split in enumerate(lacking)}
    rows = {split: np.flatnonzero(np.isin(names, each)) for split, each in chosen.items()}
    taken = np.concatenate([np.empty(0, np.int64), *rows.values()])
    return {"train": np.setdiff1d(np.arange(len(train)), taken), **rows}


def _groups(part: "Dataset", column: str) -> np.ndarray:
    if column in part.column_names:
        return np.array([str(value) for value in part[column]])
    return np.array([f"{row:08d}" for row in range(len(part))])


def _check_columns(name: str, parts: Mapping[str, "Dataset"], keys: Reading) -> None:
    columns = parts["train"].column_names
    if keys.image not in columns:
        raise UserError(
            f"{name}: no column {keys.image!r} of images; dataset.image_column is one of {columns}"
        )
    if keys.caption is not None and keys.caption not in columns and keys.caption != "text":
        raise UserError(f"{name}: no column {keys.caption!r}; dataset.caption_column is one of {columns}")


def _channels(parts: Mapping[str, "Dataset"], column: str) -> int:
    """One where every training image is grey, else three."""
    modes = {image.mode for image in (row[column] for row in parts["train"])}
    return 1 if modes <= GREY else 3


def _write_part(
    folder: Path, split: str, part: "Dataset", channels: int, keys: Reading, name: str, progress: Progress
) -> tuple[pd.DataFrame, str]:
    """The array of a split and its rows; with `flip` a training image is followed by its mirror image."""
    mirrored = keys.flip and split == "train"
    rows, hashes = _rows(part, split, keys, name), []

    def blocks() -> Iterator[np.ndarray]:
        for row in range(len(part)):
            pixels = _pixels(part, row, channels, keys, name)[None]
            block = np.concatenate([pixels, pixels[..., ::-1]]) if mirrored else pixels
            hashes.extend(window_hashes(block))
            yield block
            progress.update()

    if mirrored:
        rows = rows.loc[rows.index.repeat(2)].assign(window=[0, 1] * len(rows))
    shape = (len(rows), channels, keys.resolution, keys.resolution)
    digest = write_split(folder / f"{split}.npy", shape, blocks())
    return rows.assign(hash=hashes, weight=1.0).reset_index(drop=True), digest


def _pixels(part: "Dataset", row: int, channels: int, keys: Reading, name: str) -> np.ndarray:
    """uint8 [channels, resolution, resolution]."""
    try:
        image = part[row][keys.image]
        shallow = _shallow(image, f"{name}: image {row}").convert(MODES[channels])
        pixels = np.asarray(squared(shallow, keys.resolution, keys.center_crop))
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"{name}: image {row} cannot be read ({_first_line(error)}); replace or remove it"
        ) from None
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _shallow(image: "Image", where: str) -> "Image":
    """With 8 bits a pixel: of 16 the upper ones, for Pillow's own conversion turns all but the darkest white."""
    from PIL import Image

    if image.mode in DEEP:
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise UserError(
            f"{where}: found pixels of mode {image.mode}, whose white nothing states, expected 8 or 16 bits; save "
            "it with these"
        )
    return image


def squared(image: "Image", side: int, center_crop: bool) -> "Image":
    """`image` as side x side pixels: its largest middle square, or all of it squeezed; Lanczos resampling."""
    from PIL import Image

    box = None
    if center_crop:
        width, height = image.size
        edge = min(width, height)
        left, top = (width - edge) // 2, (height - edge) // 2
        box = (left, top, left + edge, top + edge)
    return image.resize((side, side), Image.Resampling.LANCZOS, box=box)


def _rows(part: "Dataset", split: str, keys: Reading, name: str) -> pd.DataFrame:
    """Ids, labels as words and captions; of the images' own names for ids nothing is kept but the group."""
    words = {column: _words(part, column) for column in part.column_names if column != keys.image}
    captions = words.pop(keys.caption, [""] * len(part)) if keys.caption else [""] * len(part)
    meant = {keys.canonical[each]: each for each in CANONICAL}
    labels = {
        meant.get(column, column): values
        for column, values in words.items()
        if column not in (*NOT_LABELS, keys.group)
    }
    groups, source = _groups(part, keys.group), name.rstrip("/").rsplit("/", 1)[-1]
    recordings = [f"{split}-{row:08d}" for row in range(len(part))]
    subjects = groups if keys.group in part.column_names else recordings
    ids = {"dataset": source, "subject": subjects, "session": "", "recording": recordings}
    # A run finds its captions under their own name too.
    texts = {keys.caption or "text": captions, "text": captions}
    rows = pd.DataFrame(ids | {"window": 0, "start_s": 0.0, "split": split, **labels, **texts})
    check_labels(rows, name)
    return rows


def _words(part: "Dataset", column: str) -> list[str]:
    feature = part.features[column]
    values = part[column]
    if hasattr(feature, "int2str"):
        return ["" if value is None or value < 0 else feature.int2str(value) for value in values]
    return ["" if value in (None, UNKNOWN) else str(value) for value in values]


def _spec(name: str, channels: int, keys: Reading, metadata: pd.DataFrame) -> dict[str, Any]:
    return {
        "recipe": name.rstrip("/").rsplit("/", 1)[-1],
        "representation": IMAGES,
        "planes": PLANES[channels],
        "resolution": keys.resolution,
        "counts": {split: counts(metadata[metadata["split"] == split]) for split in SPLITS},
    }


def _card(name: str, spec: Mapping[str, Any], keys: Reading) -> str:
    crop = "the middle square" if keys.center_crop else "the whole image, squeezed"
    rows = [(split, each["windows"], each["subjects"]) for split, each in spec["counts"].items()]
    size = f"{spec['resolution']} x {spec['resolution']} pixels"
    return (
        f"# {spec['recipe']}\n\nImages of `{name}` as {size} of {', '.join(spec['planes'])} ({crop}), "
        "uint8 [images, planes, height, width] in `{split}.npy` with their rows in `{split}-metadata.csv`. Their "
        f"licence is the source's.\n\n{table(('split', 'images', 'groups'), rows)}\n"
    )
