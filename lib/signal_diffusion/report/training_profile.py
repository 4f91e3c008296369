"""The figure of a training's profile: phases of a step, and the operators that take longest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signal_diffusion.report.style import GENERATED, REAL, name, new_figure, save, styled


def draw_profile(found: Mapping[str, Any], out: Path) -> None:
    """Draw `profile_run`'s numbers to the PNG file `out`."""
    save(_figure(found), out)


@styled
def _figure(found: Mapping[str, Any]) -> Figure:
    figure = new_figure(8.6, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
    phases, operators = found["milliseconds"], found["operators"]
    _bars(left, [name(key) for key in phases], list(phases.values()), REAL)
    _bars(
        right,
        [each["name"].rpartition("::")[2] for each in operators],
        [each["milliseconds"] for each in operators],
        GENERATED,
    )
    left.set_title(f"A step of {found['batch_size']} windows, {sum(phases.values()):.3g} ms")
    right.set_title("Operators, own time")
    flops = found["flops"] / sum(phases.values()) / 1e6
    speed = (
        f"{found['windows_per_second']:.3g} windows/s, {flops:.3g} GFLOP/s, peak {found['peak_gib']:.3g} GiB"
    )
    machine = f"{found['device']}, {found['threads']} threads, precision {found['precision']}"
    figure.supxlabel(f"ms per step; {speed}, {machine}", fontsize=8.5)
    return figure


def _bars(axes: Axes, names: list[str], values: list[float], color: str) -> None:
    places = range(len(names))
    axes.barh(places, values, color=color)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    for place, value in zip(places, values, strict=True):
        axes.annotate(f" {value:.3g}", (value, place), va="center", fontsize=7.5)
    axes.margins(x=0.15)
