"""What a dataset holds and what its weights do, in two figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from signal_diffusion.datasets import balance
from signal_diffusion.datasets.storage import NOT_LABELS, Windows, read_metadata
from signal_diffusion.report.images import channel_names, frequency_ticks, show
from signal_diffusion.report.style import FLOOR, GENERATED, MUTED, REAL, name, new_figure, save, styled
from signal_diffusion.signals.images import content_columns
from signal_diffusion.signals.representations import SERIES

SPLIT_COLOURS = {"train": REAL, "val": FLOOR, "test": GENERATED}
OVERVIEW, BALANCE = "figures/overview.png", "figures/balance.png"
_NO_LABELS = {*NOT_LABELS, "age"}
_MOST_VALUES = 8
_SHOWN_WINDOWS = 1000
_MOST_BINS = 12
_BAR_LETTERS = 38  # that stand side by side on a whole bar


def draw_dataset(folder: Path) -> list[str]:
    """Draw the figures of a dataset folder into it; their paths there."""
    train = Windows(folder, "train")
    shown = np.linspace(0, len(train) - 1, min(len(train), _SHOWN_WINDOWS)).astype(int)
    metadata = read_metadata(folder / "metadata.csv")
    save(dataset_overview(metadata, train.array(shown), train.spec), folder / OVERVIEW)
    tables = (read_shares(folder / file) for file in (balance.LABELS, balance.CELLS))
    save(balance_figure(*tables), folder / BALANCE)
    return [OVERVIEW, BALANCE]


def read_shares(path: Path) -> pd.DataFrame:
    """`balance.csv` or `weights.csv`: classes as the datasets write them, "None" and "01" too; numbers as numbers."""
    return pd.read_csv(path, dtype={"value": str}, keep_default_na=False, na_values=[""])


@styled
def dataset_overview(metadata: pd.DataFrame, train: np.ndarray, spec: Mapping[str, Any]) -> Figure:
    """Subjects by split, ages, labels; mean and spread of training images [n, planes, height, width].

    Of time series the first row alone.
    """
    images = spec["representation"] != SERIES
    figure = new_figure(10, 5.6 if images else 2.6)
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.15]) if images else (figure, None)
    people = metadata.drop_duplicates(["dataset", "subject"])
    splits, ages, labels = top.subplots(1, 3)
    _split_bars(splits, people, metadata)
    _age_bars(ages, people)
    _label_bars(labels, metadata)
    if bottom is not None:
        _statistics(bottom, train[:, 0].astype(np.float32), spec)
    return figure


@styled
def balance_figure(labels: pd.DataFrame, cells: pd.DataFrame) -> Figure:
    """Shares of each label's classes before and after weighting, beside their targets; not of one class alone.

    labels: `balance.csv`; cells: `weights.csv`.
    """
    parts = [part for _, part in labels.groupby("label", sort=False) if len(part) > 1]
    sizes = [len(part) + 0.6 for part in parts]
    figure = new_figure(max(6.0, 0.8 * sum(sizes) + 1.2), 3.1)
    panels = figure.subplots(1, max(len(parts), 1), squeeze=False, sharey=True, width_ratios=sizes or None)[0]
    for axes, part in zip(panels, parts, strict=False):
        _share_bars(axes, part)
    panels[0].set_ylabel("share")
    figure.suptitle(_effective(cells), x=0.01, ha="left", fontsize=9, color=MUTED)
    if parts:
        handles, texts = panels[0].get_legend_handles_labels()
        figure.legend(handles, texts, loc="outside lower left", ncols=3)
    else:
        panels[0].set_axis_off()
        panels[0].text(0, 0.5, "No label has two classes in the training split.", color=MUTED)
    return figure


def _share_bars(axes: Axes, part: pd.DataFrame) -> None:
    places = np.arange(len(part))
    axes.bar(places - 0.2, part["share"], 0.38, color=MUTED, alpha=0.6, label="of the training windows")
    axes.bar(places + 0.2, part["reached"], 0.38, color=REAL, label="of the weighted draws")
    axes.hlines(part["target"], places - 0.45, places + 0.45, color=GENERATED, linewidth=1.8, label="target")
    words = [name(str(value)) for value in part["value"]]
    turned = sum(map(len, words)) > 11 * len(words)
    axes.set_xticks(places, words, rotation=25 if turned else 0, ha="right" if turned else "center")
    axes.tick_params(axis="x", length=0)
    axes.set_title(part["label"].iloc[0])
    axes.set_xlim(-0.7, len(part) - 0.3)


def _effective(cells: pd.DataFrame) -> str:
    windows, drawn = cells["windows"].sum(), cells["windows"] * cells["weight"]
    effective = drawn.sum() ** 2 / (drawn * cells["weight"]).sum()
    return f"Effective sample size: {effective:,.0f} of {windows:,} training windows"


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
    width = -(-(high - low + 1) // _MOST_BINS)  # whole years, for ages are
    bins = np.arange(low, high + width + 1, width)
    axes.hist(by_split, bins=bins, stacked=True, color=list(SPLIT_COLOURS.values()), rwidth=0.92)


def _label_bars(axes: Axes, windows: pd.DataFrame) -> None:
    rows = []
    for label in _few_valued(windows):
        shares = windows[label].fillna("").replace("", "unknown").value_counts(normalize=True).sort_index()
        rows.append((label, shares))
    for place, (_, shares) in enumerate(rows):
        left = 0.0
        for index, (value, share) in enumerate(shares.items()):
            axes.barh(place, share, left=left, color=REAL, alpha=max(0.85 * 0.55**index, 0.12), height=0.65)
            colour = "white" if index == 0 else "black"
            axes.text(
                left + share / 2,
                place,
                _fitting(name(str(value)), share),
                ha="center",
                va="center",
                fontsize=8,
                color=colour,
            )
            left += share
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.invert_yaxis()
    axes.set(title="Labels", xlabel="share of windows", xlim=(0, 1))


def _fitting(text: str, share: float) -> str:
    """As much of a name as has room on its part of a bar."""
    room = max(round(_BAR_LETTERS * share), 3)
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _few_valued(windows: pd.DataFrame) -> list[str]:
    labels = [label for label in windows.columns if label not in _NO_LABELS]
    return [label for label in labels if windows[label].nunique() <= _MOST_VALUES]


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
