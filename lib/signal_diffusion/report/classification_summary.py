"""One table and one figure over all classification runs that are built."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signal_diffusion.datasets.storage import write_table
from signal_diffusion.errors import UserError
from signal_diffusion.files import read_json, write_text
from signal_diffusion.markdown import table
from signal_diffusion.metrics.classification.summary import ALIKE, OTHERS, summary_table
from signal_diffusion.report.classification import HELD_OUT
from signal_diffusion.report.classifier_scores import METRICS, SOURCES, UNKNOWN, axis_name
from signal_diffusion.report.scores import interval
from signal_diffusion.report.style import (
    FAINT,
    GENERATED,
    INK,
    MUTED,
    REAL,
    new_figure,
    room_for,
    save,
    styled,
)

NAME = "classification"
MARKS = {
    "band_power": ("D", REAL),
    "demographics": ("s", MUTED),
    "dataset": ("^", MUTED),
    "shuffled": ("x", MUTED),
}
INTRODUCTION = (
    "Every classification run that is built, best first within a task, a recipe, a way to hold out and a level. "
    "Intervals are 95 % bootstrap intervals over subjects; bold: the interval of the difference from the model "
    "excludes zero, in its favour."
)


def write_summary(runs: Sequence[Path], out: Path) -> None:
    """Write classification.csv, .md and .png into `out`, from metrics.json in each folder of `runs`."""
    if not runs:
        raise UserError(
            "no classification run is built; build one first, such as results/classification/demo"
        )
    found = summary_table([read_json(run / "metrics.json") for run in runs])
    write_table(out / f"{NAME}.csv", found)
    write_text(out / f"{NAME}.md", _page(found))
    save(summary_figure(found), out / f"{NAME}.png")


def _page(found: pd.DataFrame) -> str:
    parts = ["# Classification runs", INTRODUCTION, f"![All runs]({NAME}.png)"]
    for (task, recipe, held_out, level), rows in found.groupby(list(ALIKE), sort=True):
        metric = rows.iloc[0]["metric"]
        heads = (
            "run",
            "representation",
            "backbone",
            "subjects",
            METRICS[metric],
            *(SOURCES[name] for name in OTHERS),
        )
        parts += [
            f"## {task} on {recipe}, {level}s, {HELD_OUT[held_out]}",
            table(heads, map(_line, rows.to_dict("records"))),
        ]
    return "\n\n".join(parts) + "\n"


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    ends = {end: None if pd.isna(row[end]) else row[end] for end in ("value", "low", "high")}
    others = [_other(row, name) for name in OTHERS]
    return row["run"], row["representation"], row["backbone"], str(row["subjects"]), interval(ends), *others


def _other(row: dict[str, Any], source: str) -> str:
    if pd.isna(row[source]):
        return "unknown"
    text = f"{row[source]:.2f}"
    return f"**{text}**" if row[f"beats_{source}"] is True else text


@styled
def summary_figure(found: pd.DataFrame) -> Figure:
    """A panel per task, recipe and level, windows on the left and people on the right; a line per run, best first."""
    lines = [rows for _, rows in found.groupby(["task", "recipe", "held_out"], sort=True)]
    if not lines:
        return _empty()
    heights = [max(rows.groupby("level").size()) * 0.3 + 0.95 for rows in lines]
    figure = new_figure(11 + 2 * room_for(map(_name, found.itertuples()), 34), sum(heights) + 0.6)
    grid = figure.subplots(len(lines), 2, squeeze=False, height_ratios=heights)
    for rows, pair in zip(lines, grid, strict=True):
        windows = rows["level"] == "window"
        for axes, part in zip(pair, (rows[windows], rows[~windows]), strict=True):
            _panel(axes, part) if len(part) else axes.set_visible(False)
    handles = grid[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(handles[0]), fontsize=8)
    return figure


def _empty() -> Figure:
    figure = new_figure(6, 1)
    figure.text(0.5, 0.5, "no run has a score", ha="center", va="center", color=MUTED)
    return figure


def _name(row: Any) -> str:
    return f"{row.run} ({row.backbone}, {row.representation})"


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    first = rows.iloc[0]
    for place, row in enumerate(rows.to_dict("records")):
        if pd.isna(row["value"]):
            across = axes.get_yaxis_transform()
            axes.text(0.02, place, UNKNOWN, transform=across, fontsize=7.5, color=MUTED, va="center")
        if pd.notna(row["low"]):
            axes.hlines(place, row["low"], row["high"], color=GENERATED, linewidth=3, alpha=0.4)
        axes.plot(
            row["value"], place, "o", color=GENERATED, markersize=6, label="model" if not place else None
        )
        for source, (mark, colour) in MARKS.items():
            label = SOURCES[source] if not place else None
            axes.plot(row[source], place, mark, color=colour, markersize=4.5, label=label, fillstyle="none")
        axes.vlines(row["chance"], place - 0.4, place + 0.4, color=INK, linewidth=1, linestyle=(0, (2, 1)))
    axes.set_yticks(range(len(rows)), list(map(_name, rows.itertuples())))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    # The left panel's title has room for what both are of.
    both = f"{first['task']} on {first['recipe']}, {HELD_OUT[first['held_out']]}: "
    axes.set_title(f"{both if first['level'] == 'window' else ''}{first['level']}s")
    axes.set_xlabel(axis_name(first["metric"]), fontsize=8.5)
    axes.grid(axis="x", color=FAINT)
