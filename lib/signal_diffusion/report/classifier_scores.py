"""A classifier's numbers as figures: beside nulls and baselines, by class, by confidence and by subject."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signal_diffusion.report.style import (
    GENERATED,
    INK,
    MUTED,
    REAL,
    name,
    new_figure,
    room_for,
    styled,
)

SOURCES = {
    "model": "model",
    "shuffled": "labels shuffled",
    "demographics": "demographics alone",
    "dataset": "dataset alone",
    "band_power": "band powers, regression",
    "chance": "the same for all",
}
METRICS = {
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "brier": "Brier score",
    "ece": "calibration error",
    "mae": "mean absolute error",
    "r": "r",
    "r2": "R²",
}
COLOURS = {"model": GENERATED, "band_power": REAL}
CLASSES = ("#1c7ed6", "#d6336c", "#2f9e44", "#e8590c", "#7048e8", "#f08c00", "#0b7285", "#862e9c")
UNKNOWN = "unknown"
MOST_NAMED = 30  # subjects whose names fit below their bars
LETTERS = 110  # that fit side by side there


def judged(protocol: Mapping[str, Any], kind: str | None = None) -> list[tuple[str, Mapping[str, Any]]]:
    """The tasks of a protocol that have scores, of one kind or of both."""
    return [
        (task, found)
        for task, found in protocol["tasks"].items()
        if found["levels"] and kind in (None, found["kind"])
    ]


def levels_of(task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The levels of a task that have scores: windows, and people where the label allows it."""
    return [level for level in task["levels"].values() if "scores" in level]


def sources_of(levels: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whose scores stand in these levels: the model, other runs, nulls and baselines, in the order of a page."""
    there = {source for level in levels for source in level["scores"]}
    first, *others = SOURCES
    return [source for source in (first, *sorted(there - SOURCES.keys()), *others) if source in there]


def words_of(source: str) -> str:
    """A source in words; what is no null or baseline is a run."""
    return SOURCES.get(source, f"run {source}")


@styled
def score_forest(protocol: Mapping[str, Any]) -> Figure:
    """Model, nulls and baselines side by side: a row of panels per task, its primary score with intervals."""
    tasks = judged(protocol)
    sources = sources_of([level for _, task in tasks for level in levels_of(task)])
    sources.remove("chance")
    width = 9.6 + room_for(map(words_of, sources))
    figure = new_figure(width, len(tasks) * (0.29 * len(sources) + 0.95) + 0.3)
    grid = figure.subplots(len(tasks), 2, squeeze=False, sharey=True)
    for (task, found), row in zip(tasks, grid, strict=True):
        for axes, level in zip(row, found["levels"].values(), strict=True):
            _forest_panel(axes, task, found, level, sources)
    figure.supxlabel(
        "95 % bootstrap intervals over subjects; dashed: the same prediction for all",
        fontsize=8.5,
        color=MUTED,
    )
    return figure


def _forest_panel(
    axes: Axes, task: str, found: Mapping[str, Any], level: Mapping[str, Any], sources: Sequence[str]
) -> None:
    axes.set_yticks(range(len(sources)), [words_of(key) for key in sources])
    axes.set_ylim(len(sources) - 0.5, -0.5)
    if "scores" not in level:
        _say(axes, level["unknown"])
        axes.set_title(f"{task}: by person")
        return
    metric = found["primary"]
    axes.set_title(f"{task}: {level['count']} {level['unit']}s")
    axes.set_xlabel(axis_name(metric), fontsize=8.5)
    for place, key in enumerate(sources):
        if key in level["scores"]:
            _dot(axes, place, level["scores"][key][metric], COLOURS.get(key, MUTED))
        else:
            reason = found["absent"].get(key, "not made")
            axes.text(
                0.02,
                place,
                _wrapped(reason),
                transform=axes.get_yaxis_transform(),
                fontsize=7,
                color=MUTED,
                va="center",
            )
    chance = level["scores"]["chance"][metric]["value"]
    if chance is not None:
        axes.axvline(chance, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2.6)
    axes.grid(axis="x")


def axis_name(metric: str) -> str:
    return f"{METRICS[metric]} (years, less is better)" if metric == "mae" else METRICS[metric]


def _dot(axes: Axes, place: float, estimate: Mapping[str, Any], colour: str) -> None:
    if estimate["value"] is None:
        axes.text(
            0.02, place, UNKNOWN, transform=axes.get_yaxis_transform(), fontsize=7.5, color=MUTED, va="center"
        )
        return
    if estimate["low"] is not None:
        axes.hlines(place, estimate["low"], estimate["high"], color=colour, linewidth=3, alpha=0.4)
    axes.plot(estimate["value"], place, "o", color=colour, markersize=6)


def _say(axes: Axes, text: str) -> None:
    """A panel with a reason in place of numbers."""
    axes.text(
        0.5, 0.5, _wrapped(text), transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=8
    )
    axes.set_xticks([])
    axes.spines[:].set_visible(False)


def _wrapped(text: str, width: int = 46) -> str:
    return fill(text, width)


@styled
def confusion(protocol: Mapping[str, Any]) -> Figure:
    """For each task of classes, what windows and people of a true class (rows) were taken for."""
    panels = [
        (task, level, found)
        for task, found in judged(protocol, "classification")
        for level in levels_of(found)
    ]
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    side = max(2.7, *(0.42 * len(found["classes"]) for _, _, found in panels))
    figure = new_figure(side * columns + 0.5, side * rows + 0.2)
    grid = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axes, (task, level, found) in zip(grid, panels, strict=False):
        _confusion_panel(axes, np.array(level["confusion"]), [name(word) for word in found["classes"]])
        axes.set_title(f"{task}: {level['unit']}s")
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    return figure


def _confusion_panel(axes: Axes, cells: np.ndarray, classes: Sequence[str]) -> None:
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*cells.shape):
        axes.text(
            column,
            row,
            f"{shares[row, column]:.2f}\n{cells[row, column]}" if cells[row].sum() else "none",
            ha="center",
            va="center",
            fontsize=8 if len(cells) < 5 else 6,
            color="white" if shares[row, column] > 0.6 else INK,
        )
    rotation = 0 if len(classes) < 4 else 45
    axes.set_xticks(range(len(classes)), classes, rotation=rotation, fontsize=8)
    axes.set_yticks(range(len(classes)), classes, rotation=90 - rotation, va="center", fontsize=8)
    axes.set(xlabel="predicted", ylabel="true")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


@styled
def reliability(protocol: Mapping[str, Any]) -> Figure:
    """How often the model is right at each confidence, for windows and people; the bars are their numbers."""
    tasks = judged(protocol, "classification")
    figure = new_figure(3.1 * len(tasks) + 0.5, 3.5)
    panels = figure.subplots(1, len(tasks), squeeze=False, sharey=True)[0]
    for axes, (task, found) in zip(panels, tasks, strict=True):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
        for level, colour in zip(levels_of(found), (GENERATED, REAL), strict=False):
            _reliability_curve(axes, level, colour)
        axes.set(
            title=task, xlabel="confidence", xlim=(1 / len(found["classes"]) - 0.05, 1.02), ylim=(0, 1.03)
        )
        axes.legend(loc="upper left", fontsize=7.5)
    panels[0].set_ylabel("share of right ones")
    return figure


def _reliability_curve(axes: Axes, level: Mapping[str, Any], colour: str) -> None:
    bins = level["reliability"]
    middle = [(one["low"] + one["high"]) / 2 for one in bins]
    shares = np.array([one["windows"] for one in bins]) / level["count"]
    axes.bar(middle, 0.25 * shares, width=0.09, color=colour, alpha=0.2, linewidth=0)
    error = level["scores"]["model"]["ece"]
    label = f"{level['unit']}s, error {_short(error)}"
    axes.plot(
        [b["confidence"] for b in bins],
        [b["right"] for b in bins],
        "o-",
        color=colour,
        markersize=4,
        label=label,
    )


def _short(estimate: Mapping[str, Any]) -> str:
    return UNKNOWN if estimate["value"] is None else f"{estimate['value']:.2f}"


@styled
def subjects(protocol: Mapping[str, Any]) -> Figure:
    """A bar per subject: how many of its windows are told right; for numbers, true beside predicted."""
    tasks = judged(protocol)
    names = [label for _, found in tasks for label in _subject_labels(found["subjects"])]
    figure = new_figure(10, (2.5 + room_for(names, 14)) * len(tasks) + 0.2)
    panels = figure.subplots(len(tasks), 1, squeeze=False)[:, 0]
    for axes, (task, found) in zip(panels, tasks, strict=True):
        draw = _bars if found["kind"] == "classification" else _numbers
        draw(axes, found)
        axes.set_title(task)
        axes.set_axisbelow(True)
        axes.grid(axis="y")
    return figure


def _bars(axes: Axes, found: Mapping[str, Any]) -> None:
    records = found["subjects"]
    truths = sorted({record["truth"] for record in records})
    for truth, colour in zip(truths, CLASSES * len(truths), strict=False):
        places = [place for place, record in enumerate(records) if record["truth"] == truth]
        label = ", ".join(name(word) for word in truth.split(", "))
        heights = [records[place]["score"]["value"] for place in places]
        axes.bar(places, heights, color=colour, alpha=0.75, label=label)
    _whiskers(axes, records)
    # Bars count windows; balanced accuracy, which counts classes alike, has another chance.
    chance = found["levels"]["window"]["scores"]["chance"]["accuracy"]["value"]
    axes.axhline(chance, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label=SOURCES["chance"])
    axes.set_ylabel("right windows")
    axes.set_ylim(0, 1.02)
    axes.margins(x=0.01)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7.5)
    _subject_names(axes, records)


def _whiskers(axes: Axes, records: Sequence[Mapping[str, Any]], at: Sequence[float] | None = None) -> None:
    for place, record in zip(at or range(len(records)), records, strict=True):
        if record["score"]["low"] is not None:
            axes.vlines(place, record["score"]["low"], record["score"]["high"], color=INK, linewidth=1)


def _subject_names(axes: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    if len(records) > MOST_NAMED:
        axes.set_xticks([])
        axes.set_xlabel(f"{len(records)} subjects, worst first", fontsize=8.5)
        return
    names = _subject_labels(records)
    upright = len(names) > 8 or len(names) * max(map(len, names)) > LETTERS
    axes.set_xticks(range(len(names)), names, rotation=90 if upright else 0, fontsize=7)


def _subject_labels(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What stands below the bars; nothing where there are too many."""
    several = len({record["dataset"] for record in records}) > 1
    names = [f"{r['dataset']}/{r['subject']}" if several else r["subject"] for r in records]
    return names if len(names) <= MOST_NAMED else []


def _numbers(axes: Axes, found: Mapping[str, Any]) -> None:
    records = sorted(found["subjects"], key=lambda record: record["truth"])
    truth = [record["truth"] for record in records]
    axes.plot(truth, truth, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    _whiskers(axes, records, truth)
    axes.plot(truth, [record["score"]["value"] for record in records], "o", color=GENERATED, markersize=5)
    axes.set(xlabel="true", ylabel="mean of predictions")
