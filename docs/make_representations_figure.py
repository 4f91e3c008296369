"""Draw docs/representations.png and fill the tables of docs/representations.md.

    python docs/make_representations_figure.py EEGMAT

EEGMAT is the folder of that dataset (`snakemake data/math`). A third of its people give the windows that are coded
and brought back, at 256x256 and 19 channels; ranges and scales are those of the others.
"""

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pages import fill
from signal_diffusion.config.recipe import Recipe, RecipeTable
from signal_diffusion.datasets.ranges import SCALE_PERCENTILE, statistics_of
from signal_diffusion.markdown import table
from signal_diffusion.recordings.datasets import math
from signal_diffusion.report.style import INK, MUTED, PAIR, new_figure, save, styled
from signal_diffusion.signals.encoding import Encoder, decode
from signal_diffusion.signals.inverse import RIDGE, griffin_lim, to_waveform
from signal_diffusion.signals.levels import MU
from signal_diffusion.signals.preparation import prepare
from signal_diffusion.signals.representations import PLANES, spectrogram_windows
from signal_diffusion.signals.transforms import described, make_transform

HERE = Path(__file__).resolve().parent
PAGE = HERE / "representations.md"
RECIPE = Recipe(name="figure", path=Path("figure.toml"), recipe=RecipeTable(datasets=["math"]))
INNER = slice(128, -128)  # a second from either end
WIDE = (1, 50)
BANDS = {
    "slow": (0, 1),
    "delta": (1, 4),
    "theta": (4, 8),
    "alpha": (8, 13),
    "beta": (13, 30),
    "gamma": (30, 50),
}
CODINGS = [  # equal steps: mu = 0; a scale of each row, or of all; percentile of the training windows
    ("equal steps, one scale for all rows", 0, False, SCALE_PERCENTILE),
    ("equal steps, a scale per row", 0, True, SCALE_PERCENTILE),
    ("equal steps, a scale per row", 0, True, 100),
    ("mu-law, mu = 15", 15, True, SCALE_PERCENTILE),
    ("mu-law, mu = 15", 15, True, 100),
    ("mu-law, mu = 255 (chosen)", MU, True, SCALE_PERCENTILE),
    ("mu-law, mu = 255", MU, True, 99.5),
    ("mu-law, mu = 255", MU, True, 100),
]


@dataclass
class Material:
    """Windows in uV, float32 [n, 19, 2048]: of the people that scales are taken from, and of others."""

    training: np.ndarray
    held_out: np.ndarray

    @cached_property
    def transform(self):
        return make_transform(self.training.shape[1], RECIPE.signal, RECIPE.spectrogram)

    @cached_property
    def coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        return tuple(self.transform.transform_windows(each) for each in (self.training, self.held_out))

    def images(self, representation: str, windows: np.ndarray) -> tuple[np.ndarray, dict]:
        """What a dataset would store of these, and its `dataset.json`."""
        statistics = statistics_of(representation, RECIPE.spectrogram)
        statistics.add(self.planes(representation, self.training))
        spec = {"representation": representation, "resolution": RECIPE.spectrogram.resolution}
        spec |= {"channels": [str(k) for k in range(windows.shape[1])], "frames": self.transform.frames}
        spec |= {"fs": RECIPE.signal.fs, "nsamps": RECIPE.signal.nsamps}
        spec |= described(RECIPE.spectrogram) | statistics.numbers()
        return Encoder(spec)(self.planes(representation, windows)), spec

    def planes(self, representation: str, windows: np.ndarray) -> np.ndarray:
        first = np.zeros(1, np.int64)
        found = [spectrogram_windows(self.transform, each, first, representation)[0] for each in windows]
        return np.concatenate(found)


def read_windows(folder: Path) -> Material:
    """Windows side by side of all recordings; every third person is held out."""
    parts: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for entry in math.list_recordings(folder):
        found = prepare(entry.path, RECIPE)
        held_out = int(entry.subject.removeprefix("sub-").removeprefix("Subject")) % 3 == 0
        parts[held_out] += [
            found.data[:, start : start + RECIPE.signal.nsamps] for start in found.starts[::2]
        ]
    return Material(np.stack(parts[False]), np.stack(parts[True]))


def snr(truth: np.ndarray, found: np.ndarray, part: slice = slice(None)) -> np.ndarray:
    """dB, of each window and channel."""
    truth, found = truth[..., part].astype(np.float64), found[..., part]
    return 10 * np.log10(np.sum(truth**2, axis=-1) / np.sum((truth - found) ** 2, axis=-1))


def band_snr(truth: np.ndarray, found: np.ndarray, bands) -> list[float]:
    """Median dB in each band (Hz), inside the windows."""
    taper = np.hanning(truth[..., INNER].shape[-1])
    signal, error = (np.abs(np.fft.rfft(taper * each[..., INNER])) ** 2 for each in (truth, truth - found))
    frequencies = np.fft.rfftfreq(len(taper), 1 / RECIPE.signal.fs)
    result = []
    for low, high in bands:
        inside = (frequencies >= low) & (frequencies < high)
        ratio = signal[..., inside].sum(axis=-1) / error[..., inside].sum(axis=-1)
        result.append(float(np.median(10 * np.log10(ratio))))
    return result


def coded(values: np.ndarray, scale: np.ndarray, mu: float, levels: int) -> np.ndarray:
    """Magnitudes after so many levels of the mu-law (equal steps for mu = 0)."""
    share = np.minimum(values / scale, 1)
    if not mu:
        return np.rint(share * levels) / levels * scale
    steps = np.rint(np.log1p(mu * share) / np.log1p(mu) * levels)
    return np.expm1(steps / levels * np.log1p(mu)) / mu * scale


def scale_of(values: np.ndarray, per_row: bool, percentile: float) -> np.ndarray:
    rows = np.moveaxis(values, 2, 0).reshape(values.shape[2], -1)
    return np.percentile(rows, percentile, axis=1)[:, None] if per_row else np.percentile(rows, percentile)


def coding_table(material: Material) -> str:
    training, held_out = material.coefficients
    parts = np.abs(np.concatenate([training.real, training.imag]))
    turns = np.rint(np.angle(held_out) * 128 / np.pi) * np.pi / 128
    rows = []
    for label, mu, per_row, percentile in CODINGS:
        scale = scale_of(parts, per_row, percentile)
        iq = sum(
            np.sign(p) * coded(np.abs(p), scale, mu, 127) * unit
            for p, unit in ((held_out.real, 1), (held_out.imag, 1j))
        )
        polar = coded(np.abs(held_out), scale_of(np.abs(training), per_row, percentile), mu, 255) * np.exp(
            1j * turns
        )
        cells = [f"{value:.1f}" for each in (iq, polar) for value in reached(material, each)]
        rows.append([label, "maximum" if percentile == 100 else f"{percentile} %", *cells])
    header = ["", "scale", "db-iq, whole", "inside", "1-50 Hz", "db-polar, whole", "inside", "1-50 Hz"]
    return table(header, rows)


def reached(material: Material, coefficients: np.ndarray) -> list[float]:
    """Median dB of whole windows, inside them, and from 1 to 50 Hz inside them."""
    found = material.transform.inverse(coefficients, RIDGE)
    medians = [float(np.median(snr(material.held_out, found, part))) for part in (slice(None), INNER)]
    return [*medians, *band_snr(material.held_out, found, [WIDE])]


def loss_table(material: Material) -> str:
    _, coefficients = material.coefficients
    half = coefficients.real.astype(np.float16) + 1j * coefficients.imag.astype(np.float16)
    steps = {
        "coefficients as they are": material.transform.inverse(coefficients),
        "as a shard keeps them, 16 bits": material.transform.inverse(half),
    }
    for representation in ("db-iq", "db-polar"):
        steps[f"{representation}, 8 bits"] = to_waveform(*material.images(representation, material.held_out))
    rows = []
    for label, found in steps.items():
        whole, inner = (snr(material.held_out, found, part) for part in (slice(None), INNER))
        values = [
            np.median(whole),
            np.median(inner),
            np.percentile(inner, 5),
            *band_snr(material.held_out, found, BANDS.values()),
        ]
        rows.append([label, *[f"{value:.1f}" for value in values]])
    bands = [f"{band} {low}-{high} Hz" for band, (low, high) in BANDS.items()]
    return table(["", "whole", "inside", "inside, worst 5 %", *bands], rows)


def griffin_table(material: Material) -> str:
    images, spec = material.images("db-only", material.held_out[:4])
    wanted = material.transform.magnitude(decode(images, spec))
    rows = []
    for iterations in (0, 10, 30, 100, 300):
        found = np.abs(
            material.transform.transform_windows(griffin_lim(material.transform, wanted, iterations))
        )
        error = 20 * np.log10(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
        off = np.median(np.abs(20 * np.log10(np.maximum(found, 1e-6) / wanted)))
        rows.append([str(iterations), f"{error:.1f}", f"{off:.2f}"])
    return table(["iterations", "spectral convergence (dB)", "median error of a pixel (dB)"], rows)


@styled
def draw(material: Material, window: int = 0, channel: int = 14):
    figure = new_figure(13, 11.5)
    grid = figure.add_gridspec(4, 4, width_ratios=[1, 1, 1, 2.3])
    truth = material.held_out[window : window + 1]
    draw_series(figure.add_subplot(grid[0, :3]), truth[0])
    draw_waveforms(figure.add_subplot(grid[0, 3]), truth[0, channel], None, "time series: the signal itself")
    for row, (representation, names) in enumerate(PLANES.items(), 1):
        images, spec = material.images(representation, truth)
        for column, name in enumerate(names):
            title = f"{representation}: {name}" if column == 0 else name
            show(figure.add_subplot(grid[row, column]), images[0, column], name, title)
        found = to_waveform(images, spec)
        if representation == "db-only":
            again = Encoder(spec)(material.planes(representation, found))
            show(figure.add_subplot(grid[row, 1]), again[0, 0], "dB", "dB of its waveform")
        axes = figure.add_subplot(grid[row, 3])
        draw_waveforms(
            axes, truth[0, channel], found[0, channel], verdict(representation, truth, found, channel)
        )
    return figure


def show(axes, image: np.ndarray, plane: str, title: str) -> None:
    axes.imshow(image, cmap="magma" if plane == "dB" else "gray", vmin=0, vmax=255)
    axes.set_title(title)
    axes.axis("off")


def verdict(representation: str, truth: np.ndarray, found: np.ndarray, channel: int) -> str:
    if representation == "db-only":
        return "by Griffin-Lim: its spectrum, not its course in time"
    value = snr(truth, found, INNER)[0, channel]
    return f"by least squares: SNR {value:.1f} dB inside the window"


def draw_series(axes, window: np.ndarray) -> None:
    time = np.arange(window.shape[1]) / RECIPE.signal.fs
    axes.plot(time, window.T / 60 - np.arange(len(window)), color=INK, lw=0.35)
    axes.set_title("timeseries: 19 channels of one window (uV, then z-scores)")
    axes.set_yticks([])
    axes.set_xlim(time[0], time[-1])
    axes.set_xlabel("time (s)")


def draw_waveforms(axes, truth: np.ndarray, found: np.ndarray | None, title: str) -> None:
    part = slice(6 * 125, 10 * 125)
    time = np.arange(len(truth))[part] / RECIPE.signal.fs
    axes.plot(
        time, truth[part], color=MUTED if found is not None else INK, lw=2.4 if found is not None else 1
    )
    if found is not None:
        axes.plot(time, found[part], color=PAIR[1], lw=0.9)
    axes.set_title(title)
    axes.set_xlim(time[0], time[-1])
    axes.set_ylabel("Pz (uV)")
    axes.set_xlabel("time (s); grey: the recording, red: from the image" if found is not None else "time (s)")


def main() -> None:
    material = read_windows(Path(sys.argv[1]))
    fill(
        PAGE,
        "counts",
        f"{len(material.held_out)} windows; scales from {len(material.training)} of other people.",
    )
    fill(PAGE, "coding", coding_table(material))
    fill(PAGE, "loss", loss_table(material))
    fill(PAGE, "griffin", griffin_table(material))
    save(draw(material), HERE / "representations.png")


if __name__ == "__main__":
    main()
