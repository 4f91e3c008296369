"""Contact sheets of recordings: a strip of amplitudes, channel by second, and the spectra of the channels.

What is usual is grey, what is not has a colour: one look finds the bad recording among hundreds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from signal_diffusion.report.style import FAINT, INK, MUTED, new_figure, styled

COLOURS = {
    "flat": "#1c7ed6",
    "clipped": "#e03131",
    "outlying": "#f08c00",
    "noisy": "#0ca678",
    "disconnected": "#9c36b5",
    "missing": "#ffffff",
}
CODES = ("flat", "clipped", "outlying")  # of `verdict.pictures`, from 1
COLUMNS, ROWS = 3, 12
WIDTH, HEIGHT = 300, 76  # of a strip, in pixels
SPARK, GAP, TITLE = 130, 14, 40
CARD_WIDTH, CARD_HEIGHT = WIDTH + SPARK + 3 * GAP, HEIGHT + TITLE + GAP
KEY = 50
TICK = 20  # Hz
LIGHTEST, DARKEST = np.log10(100), np.log10(0.5)  # uV
SPECTRUM = (-25.0, 35.0)  # dB re 1 uV^2/Hz from the bottom to the top of a sparkline
SHOWN_SHARE = 0.25  # of the seconds under a pixel that must be bad for it to have a colour
TINT = 0.45


@dataclass(frozen=True)
class Card:
    """One recording. `title` is its id, `note` what was found, `bad` the reasons by channel.

    amplitude: uV [channels, seconds], NaN where a channel is missing; faults: uint8 of that shape; spectra:
    dB [channels, frequencies]; all None for a recording that could not be read. `fs`: of the windows, Hz.
    """

    title: str
    note: str
    alarm: bool
    channels: Sequence[str]
    bad: Mapping[str, str]
    fs: float
    amplitude: np.ndarray | None = None
    faults: np.ndarray | None = None
    spectra: np.ndarray | None = None


@styled
def contact_sheet(cards: Sequence[Card]) -> Figure:
    """Up to `COLUMNS * ROWS` recordings, row by row, with the key to the colours."""
    columns = min(COLUMNS, len(cards))
    height = -(-len(cards) // columns) * CARD_HEIGHT
    width = max(columns, 2) * CARD_WIDTH
    figure = new_figure(width / 100, (height + KEY) / 100)
    axes = figure.subplots()
    axes.set(xlim=(0, width), ylim=(height + KEY, 0))
    axes.axis("off")
    for number, card in enumerate(cards):
        row, column = divmod(number, columns)
        _draw(axes, card, column * CARD_WIDTH, row * CARD_HEIGHT)
    _draw_key(axes, max(card.fs for card in cards) / 2, height)
    return figure


def _draw_key(axes: Axes, nyquist: float, top: float) -> None:
    for place, (reason, colour) in enumerate(COLOURS.items()):
        left = 110 * place
        axes.add_patch(Rectangle((left, top), 16, 10, facecolor=colour, edgecolor=MUTED, linewidth=0.5))
        axes.text(left + 22, top + 10, reason, fontsize=7.5, va="baseline")
    low, high = SPECTRUM
    lines = [
        "strips: a row per channel over the whole recording; standard deviation of each second, "
        "0.5 µV black to 100 µV white"
    ]
    if nyquist:  # none where no recording of the sheet could be read
        lines.append(
            f"lines: spectrum of each channel, 0 to {nyquist:g} Hz with a tick every {TICK} Hz, "
            f"{low:g} to {high:g} dB re 1 µV²/Hz"
        )
    for number, line in enumerate(lines, start=1):
        axes.text(0, top + 12 + 16 * number, line, fontsize=7, color=MUTED, va="baseline")


def strip(card: Card, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """uint8 RGB [height, width, 3]: rows of channels, 0.5 uV black to 100 uV white, faults in colour."""
    seconds = card.amplitude.shape[1]
    edges = np.minimum(np.arange(width) * seconds // width, seconds - 1)
    grey = _over(np.log10(np.maximum(np.nan_to_num(card.amplitude.astype(np.float32)), 1e-3)), edges)
    grey = np.clip((grey - DARKEST) / (LIGHTEST - DARKEST), 0, 1)[..., None] * np.ones(3)
    for code, reason in enumerate(CODES, start=1):
        grey[_over(card.faults == code, edges) > SHOWN_SHARE] = to_rgb(COLOURS[reason])
    for row, name in enumerate(card.channels):
        if name in card.bad:
            colour = np.array(to_rgb(COLOURS[card.bad[name]]))
            grey[row] = (
                colour if np.isnan(card.amplitude[row]).all() else (1 - TINT) * grey[row] + TINT * colour
            )
    lines = np.arange(height) * len(grey) // height
    return np.rint(255 * grey[lines]).astype(np.uint8)


def _over(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Means of [channels, seconds] over the seconds of each pixel: [channels, pixels]."""
    sums = np.add.reduceat(values.astype(np.float64), edges, axis=1)
    return sums / np.maximum(np.diff(np.append(edges, values.shape[1])), 1)


def _draw(axes: Axes, card: Card, left: float, top: float) -> None:
    axes.text(left, top + 12, _narrow(card.title), fontsize=7.5, weight="bold", color=INK, va="baseline")
    colour = COLOURS["clipped"] if card.alarm else MUTED
    axes.text(left, top + 28, _short(card.note), fontsize=7, color=colour, va="baseline")
    top += TITLE - 6
    if card.amplitude is None or not card.amplitude.size:
        axes.add_patch(Rectangle((left, top), WIDTH, HEIGHT, fill=False, edgecolor=FAINT, hatch="//"))
        return
    extent = (left, left + WIDTH, top + HEIGHT, top)
    axes.imshow(strip(card), extent=extent, interpolation="nearest", aspect="auto")
    _sparklines(axes, card, left + WIDTH + GAP, top)


def _sparklines(axes: Axes, card: Card, left: float, top: float) -> None:
    """The channels' spectra, linear in Hz, those of bad channels in colour and on top."""
    low, high = SPECTRUM
    x = left + np.linspace(0, SPARK, card.spectra.shape[1])
    y = top + HEIGHT * (1 - (np.clip(card.spectra, low, high) - low) / (high - low))
    order = sorted(range(len(y)), key=lambda row: card.channels[row] in card.bad)
    colours = [COLOURS.get(card.bad.get(card.channels[row], ""), INK) for row in order]
    lines = [np.column_stack([x, y[row]]) for row in order]
    alphas = [0.9 if card.channels[row] in card.bad else 0.35 for row in order]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=0.5, alpha=alphas), autolim=False)
    axes.plot([left, left + SPARK], [top + HEIGHT + 1] * 2, color=FAINT, linewidth=0.6)
    for frequency in range(0, int(card.fs / 2) + 1, TICK):
        place = left + SPARK * frequency / (card.fs / 2)
        axes.plot([place] * 2, [top + HEIGHT, top + HEIGHT + 3], color=MUTED, linewidth=0.5)


def _narrow(text: str, most: int = 60) -> str:
    """With both its ends, for names of recordings often differ in the last."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - most // 2 + 1 :]}"


def _short(text: str, most: int = 78) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
