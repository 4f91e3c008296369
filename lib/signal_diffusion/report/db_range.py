"""The decibels of a recipe's recordings, the range to clip them to, and what other ranges would cost."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signal_diffusion import files
from signal_diffusion.datasets import db_ranges
from signal_diffusion.datasets.db_ranges import ALL, LOWER, UPPER
from signal_diffusion.datasets.ranges import DecibelHistogram
from signal_diffusion.datasets.storage import write_table
from signal_diffusion.report.style import FLOOR, INK, MUTED, new_figure, save, styled

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe

LOG = logging.getLogger(__name__)
PANELS = {
    "entropy": ("Entropy of the levels", "bits", "{:.2f}", "viridis"),
    "divergence": ("Divergence (Jensen-Shannon)", "bits", "{:.3f}", "viridis_r"),
    "distance": ("Distance (Wasserstein)", "dB", "{:.2f}", "viridis_r"),
    "psnr": ("Quantisation PSNR", "dB", "{:.1f}", "viridis"),
}


def write_db_range(recipe: "Recipe", shards: Sequence[Path], indexes: Sequence[Path], out: Path) -> None:
    """Write histogram.csv, sweep.csv, ranges.toml and two figures into `out`; log the TOML lines to paste."""
    found = db_ranges.measure_ranges(recipe, shards, indexes)
    lines = db_ranges.toml_lines(found, recipe)
    sweeps = pd.concat([db_ranges.sweep(each).assign(dataset=name) for name, each in found.items()])
    with files.replaced_folder(out) as folder:
        write_table(folder / "histogram.csv", db_ranges.histogram_table(found).round(9))
        write_table(folder / "sweep.csv", sweeps[["dataset", *sweeps.columns[:-1]]].round(6))
        files.write_text(folder / "ranges.toml", lines)
        save(histogram_figure(found, recipe), folder / "histogram.png")
        save(sweep_figure(sweeps[sweeps["dataset"] == ALL], recipe), folder / "sweep.png")
    LOG.info("%s", lines)


@styled
def histogram_figure(found: dict[str, DecibelHistogram], recipe: "Recipe") -> Figure:
    """Share of values per dB, a curve per dataset; shaded: the recommended range of all together."""
    table = db_ranges.histogram_table(found)
    figure = new_figure(9, 3.6)
    axes = figure.subplots()
    names = [name for name in found if name != ALL]
    for place, name in enumerate(names):
        colour = _colour(place, len(names))
        axes.stairs(table[name] / db_ranges.BIN, _edges(table["db"]), color=colour, linewidth=1.6, label=name)
        for end in db_ranges.recommended(found[name], recipe):
            axes.axvline(end, ymax=0.06, color=colour, linewidth=1.6)
    low, high = db_ranges.recommended(found[ALL], recipe)
    axes.axvspan(low, high, color=FLOOR, alpha=0.1, linewidth=0, label=f"all: {low:g} to {high:g} dB")
    lower, upper = recipe.spectrogram.lower_percentile, recipe.spectrogram.upper_percentile
    axes.set(xlabel=f"dB; ticks at the bottom: percentiles {lower:g} and {upper:g} of each dataset")
    axes.set(ylabel="share per dB", title="Decibels of the training windows", ylim=(0, None))
    axes.legend(loc="upper right")
    return figure


@styled
def sweep_figure(sweep: pd.DataFrame, recipe: "Recipe") -> Figure:
    """Each measure at every pair of percentiles; framed: the recommended pair."""
    figure = new_figure(11, 8.2)
    for axes, key in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        _grid(axes, sweep, key, recipe)
    figure.suptitle("Clipping to percentiles, then 8 bits", x=0.01, ha="left", fontweight="bold", color=INK)
    return figure


def _grid(axes: Axes, sweep: pd.DataFrame, key: str, recipe: "Recipe") -> None:
    title, unit, form, colours = PANELS[key]
    values = sweep.pivot(index="lower", columns="upper", values=key).reindex(index=LOWER, columns=UPPER)
    shown = values.replace(np.inf, np.nan).to_numpy()
    drawn = axes.imshow(shown, cmap=colours, aspect="auto")
    for (row, column), value in np.ndenumerate(shown):
        if np.isfinite(value):
            dark = drawn.norm(value) < 0.5 if not colours.endswith("_r") else drawn.norm(value) > 0.5
            colour = "white" if dark else INK
            axes.text(column, row, form.format(value), ha="center", va="center", fontsize=7.5, color=colour)
    axes.set_xticks(range(len(UPPER)), [f"{q:g}" for q in UPPER])
    axes.set_yticks(range(len(LOWER)), [f"{q:g}" for q in LOWER])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(title=f"{title}, {unit}", xlabel="upper percentile", ylabel="lower percentile")
    _frame(axes, recipe.spectrogram.lower_percentile, recipe.spectrogram.upper_percentile)


def _frame(axes: Axes, lower: float, upper: float) -> None:
    if lower in LOWER and upper in UPPER:
        row, column = LOWER.index(lower), UPPER.index(upper)
        axes.plot(
            np.array([-0.5, 0.5, 0.5, -0.5, -0.5]) + column,
            np.array([-0.5, -0.5, 0.5, 0.5, -0.5]) + row,
            color="#e8590c",
            linewidth=2.2,
        )


def _edges(lower_ends: pd.Series) -> np.ndarray:
    return np.append(lower_ends, lower_ends.iloc[-1] + db_ranges.BIN)


def _colour(place: int, count: int) -> str:
    import matplotlib

    return matplotlib.colormaps["viridis"](0.1 + 0.75 * place / max(count - 1, 1)) if count > 1 else MUTED
