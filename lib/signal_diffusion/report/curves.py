"""Mean spectra, what labels do to them, and the course of training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signal_diffusion.metrics.effects import PRIMARY
from signal_diffusion.metrics.spectra import BANDS, PEAK_RANGE
from signal_diffusion.report.style import (
    FLOOR,
    GENERATED,
    INK,
    MUTED,
    PAIR,
    REAL,
    frequency_axis,
    name,
    new_figure,
    shaded,
    styled,
)

MANY = 50  # points, from which on a curve is smoothed


@styled
def mean_spectra(arrays: Mapping[str, np.ndarray], power: str) -> Figure:
    """Mean spectra of all sets above, differences from unseen real windows below; arrays of `Battery`.

    power: the label of the axis.
    """
    frequencies = arrays["frequencies"]
    spectra = {key.split("/")[1]: row for key, row in arrays.items() if key.startswith("spectrum/")}
    figure = new_figure(8, 6)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    bands = _reached(frequencies)
    with shaded(top, bands):
        for key, row in spectra.items():
            top.plot(frequencies, row, label=name(key), **_line(key))
    top.set_ylabel(power)
    top.legend(loc="upper right", ncols=2)
    top.set_ylim(*_limits([spectra["reference"], spectra["generated"]], 0.15))
    with shaded(bottom, bands, labelled=False):
        for key in ("floor", "generated"):
            bottom.plot(frequencies, spectra[key] - spectra["reference"], **_line(key))
    bottom.axhline(0, color=INK, linewidth=0.8)
    bottom.set(xlabel="frequency (Hz)", ylabel="difference from\nreal, unseen (dB)")
    frequency_axis(bottom, frequencies)
    return figure


def _reached(frequencies: np.ndarray) -> dict[str, tuple[float, float]]:
    """Of each band, in Hz, what lies on the axis."""
    first, last = frequencies[0], frequencies[-1]
    parts = {band: (max(low, first), min(high, last)) for band, (low, high) in BANDS.items()}
    return {band: (low, high) for band, (low, high) in parts.items() if low < high}


def _line(key: str) -> dict[str, Any]:
    known = {
        "reference": {"color": REAL, "linewidth": 2.4, "zorder": 4},
        "generated": {"color": GENERATED, "linewidth": 2.2, "zorder": 5},
        "floor": {"color": FLOOR, "linestyle": (0, (4, 1.5)), "zorder": 3},
    }
    styles = {"pixel_gaussian": "-", "phase_shuffled": ":", "pixel_shuffled": "--"}
    return known.get(key, {"color": MUTED, "linewidth": 1, "linestyle": styles.get(key, "-."), "zorder": 2})


def _limits(rows: Sequence[np.ndarray], margin: float) -> tuple[float, float]:
    low, high = min(row.min() for row in rows), max(row.max() for row in rows)
    return low - margin * (high - low), high + margin * (high - low)


@styled
def label_spectra(arrays: Mapping[str, np.ndarray], effects: Sequence[Mapping[str, Any]]) -> Figure:
    """A column per label: spectra of its two values above, their difference below, real and generated."""
    values = {record["label"]: record["values"] for record in effects}
    frequencies = arrays["frequencies"]
    figure = new_figure(2.9 * len(values) + 0.6, 5.2)
    grid = figure.subplots(2, len(values), sharex=True, sharey="row", squeeze=False)
    for (label, pair), top, bottom in zip(values.items(), *grid, strict=True):
        spectra = {
            kind: [arrays[f"effect/{label}/{kind}/{side}"] for side in (0, 1)]
            for kind in ("real", "generated")
        }
        _values(top, frequencies, spectra, pair)
        _differences(bottom, frequencies, spectra, label)
        top.set_title(label)
        bottom.set_xlabel("frequency (Hz)")
        frequency_axis(bottom, frequencies)
    grid[0][0].set_ylabel("power (dB)")
    grid[1][0].set_ylabel("second less first (dB)")
    grid[1][0].legend(loc="lower left")
    return figure


def _values(axes: Axes, frequencies: np.ndarray, spectra: Mapping[str, Any], pair: Sequence[str]) -> None:
    for side, colour in enumerate(PAIR):
        axes.plot(frequencies, spectra["real"][side], color=colour, label=name(pair[side]))
        axes.plot(frequencies, spectra["generated"][side], color=colour, linestyle=(0, (2, 1)))
    axes.legend(loc="upper right")


def _differences(axes: Axes, frequencies: np.ndarray, spectra: Mapping[str, Any], label: str) -> None:
    if label in PRIMARY:
        low, high = BANDS.get(PRIMARY[label], PEAK_RANGE)
        axes.axvspan(low, high, color=MUTED, alpha=0.15, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.8)
    for kind, colour, style in (("real", REAL, "-"), ("generated", GENERATED, (0, (2, 1)))):
        first, second = spectra[kind]
        axes.plot(frequencies, second - first, color=colour, linestyle=style, label=kind)


@styled
def training_curves(stats: Sequence[Mapping[str, float]]) -> Figure:
    """Losses, gradient norm and learning rate over steps, from the lines of stats.jsonl."""
    tags = sorted({tag for line in stats for tag in line})
    groups = {
        "Loss": [tag for tag in tags if tag.endswith("loss")],
        "Gradient norm": [tag for tag in tags if tag.endswith("grad_norm")],
        "Learning rate": [tag for tag in tags if tag.endswith("lr")],
    }
    shown = {title: names for title, names in groups.items() if names}
    figure = new_figure(10, 3.2)
    widths = [2 if title == "Loss" else 1 for title in shown]
    panels = figure.subplots(1, max(len(shown), 1), squeeze=False, width_ratios=widths or [1])[0]
    for axes, (title, names) in zip(panels, shown.items(), strict=False):
        curves = [_points(stats, tag) for tag in names]
        for colour, tag, points in zip((REAL, GENERATED, FLOOR, MUTED), names, curves, strict=False):
            _curve(axes, points, colour, tag)
        if any(len(points) >= MANY for points in curves):
            _bound(axes, [points[:, 1] for points in curves if len(points)])
        axes.set(title=title, xlabel="step")
        axes.grid(axis="y")
        if len(names) > 1:
            axes.legend()
    return figure


def _points(stats: Sequence[Mapping[str, float]], tag: str) -> np.ndarray:
    """Steps and finite values of a tag: [points, 2]."""
    points = np.array([(line["step"], line[tag]) for line in stats if tag in line], dtype=float)
    return points[np.isfinite(points[:, 1])]


def _curve(axes: Axes, points: np.ndarray, colour: str, label: str) -> None:
    steps, values = points.T
    if len(values) < MANY:
        axes.plot(steps, values, color=colour, label=label, marker="o" if len(values) < 3 else None)
        return
    width = max(5, len(values) // 40)
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)
    axes.plot(steps[width // 2 : width // 2 + len(smooth)], smooth, color=colour, label=label)


def _bound(axes: Axes, curves: Sequence[np.ndarray]) -> None:
    """All curves within the axis, but for the highest hundredth of long ones: a first loss would flatten the rest."""
    low = min(values.min() for values in curves)
    high = max(np.quantile(values, 0.99) if len(values) >= MANY else values.max() for values in curves)
    if high > low:
        axes.set_ylim(low - 0.05 * (high - low), high + 0.1 * (high - low))
