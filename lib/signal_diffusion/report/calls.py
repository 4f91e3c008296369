"""Quality against network calls as a table, a figure and a page."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signal_diffusion.datasets.storage import write_table
from signal_diffusion.files import read_json, replaced_folder, write_text
from signal_diffusion.markdown import table
from signal_diffusion.metrics.frontier import NEAR
from signal_diffusion.report.scores import interval
from signal_diffusion.report.style import (
    FLOOR,
    GENERATED,
    INK,
    MUTED,
    PAIR,
    REAL,
    name,
    new_figure,
    save,
    styled,
)

NAME = "calls"
METHODS = {"euler": REAL, "heun": PAIR[1], "dpmpp_2m": PAIR[0], "ddim": MUTED, "rectified-cfg++": "#9c36b5"}
TITLES = {
    "euler": "Euler",
    "heun": "Heun",
    "dpmpp_2m": "DPM-Solver++ 2M",
    "ddim": "DDIM",
    "rectified-cfg++": "rectified CFG++",
}
WORDS = (
    "Way closed: the share of the way from the best baseline to the floor, 1 as good as real training windows; quality "
    "is its mean over those feature spaces and distances by which these are nearer than that baseline. A step with "
    "guidance is two calls, Heun's another two. All sets are drawn from the same noise for the same labels; intervals "
    "are 95 % bootstrap intervals."
)


def write_calls(run: str, measured: Path, out: Path) -> None:
    """Write calls.csv, calls.png and README.md into the folder `out` beside a copy of `measure_calls`' JSON."""
    found = read_json(measured)
    with replaced_folder(out) as folder:
        shutil.copyfile(measured, folder / f"{NAME}.json")
        write_table(folder / f"{NAME}.csv", calls_table(found))
        save(calls_figure(found), folder / f"{NAME}.png")
        write_text(folder / "README.md", _page(run, found))


def calls_table(found: Mapping[str, Any]) -> pd.DataFrame:
    """A row per way to sample, feature space and distance, and one of the quality, whose features are `all`."""
    rows = []
    for point in found["points"]:
        place = {key: point[key] for key in ("method", "steps", "calls")} | {
            "default": point["set"] == _default(found)
        }
        ends = {f"closed{end}": point["quality"][key] for end, key in _ENDS}
        rows.append(place | {"features": "all", "distance": "quality"} | ends)
        rows += [
            place | {key: value for key, value in score.items() if key != "set"} for score in point["scores"]
        ]
    return pd.DataFrame(rows)


_ENDS = (("", "value"), ("_low", "low"), ("_high", "high"))


def sentence(found: Mapping[str, Any]) -> str:
    """Whether the run's own sampling is within 5 % of the best quality, at a fifth of its calls or fewer."""
    said = found["verdict"]
    default, best, fewest = (_point(found, said[key]) for key in ("default", "best", "fewest"))
    within = f"within {NEAR:.0%} of" if said["near"] else f"more than {NEAR:.0%} below"
    few = "a fifth of its calls or fewer" if said["a_fifth"] else "more than a fifth of its calls"
    # Of a quality below zero, which is further than the best baseline, there is no share.
    share = f"; its share of that is {interval(said['ratio'])}" if best["quality"]["value"] > 0 else ""
    return (
        f"The run's own sampling ({_title(default)}) has quality {interval(default['quality'])}, {within} the best of "
        f"all, {interval(best['quality'])} ({_title(best)}), at {few}{share}. "
        f"The fewest calls within {NEAR:.0%} of the best: {_title(fewest)}. " + _limit(found, default)
    )


def _limit(found: Mapping[str, Any], default: Mapping[str, Any]) -> str:
    """What the best solver reaches with the most calls, where solvers agree, and the default's share of it."""
    most = max(found["points"], key=lambda point: (point["calls"], point["quality"]["value"]))
    own, reached = default["quality"]["value"], most["quality"]["value"]
    share = f"has {own / reached:.1%} of that at" if reached > 0 else "makes"
    return (
        f"With the most calls of all, quality is {interval(most['quality'])} ({_title(most)}); the run's own {share} "
        f"{default['calls'] / most['calls']:.0%} of its calls."
    )


@styled
def calls_figure(found: Mapping[str, Any]) -> Figure:
    """Quality, then the way closed by every distance, over the calls per image; a line per solver."""
    scored = [(row["features"], row["distance"]) for row in found["points"][0]["scores"]]
    figure = new_figure(11, 3.4 * (1 + (len(scored) + 1) // 2) + 0.3)
    grid = figure.subplot_mosaic([["quality"] * 2, *_pairs(scored)])
    _panel(grid["quality"], found, lambda point: point["quality"], "Quality: mean of the panels below")
    for features, distance in scored:
        title = f"{name(distance)}, {name(features)}"
        _panel(grid[f"{features} {distance}"], found, _closed_of(features, distance), title)
    handles, labels = grid["quality"].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _pairs(scored: list[tuple[str, str]]) -> list[list[str]]:
    names = [" ".join(pair) for pair in scored]
    names += ["."] * (len(names) % 2)
    return [names[first : first + 2] for first in range(0, len(names), 2)]


def _closed_of(features: str, distance: str):
    def closed(point: Mapping[str, Any]) -> dict[str, float | None]:
        [score] = [
            row for row in point["scores"] if (row["features"], row["distance"]) == (features, distance)
        ]
        return {key: score[f"closed{end}"] for end, key in _ENDS}

    return closed


def _panel(axes: Axes, found: Mapping[str, Any], estimate, title: str) -> None:
    def value(point: Mapping[str, Any]) -> dict[str, float]:
        return {key: np.nan if end is None else end for key, end in estimate(point).items()}

    default = _default(found)
    grid = [point for point in found["points"] if point["set"] != default]
    best = []
    for method in dict.fromkeys(point["method"] for point in grid):
        points = sorted((p for p in grid if p["method"] == method), key=lambda p: p["calls"])
        calls, shares = [p["calls"] for p in points], [value(p) for p in points]
        colour = METHODS[method]
        best.append(max(share["value"] for share in shares))
        axes.plot(calls, [s["value"] for s in shares], "o-", color=colour, label=TITLES[method], markersize=4)
        ends = [[s[end] for s in shares] for end in ("low", "high")]
        axes.fill_between(calls, *ends, color=colour, alpha=0.1, linewidth=0)
    own = _point(found, default)
    label = f"the run's own: {_title(own)}"
    axes.plot(own["calls"], value(own)["value"], "*", color=GENERATED, markersize=13, label=label, zorder=5)
    axes.axhline(1, color=FLOOR, linewidth=1, linestyle=(0, (4, 2)), label="floor: real training windows")
    axes.axhline(0, color=INK, linewidth=0.7)
    axes.set_xscale("log")
    ticks = _apart(sorted({point["calls"] for point in grid}))
    axes.set_xticks(ticks, list(map(str, ticks)))
    axes.minorticks_off()
    axes.set_ylim(bottom=max(axes.get_ylim()[0], _lowest([value(own)["value"], *best])))
    axes.set(title=title, xlabel="network calls per image", ylabel="way closed")
    axes.grid(axis="y")


def _lowest(shares: Sequence[float]) -> float:
    """Where an axis ends that leaves out how bad very few calls are, but not the run's own and each solver's best."""
    known = [share for share in shares if np.isfinite(share)]
    return min([-1.0, *(share - 0.5 for share in known)])


def _apart(calls: list[int]) -> list[int]:
    """Those that have room beside the one before."""
    kept = calls[-1:]
    for each in reversed(calls[:-1]):
        kept += [each] if kept[-1] >= 1.25 * each else []
    return kept[::-1]


def _page(run: str, found: Mapping[str, Any]) -> str:
    rows = [
        (
            _method(point) + (", the run's own" if point["set"] == _default(found) else ""),
            str(point["steps"]),
            str(point["calls"]),
            interval(point["quality"]),
        )
        for point in sorted(found["points"], key=lambda point: (point["calls"], point["method"]))
    ]
    parts = [
        f"# Quality against network calls, {run}",
        sentence(found),
        f"![Quality against network calls]({NAME}.png)",
        f"{WORDS} {found['images']} images in each set.",
        table(("solver", "steps", "calls per image", "quality"), rows),
        f"Every distance: `{NAME}.csv`.",
    ]
    return "\n\n".join(parts) + "\n"


def _default(found: Mapping[str, Any]) -> str:
    return found["verdict"]["default"]


def _point(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(point for point in found["points"] if point["set"] == name)


def _method(point: Mapping[str, Any]) -> str:
    return TITLES[point["method"]]


def _title(point: Mapping[str, Any]) -> str:
    return f"{_method(point)}, {point['calls']} calls"
