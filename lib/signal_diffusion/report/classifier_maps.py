"""What a classifier looks at, and how its folds were trained."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signal_diffusion.metrics.classification.occlusion import ALL
from signal_diffusion.report.style import GENERATED, INK, MUTED, REAL, new_figure, styled

SHOWN = {"loss", "score", "balanced_accuracy", "mae"}
PHASES = {"train": REAL, "val": GENERATED}
Records = Sequence[Mapping[str, Any]]
CAPTION = (
    "rise of the log loss (of the error, for numbers) when that part shows its training mean; "
    "bars: 95 % intervals over subjects"
)


@styled
def occlusion_maps(occlusion: Mapping[str, Any]) -> Figure:
    """A column per task: how much the loss rises as a band of a channel is hidden, a whole band, a whole channel."""
    tasks = {task: records for task, records in occlusion["tasks"].items() if records}
    channels = list(dict.fromkeys(r["channel"] for r in next(iter(tasks.values())) if r["channel"] != ALL))
    figure = new_figure(4.3 * len(tasks) + 0.4, 0.22 * len(channels) + 3.2)
    grid = figure.subplots(
        2,
        2 * len(tasks),
        squeeze=False,
        width_ratios=[2.2, 1] * len(tasks),
        height_ratios=[1.3, max(0.22 * len(channels), 1.2)],
    )
    for place, (task, records) in enumerate(tasks.items()):
        (above, corner), (middle, beside) = grid[:, 2 * place : 2 * place + 2]
        corner.set_visible(False)
        _map(figure, middle, records, channels)
        _bands(above, records, task)
        _channels(beside, records, channels)
    figure.supxlabel(fill(CAPTION, 70 * len(tasks)), fontsize=8.5, color=MUTED)
    return figure


def _map(figure: Figure, axes: Axes, records: Records, channels: Sequence[str]) -> None:
    bands = _names(records, "band")
    values = np.array(
        [[_value(records, channel, band) for band in bands] for channel in channels], dtype=float
    )
    limit = max(np.nanmax(np.abs(values)), 1e-9)
    drawn = axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    axes.set_xticks(range(len(bands)), bands, fontsize=8)
    axes.set_yticks(range(len(channels)), channels, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, location="bottom", fraction=0.06, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7)


def _bands(axes: Axes, records: Records, task: str) -> None:
    chosen = [record for record in records if record["channel"] == ALL]
    _bars(axes.bar, axes.vlines, chosen)
    axes.set_xticks(range(len(chosen)), [record["band"] for record in chosen], fontsize=8)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_title(task)
    axes.set_ylabel("whole band", fontsize=8)


def _channels(axes: Axes, records: Records, channels: Sequence[str]) -> None:
    chosen = [record for record in records if record["band"] == ALL]
    _bars(axes.barh, axes.hlines, chosen)
    axes.set_ylim(len(channels) - 0.5, -0.5)
    axes.set_yticks([])
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("whole channel", fontsize=8)
    axes.locator_params(axis="x", nbins=3)
    axes.tick_params(axis="x", labelsize=7)


def _bars(bar, line, records: Records) -> None:
    for place, record in enumerate(records):
        certain = record["low"] is not None and record["low"] > 0
        bar(place, record["value"], color=GENERATED if certain else MUTED, alpha=0.8)
        if record["low"] is not None:
            line(place, record["low"], record["high"], color=INK, linewidth=1)


def _names(records: Records, key: str) -> list[str]:
    return list(dict.fromkeys(record[key] for record in records if record[key] != ALL))


def _value(records: Records, channel: str, band: str) -> float | None:
    return next(r["value"] for r in records if r["channel"] == channel and r["band"] == band)


@styled
def fold_curves(stats: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Losses and scores over steps, a thin line for each fold and a thick one for their median: {fold: stats lines}."""
    panels = _panels(stats)
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3.4 * columns + 0.2, 2.5 * rows + 0.2)
    grid = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axes, (title, tags) in zip(grid, panels.items(), strict=False):
        for tag in tags:
            phase = tag.split("/")[0]
            _fold_lines(axes, stats, tag, PHASES[phase], phase)
        axes.set(title=title, xlabel="step")
        axes.grid(axis="y")
        axes.legend(fontsize=7.5)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    return figure


def _panels(stats: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, list[str]]:
    """Losses and leading scores by what they measure: `train/loss` and `val/loss` share a panel."""
    tags = sorted({tag for lines in stats.values() for line in lines for tag in line if "/" in tag})
    shown = [tag for tag in tags if tag.split("/")[0] in PHASES and SHOWN & set(tag.split("/"))]
    found: dict[str, list[str]] = {}
    for tag in sorted(shown, key=lambda tag: (tag.count("/"), tag.split("/")[1:], tag)):
        found.setdefault(" ".join(tag.split("/")[1:]).replace("_", " "), []).append(tag)
    return found


def _fold_lines(
    axes: Axes, stats: Mapping[str, Sequence[Mapping[str, float]]], tag: str, colour: str, label: str
) -> None:
    curves = {}
    for fold, lines in stats.items():
        points = np.array([(line["step"], line[tag]) for line in lines if line.get(tag) is not None], float)
        if len(points):
            curves[fold] = points
            alpha = 0.25 if len(stats) > 1 else 1
            axes.plot(*points.T, color=colour, alpha=alpha, linewidth=0.8, marker=_marker(points))
    steps = np.unique(np.concatenate([points[:, 0] for points in curves.values()]))
    middle = [
        np.median([np.interp(step, *points.T) for points in curves.values() if step <= points[-1, 0]])
        for step in steps
    ]
    axes.plot(steps, middle, color=colour, label=label, marker=_marker(steps))


def _marker(points: Sequence[Any]) -> str | None:
    """A line of few points would not be seen."""
    return "o" if len(points) < 3 else None
