"""One look for all figures."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from signal_diffusion.files import atomic_path
from signal_diffusion.signals.transforms import LEGACY

INK, MUTED, FAINT = "#1f2933", "#7b8794", "#d9dee4"
REAL, GENERATED, FLOOR = "#334e68", "#e8590c", "#2f9e44"
PAIR = ("#1c7ed6", "#d6336c")
NAMES = {
    "reference": "real, unseen",
    "floor": "real, training",
    "generated": "generated",
    "round_trip": "real, via VAE",
    "untrained": "untrained model",
    "pixel_gaussian": "pixel Gaussian",
    "phase_shuffled": "phases shuffled",
    "pixel_shuffled": "pixels shuffled",
    "alpha_peak": "alpha peak",
    "mmd": "Kernel distance (MMD²)",
    "frechet": "Fréchet distance",
    "kid": "Kernel distance, cubic (KID)",
    "spectral": "spectral features",
    "encoder": "encoder features",
    "image": "image features",
    "pixels": "pixels",
    "H": "healthy",
    "PD": "Parkinson's",
    "F": "female",
    "M": "male",
}
STYLE = {
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "image.cmap": "magma",
    "text.parse_math": False,  # a dollar in a file's name begins no formula
}


def name(key: str) -> str:
    """How people read the key of a set, measure, distance or label value."""
    return NAMES.get(key, key.replace("_", " "))


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the one style."""

    @wraps(draw)
    def drawn(*arguments, **options) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*arguments, **options)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """A figure of `width` by `height` inches that belongs to no window."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def room_for(words: Iterable[str], usual: int = 24) -> float:
    """Inches that the longest of these labels of an axis takes beyond one of `usual` letters."""
    return 0.075 * max(0, max(map(len, words), default=0) - usual)


def save(figure: Figure, path: str | Path) -> None:
    """Write a PNG without date or version, so that equal figures are equal files."""
    with atomic_path(path) as temporary, matplotlib.rc_context(STYLE):
        figure.set_dpi(STYLE["savefig.dpi"])
        # `savefig` would lay the figure out in a drawing of its own first.
        figure.canvas.print_png(temporary, metadata={"Software": None})


def power_label(spec: Mapping[str, Any]) -> str:
    """What the decibels of spectrograms are; `spec` is dataset.json."""
    return f"power (dB re 1 {'V' if spec.get('bins') == LEGACY else 'µV²/Hz'})"


def frequency_axis(axes: Axes, frequencies: np.ndarray) -> None:
    """A logarithmic frequency axis with plain ticks, from the first row above 0 Hz on."""
    axes.set_xscale("log")
    ticks = [tick for tick in (1, 2, 4, 7, 13, 30, 60, 120) if frequencies[0] <= tick <= frequencies[-1]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(frequencies[frequencies > 0][0], frequencies[-1])


@contextmanager
def shaded(axes: Axes, bands: dict[str, tuple[float, float]], labelled: bool = True) -> Iterator[Axes]:
    """Alternate shading of frequency bands, with their names at the top once the block has drawn."""
    for index, (low, high) in enumerate(bands.values()):
        axes.axvspan(low, high, color=FAINT, alpha=0.45 if index % 2 else 0.2, linewidth=0, zorder=0)
    yield axes
    for band, (low, high) in bands.items() if labelled else ():
        place = ((low * high) ** 0.5, 1.0)
        axes.text(
            *place,
            band,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
            color=MUTED,
            fontsize=8,
        )
