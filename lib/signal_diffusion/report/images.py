"""Spectrogram images: samples beside real windows, and what a dataset holds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from signal_diffusion.metrics.sets import ImageSet
from signal_diffusion.report.style import GENERATED, MUTED, REAL, name, new_figure, power_label, styled
from signal_diffusion.signals.images import content_columns

MAX_CONDITIONS = 8
GAP = 0.06
TICKS = (1, 4, 8, 13, 30, 60)


@styled
def sample_pair(real: np.ndarray, generated: np.ndarray, spec: Mapping[str, Any], caption: str) -> Figure:
    """One real and one generated image [height, width] of the same caption, large, with all axes."""
    figure = new_figure(10, 4.9)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, image, title, colour in (
        (left, real, "real", REAL),
        (right, generated, "generated", GENERATED),
    ):
        drawn = show(axes, image, spec)
        axes.set_title(title, color=colour)
        channel_names(axes, spec)
    frequency_ticks(left, spec)
    left.set_ylabel("frequency (Hz)")
    bar = figure.colorbar(drawn, ax=[left, right], fraction=0.03, pad=0.01)
    bar.set_label(power_label(spec))
    bar.outline.set_visible(False)
    figure.suptitle(caption, fontsize=9, style="italic", color=MUTED)
    return figure


@styled
def sample_grid(
    real: ImageSet,
    generated: ImageSet,
    spec: Mapping[str, Any],
    labels: Sequence[str],
    columns: int = 4,
) -> Figure:
    """A row per combination of `labels`: `columns` real images on the left, generated ones on the right."""
    conditions = shared_conditions(real, generated, labels)
    figure = new_figure(1.15 * 2 * columns + 1.6, 1.15 * len(conditions) + 0.6)
    figure.get_layout_engine().set(wspace=0.04)
    left, right = figure.subplots(1, 2)
    for axes, images, title, colour in (
        (left, real, "real", REAL),
        (right, generated, "generated", GENERATED),
    ):
        chosen = [images.images[_rows(images, condition)[:columns], 0] for condition in conditions]
        drawn = _show_decibels(axes, _mosaic([_content(rows, spec) for rows in chosen], columns), spec)
        axes.set_title(title, color=colour)
        axes.set_yticks([])
    _condition_names(left, conditions, spec)
    bar = figure.colorbar(drawn, ax=[left, right], fraction=0.02, pad=0.01, aspect=40)
    bar.set_label(power_label(spec))
    bar.outline.set_visible(False)
    channels = spec["channels"]
    note = (
        f"frequency in Hz; each image: channels {channels[0]} to {channels[-1]}, {spec['frames']} frames each"
    )
    figure.supxlabel(note, fontsize=8.5, color=MUTED)
    return figure


@styled
def image_grid(real: ImageSet, generated: ImageSet, columns: int = 4) -> Figure:
    """Images that are no spectrograms: real ones on the left, generated ones on the right, evenly taken."""
    figure = new_figure(1.15 * 2 * columns + 0.9, 1.15 * columns + 0.8)
    figure.get_layout_engine().set(wspace=0.04, h_pad=0.1)
    sides = zip(
        figure.subplots(1, 2), (real, generated), ("real", "generated"), (REAL, GENERATED), strict=True
    )
    for axes, images, title, colour in sides:
        rows = np.linspace(0, len(images) - 1, min(columns**2, len(images))).round().astype(np.int64)
        planes = np.moveaxis(images.images[rows], 1, 0)
        starts = range(0, len(rows), columns)
        grid = [_mosaic([plane[first : first + columns] for first in starts], columns) for plane in planes]
        whole = np.nan_to_num(np.stack(grid, axis=-1), nan=255.0).astype(np.uint8)
        axes.imshow(whole[..., 0] if len(planes) == 1 else whole, cmap="gray", vmin=0, vmax=255)
        axes.set_title(title, color=colour)
        axes.set_axis_off()
    return figure


def _mosaic(rows: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Lists of images [k, height, width], k up to `columns`, as one array with gaps of NaN."""
    _, height, width = rows[0].shape
    gap = max(1, round(GAP * height))
    whole = np.full((len(rows) * (height + gap) - gap, columns * (width + gap) - gap), np.nan, np.float32)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            top, left = row * (height + gap), column * (width + gap)
            whole[top : top + height, left : left + width] = image
    return whole


def _condition_names(
    axes: Axes,
    conditions: Sequence[Mapping[str, Any]],
    spec: Mapping[str, Any],
    ticks: Sequence[float] = (4, 13, 30),
) -> None:
    """Frequency ticks for each row of a mosaic, and what the row shows beside them."""
    height = len(spec["frequencies"])
    places, texts = _frequency_rows(spec, ticks)
    offsets = np.arange(len(conditions)) * (height + max(1, round(GAP * height)))
    axes.set_yticks((offsets[:, None] + places).ravel(), texts * len(conditions), fontsize=7)
    axes.tick_params(axis="y", length=2)
    for offset, condition in zip(offsets, conditions, strict=True):
        text = condition_name(condition).replace(", ", "\n")
        middle = offset + height / 2
        axes.annotate(
            text,
            (0, middle),
            xytext=(-26, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            ha="right",
            va="center",
        )


def shared_conditions(real: ImageSet, generated: ImageSet, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Combinations of the labels that both sets hold, up to 8, those that are known first; {} without labels."""
    known = [label for label in labels if label in real.labels and label in generated.labels]
    if not known:
        return [{}]
    pairs = [images.labels[known].drop_duplicates() for images in (real, generated)]
    shared = pairs[0].merge(pairs[1]).sort_values(known)
    unknown = (shared == "").sum(axis=1).sort_values(kind="stable")
    return shared.loc[unknown.index].head(MAX_CONDITIONS).to_dict("records")


def _rows(images: ImageSet, condition: Mapping[str, Any]) -> np.ndarray:
    """Rows of the condition, one of each subject first, so that the images shown are of different people."""
    chosen = np.ones(len(images), bool)
    for label, value in condition.items():
        chosen &= (images.labels[label] == value).to_numpy()
    rows = np.flatnonzero(chosen)
    turn = pd.Series(images.groups[rows]).groupby(images.groups[rows]).cumcount()
    return rows[np.argsort(turn, kind="stable")]


def first_of(images: ImageSet, condition: Mapping[str, Any]) -> int:
    """Row of the first image of a condition."""
    return int(_rows(images, condition)[0])


def condition_name(condition: Mapping[str, Any]) -> str:
    """`female, healthy, rest`, or nothing where there are no labels."""
    return ", ".join(name(str(value)) or "unknown" for value in condition.values())


def _content(images: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    """Images [..., height, width] to dB without the padding columns."""
    columns = content_columns(images.shape[-1], len(spec["channels"]), spec["frames"])
    low, high = spec["min_db"], spec["max_db"]
    return low + images[..., columns].astype(np.float32) / 255 * (high - low)


def show(axes: Axes, image: np.ndarray, spec: Mapping[str, Any]) -> AxesImage:
    return _show_decibels(axes, _content(image, spec), spec)


def _show_decibels(axes: Axes, values: np.ndarray, spec: Mapping[str, Any]) -> AxesImage:
    limits = {"vmin": spec["min_db"], "vmax": spec["max_db"]}
    drawn = axes.imshow(values, aspect="auto", interpolation="nearest", **limits)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    return drawn


def _frequency_rows(spec: Mapping[str, Any], ticks: Sequence[float]) -> tuple[np.ndarray, list[str]]:
    frequencies = np.asarray(spec["frequencies"])
    inside = [tick for tick in ticks if frequencies[0] <= tick <= frequencies[-1]]
    rows = len(frequencies) - 1 - np.interp(inside, frequencies, np.arange(len(frequencies)))
    return rows, [f"{tick:g}" for tick in inside]


def frequency_ticks(axes: Axes, spec: Mapping[str, Any]) -> None:
    axes.set_yticks(*_frequency_rows(spec, TICKS), fontsize=7.5)
    axes.tick_params(axis="y", length=2)


def channel_names(axes: Axes, spec: Mapping[str, Any]) -> None:
    channels, frames = spec["channels"], spec["frames"]
    centres = np.arange(len(channels)) * frames + (frames - 1) / 2
    axes.set_xticks(
        centres, channels, fontsize=7 if len(channels) > 12 else 8, rotation=90 if len(channels) > 12 else 0
    )
    axes.tick_params(axis="x", length=0)
    for edge in np.arange(1, len(channels)) * frames - 0.5:
        axes.axvline(edge, color="white", linewidth=0.6, alpha=0.5)
