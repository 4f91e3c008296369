"""What a dataset holds, in one figure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from signal_diffusion.report.images import channel_names, frequency_ticks, show
from signal_diffusion.report.style import FLOOR, GENERATED, MUTED, REAL, name, new_figure, styled
from signal_diffusion.signals.images import content_columns

SPLIT_COLOURS = {"train": REAL, "val": FLOOR, "test": GENERATED}


@styled
def dataset_overview(metadata: pd.DataFrame, train: np.ndarray, spec: Mapping[str, Any]) -> Figure:
    """Subjects by split, ages, labels; mean and spread of the training images [n, 1, height, width]."""
    figure = new_figure(10, 5.6)
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.15])
    people = metadata.drop_duplicates(["dataset", "subject"])
    splits, ages, labels = top.subplots(1, 3)
    _split_bars(splits, people, metadata)
    _age_bars(ages, people)
    _label_bars(labels, metadata)
    pixels = train[np.linspace(0, len(train) - 1, min(len(train), 1000)).astype(int), 0].astype(np.float32)
    _statistics(bottom, pixels, spec)
    return figure


def _split_bars(axes: Axes, people: pd.DataFrame, windows: pd.DataFrame) -> None:
    names = [split for split in SPLIT_COLOURS if (people["split"] == split).any()]
    counts = [int((people["split"] == split).sum()) for split in names]
    bars = axes.barh(names, counts, color=[SPLIT_COLOURS[split] for split in names], height=0.65)
    sizes = [int((windows["split"] == split).sum()) for split in names]
    axes.bar_label(bars, [f"{size:,} windows" for size in sizes], padding=4, fontsize=8, color=MUTED)
    axes.margins(x=0.45)
    axes.invert_yaxis()
    axes.set(title="Subjects by split", xlabel="subjects")


def _age_bars(axes: Axes, people: pd.DataFrame) -> None:
    ages = pd.to_numeric(people["age"], errors="coerce")
    axes.set(title="Ages", xlabel="years", ylabel="subjects")
    if ages.notna().sum() == 0:
        axes.text(0.5, 0.5, "unknown", ha="center", color=MUTED, transform=axes.transAxes)
        return
    by_split = [ages[(people["split"] == split) & ages.notna()] for split in SPLIT_COLOURS]
    low, high = int(ages.min()), int(ages.max())
    bins = np.linspace(low, high + 1, min(12, high - low + 1) + 1)
    axes.hist(by_split, bins=bins, stacked=True, color=list(SPLIT_COLOURS.values()), rwidth=0.92)


def _label_bars(axes: Axes, windows: pd.DataFrame) -> None:
    rows = []
    for label in ("gender", "health", "activity"):
        if label in windows:
            shares = (
                windows[label].fillna("").replace("", "unknown").value_counts(normalize=True).sort_index()
            )
            rows.append((label, shares))
    for place, (_, shares) in enumerate(rows):
        left = 0.0
        for index, (value, share) in enumerate(shares.items()):
            axes.barh(
                place, share, left=left, color=REAL, alpha=(0.85, 0.45, 0.2)[min(index, 2)], height=0.65
            )
            colour = "white" if index == 0 else "black"
            axes.text(
                left + share / 2, place, name(str(value)), ha="center", va="center", fontsize=8, color=colour
            )
            left += share
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.invert_yaxis()
    axes.set(title="Labels", xlabel="share of windows", xlim=(0, 1))


def _statistics(figure: SubFigure, pixels: np.ndarray, spec: Mapping[str, Any]) -> None:
    mean, spread = figure.subplots(1, 2, sharey=True)
    step = (spec["max_db"] - spec["min_db"]) / 255
    drawn = show(mean, pixels.mean(axis=0), spec)
    figure.colorbar(drawn, ax=mean, fraction=0.04, pad=0.01).set_label("dB")
    columns = content_columns(pixels.shape[2], len(spec["channels"]), spec["frames"])
    drawn = spread.imshow(pixels.std(axis=0)[:, columns] * step, aspect="auto", cmap="viridis")
    figure.colorbar(drawn, ax=spread, fraction=0.04, pad=0.01).set_label("dB")
    spread.spines[:].set_visible(False)
    for axes, title in ((mean, "Mean training window"), (spread, "Standard deviation")):
        channel_names(axes, spec)
        axes.set_title(title)
    frequency_ticks(mean, spec)
    mean.set_ylabel("frequency (Hz)")
