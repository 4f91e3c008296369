"""The numbers of metrics.json as figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signal_diffusion.metrics.comparison import ROUND_TRIP, best_baseline
from signal_diffusion.metrics.effects import AGREEMENT
from signal_diffusion.metrics.spectra import MEASURES
from signal_diffusion.report.style import (
    FLOOR,
    GENERATED,
    INK,
    MUTED,
    REAL,
    name,
    new_figure,
    styled,
)

SHOWN = ("mmd", "frechet", "kid")


@styled
def distances(metrics: Mapping[str, Any]) -> Figure:
    """Every distance in every feature space: generated between floor and baselines, with intervals."""
    spaces = metrics["distances"]
    figure = new_figure(11, 2.6 * len(spaces) + 0.3)
    grid = figure.subplots(len(spaces), len(SHOWN), squeeze=False, sharey=True)
    for (space, scores), row in zip(spaces.items(), grid, strict=True):
        for distance, axes in zip(SHOWN, row, strict=True):
            _ladder(axes, scores[distance])
            closed = scores[distance]["closed"]
            axes.set_title(f"{name(distance)}, {name(space)}\nway closed: {interval(closed)}", fontsize=8.5)
    figure.supxlabel(
        "distance from unseen real windows, linear up to the best baseline and logarithmic beyond; "
        "shaded: the way from that baseline to the floor",
        fontsize=8.5,
        color=MUTED,
    )
    return figure


def interval(estimate: Mapping[str, float | None], digits: int = 2) -> str:
    """`0.91 [0.83, 0.99]`, or `unknown` for what could not be estimated."""
    if estimate["value"] is None:
        return "unknown"
    text = f"{estimate['value']:z.{digits}f}"
    if estimate["low"] is None or estimate["high"] is None:
        return text
    return f"{text} [{estimate['low']:z.{digits}f}, {estimate['high']:z.{digits}f}]"


def baseline_cell(key: str | None, estimate: Mapping[str, float | None]) -> str:
    """A baseline's distance with its name, as a table says it."""
    return f"{interval(estimate, 3)} ({name(key)})" if isinstance(key, str) else interval(estimate)


def _ladder(axes: Axes, scores: Mapping[str, Any]) -> None:
    bounds = {key: scores[key] for key in ("floor", ROUND_TRIP, "generated") if key in scores}
    rows = {**bounds, **scores["baselines"]}
    for place, (key, estimate) in enumerate(rows.items()):
        colour = {"floor": FLOOR, ROUND_TRIP: FLOOR, "generated": GENERATED}.get(key, MUTED)
        _dot(axes, place, estimate, colour)
    _, best = best_baseline(scores)
    if best["value"] is not None:
        _scale(axes, scores["floor"]["value"], best["value"])
    axes.set_yticks(range(len(rows)), [name(key) for key in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x")


def _scale(axes: Axes, floor: float | None, best: float) -> None:
    """Linear up to the best baseline, logarithmic beyond; the way to the floor shaded, where there is one."""
    if floor is not None and floor < best:
        axes.axvspan(floor, best, color=FLOOR, alpha=0.08, linewidth=0)
    axes.set_xscale("symlog", linthresh=max(abs(best), 1e-9), linscale=2)
    zero, end = (axes.transData + axes.transAxes.inverted()).transform([(0.0, 0), (best, 0)])[:, 0]
    crowded = abs(end - zero) < 0.15
    axes.set_xticks([best] if crowded else [0.0, best], [f"{best:.3g}"] if crowded else ["0", f"{best:.3g}"])
    axes.minorticks_off()
    axes.axvline(0, color=MUTED, linewidth=0.7)


@styled
def effect_forest(effects: Sequence[Mapping[str, Any]]) -> Figure:
    """The measure that each label acts on: its effect in real and generated images, and their ratio."""
    rows = [record for record in effects if record["primary"]]
    figure = new_figure(9.5, 0.75 * len(rows) + 1.5)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.3, 1])
    for place, record in enumerate(rows):
        for shift, kind, colour in ((-0.14, "real", REAL), (0.14, "generated", GENERATED)):
            _dot(left, place + shift, record[kind], colour, kind if place == 0 else None)
        _dot(right, place, record["ratio"], GENERATED if record["agrees"] else MUTED)
    left.axvline(0, color=INK, linewidth=0.8)
    left.set_yticks(range(len(rows)), [_effect_name(record) for record in rows])
    left.set_ylim(len(rows) - 0.5, -0.5)
    left.set(title="Effect of the label", xlabel="difference (dB, alpha peak in Hz)")
    left.grid(axis="x")
    left.legend(loc="best")
    right.axvspan(*AGREEMENT, color=FLOOR, alpha=0.12, linewidth=0)
    right.axvline(1, color=FLOOR, linewidth=1)
    right.set(title="Generated over real", xlabel="ratio (shaded: 0.5 to 2)")
    right.set_xlim(min(-0.25, right.get_xlim()[0]), max(2.25, right.get_xlim()[1]))
    return figure


def _dot(
    axes: Axes, place: float, estimate: Mapping[str, Any], colour: str, label: str | None = None
) -> None:
    if estimate["low"] is not None:
        axes.hlines(place, estimate["low"], estimate["high"], color=colour, linewidth=3, alpha=0.4)
    value = np.nan if estimate["value"] is None else estimate["value"]
    axes.plot(value, place, "o", color=colour, markersize=6, label=label)


def _effect_name(record: Mapping[str, Any]) -> str:
    first, second = map(name, record["values"])
    return f"{record['label']}: {name(record['measure'])}\n{first} → {second}"


@styled
def effect_table(effects: Sequence[Mapping[str, Any]]) -> Figure:
    """All labels by all measures, real beside generated; bold where the interval excludes zero."""
    labels = list(dict.fromkeys(record["label"] for record in effects))
    figure = new_figure(10, 0.5 * len(labels) + 1.6)
    panels = figure.subplots(1, 2, sharey=True)
    shown = [measure for measure in MEASURES if any(record["measure"] == measure for record in effects)]
    limit = max(abs(record["real"]["value"]) for record in effects)
    for axes, kind in zip(panels, ("real", "generated"), strict=True):
        values = np.full((len(labels), len(shown)), np.nan)
        for record in effects:
            place = labels.index(record["label"]), shown.index(record["measure"])
            values[place] = record[kind]["value"]
            _cell(axes, place, record, kind, limit)
        axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
        axes.set_xticks(range(len(shown)), [name(measure) for measure in shown])
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(kind, color={"real": REAL, "generated": GENERATED}[kind])
    figure.supxlabel(
        "second value less first, dB (alpha peak in Hz); bold: the interval excludes zero", fontsize=8.5
    )
    return figure


def _cell(axes: Axes, place: tuple[int, int], record: Mapping[str, Any], kind: str, limit: float) -> None:
    estimate = record[kind]
    if estimate["value"] is None:
        return
    certain = estimate["low"] is not None and estimate["low"] * estimate["high"] > 0
    row, column = place
    axes.text(
        column,
        row,
        f"{estimate['value']:+.2f}",
        ha="center",
        va="center",
        fontsize=8.5,
        fontweight="bold" if certain else "normal",
        color="white" if abs(estimate["value"]) > 0.65 * limit else INK,
    )


@styled
def nearest_training(
    arrays: Mapping[str, np.ndarray], memorisation: Mapping[str, Any], unit: str = "dB"
) -> Figure:
    """Distances to the nearest training image: generated beside unseen real ones, in each space; `unit` of pixels."""
    figure = new_figure(3.4 * len(memorisation) + 0.4, 3)
    panels = figure.subplots(1, len(memorisation), squeeze=False)[0]
    for axes, (space, scores) in zip(panels, memorisation.items(), strict=True):
        pair = [arrays[f"nearest/{space}/{kind}"] for kind in ("unseen", "generated")]
        bins = np.linspace(0, max(row.max() for row in pair) * 1.02, 45)
        for row, key, colour in zip(pair, ("reference", "generated"), (REAL, GENERATED), strict=True):
            axes.hist(row, bins=bins, color=colour, alpha=0.35, label=name(key))
            axes.hist(row, bins=bins, color=colour, histtype="step", linewidth=1.4)
            axes.axvline(np.median(row), color=colour, linestyle=(0, (2, 1)), linewidth=1.2)
        axes.set_title(f"{name(space)}\nmedians' ratio {interval(scores['median_ratio'])}")
        axes.set_xlabel(f"distance ({unit if space == 'pixels' else 'standard deviations'})")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    panels[0].legend(loc="upper left")
    return figure
