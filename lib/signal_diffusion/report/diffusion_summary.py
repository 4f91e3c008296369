"""One table and one figure over all diffusion runs that are built, and the same for the README."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signal_diffusion.datasets.storage import write_table
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.summary import summary_table
from signal_diffusion.files import replaced_folder, write_text
from signal_diffusion.markdown import number, table
from signal_diffusion.report.scores import baseline_cell, interval
from signal_diffusion.report.style import (
    FLOOR,
    GENERATED,
    INK,
    MUTED,
    name,
    new_figure,
    room_for,
    save,
    styled,
)

NAME = "diffusion"
UNKNOWN = "not run"
INTRODUCTION = (
    "Every diffusion run that is built. Way closed: the share of the way from the best baseline to the floor that the "
    "generated windows have come, 0 as good as that baseline and 1 as good as real training windows, with 95 % "
    "bootstrap intervals over people and images. Labels: how many do to the spectrum what they do in recordings. "
    "FLOPs of one call for one window; minutes of training steps on the machine that made this page."
)


def write_summary(runs: Sequence[Path], out: Path) -> None:
    """Write diffusion.csv, .md and .png into the folder `out`, from the published folders `runs`."""
    if not runs:
        raise UserError("no diffusion run is built; build one first, such as results/diffusion/demo")
    found = summary_table(runs)
    with replaced_folder(out) as folder:
        write_table(folder / f"{NAME}.csv", found)
        write_text(
            folder / f"{NAME}.md",
            f"# Diffusion runs\n\n{INTRODUCTION}\n\n![All runs]({NAME}.png)\n\n{tables(found)}\n",
        )
        save(summary_figure(found), folder / f"{NAME}.png")


def read_summary(path: str | Path) -> pd.DataFrame:
    """The table of diffusion.csv."""
    return pd.read_csv(path, dtype={"run": str, "effects": str})


def tables(found: pd.DataFrame) -> str:
    """Markdown: what each run is and cost with its way closed; then every distance beside floor and baseline."""
    scored = found.dropna(subset=["run"])
    judged = list(dict.fromkeys(zip(scored["features"], scored["distance"], strict=True)))
    heads = ("model", "run", "dataset", "parameters", "MFLOP", "steps/s", "minutes", "labels")
    heads += tuple(f"{name(features)}, {_short(distance)}" for features, distance in judged)
    overview = [_overview(rows, judged) for _, rows in scored.groupby("run", sort=False)]
    overview += [_without(row) for row in found[found["run"].isna()].to_dict("records")]
    overview = [line + ("",) * (len(heads) - len(line)) for line in overview]
    details = ("features", "distance", "run", "generated", "floor", "best baseline", "way closed")
    lines = [_detail(row) for row in scored.to_dict("records")]
    return "\n\n".join(["Way closed, by run:", table(heads, overview), "Distances:", table(details, lines)])


def _overview(rows: pd.DataFrame, judged: list[tuple[str, str]]) -> tuple[str, ...]:
    first = rows.iloc[0]
    by = {(row["features"], row["distance"]): row for row in rows.to_dict("records")}
    closed = (interval(_estimate(by[pair], "closed")) if pair in by else "" for pair in judged)
    return (
        first["model"],
        first["run"],
        f"{first['recipe']}, {first['representation']}",
        f"{first['parameters'] / 1e6:.2f} M",
        f"{first['flops'] / 1e6:.0f}",
        _number(first["steps_per_s"]),
        _number(first["minutes"]),
        "" if pd.isna(first["effects"]) else first["effects"],
        *closed,
    )


def _without(row: dict[str, Any]) -> tuple[str, ...]:
    return row["model"], UNKNOWN


def _detail(row: dict[str, Any]) -> tuple[str, ...]:
    values = (interval(_estimate(row, key), 3) for key in ("generated", "floor"))
    baseline = baseline_cell(row["baseline"], _estimate(row, "best_baseline"))
    closed = interval(_estimate(row, "closed"))
    return name(row["features"]), name(row["distance"]), row["run"], *values, baseline, closed


def _short(distance: str) -> str:
    return {"mmd": "MMD²", "frechet": "Fréchet"}[distance]


def _number(value: float) -> str:
    return "" if pd.isna(value) else number(value, 3)


def _estimate(row: Any, key: str) -> dict[str, float | None]:
    ends = {"value": row[key], "low": row[f"{key}_low"], "high": row[f"{key}_high"]}
    return {end: None if pd.isna(value) else value for end, value in ends.items()}


@styled
def summary_figure(found: pd.DataFrame) -> Figure:
    """A panel per dataset, feature space and distance: way closed of every run, best first, with its interval."""
    scored = found.dropna(subset=["run"])
    groups = list(scored.groupby(["recipe", "representation", "features", "distance"], sort=False))
    rows = [max(len(each) for _, each in groups[i : i + 2]) for i in range(0, len(groups), 2)]
    heights = [0.36 * count + 1.15 for count in rows]
    figure = new_figure(11 + 2 * room_for(scored["run"]), sum(heights) + 0.4)
    grid = figure.subplots(len(heights), 2, squeeze=False, height_ratios=heights)
    for axes in grid.flat[len(groups) :]:
        axes.set_visible(False)
    for ((recipe, representation, features, distance), rows), axes in zip(groups, grid.flat, strict=False):
        title = f"{recipe}, {representation}\n{name(distance)}, {name(features)}"
        _panel(axes, rows, title)
    figure.supxlabel("way closed, from the best baseline (0) to the floor (1)", fontsize=8.5, color=MUTED)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    for place, row in enumerate(rows.to_dict("records")):
        closed = _estimate(row, "closed")
        if closed["low"] is not None:
            axes.hlines(place, closed["low"], closed["high"], color=GENERATED, linewidth=3, alpha=0.4)
        if closed["value"] is None:
            across = axes.get_yaxis_transform()
            axes.text(0.02, place, "unknown", transform=across, fontsize=7.5, color=MUTED, va="center")
        axes.plot(row["closed"], place, "o", color=GENERATED, markersize=6)
    axes.axvline(1, color=FLOOR, linewidth=1, linestyle=(0, (4, 2)))
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [f"{row.run}\n{row.model}" for row in rows.itertuples()])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=min(-0.05, axes.get_xlim()[0]))
    axes.set_title(title, fontsize=8.5)
    axes.grid(axis="x")
