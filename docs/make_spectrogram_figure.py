"""Draw docs/spectrogram.png and fill the tables of docs/spectrogram.md.

Compares the logarithmic and linear rows of `signal_diffusion.signals.stft` with the transform of the
project's predecessor, at 256x256, 19 channels, 125 Hz and windows of 2048 samples. Everything is computed here.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from pages import fill  # noqa: E402
from signal_diffusion.config.recipe import Simulation  # noqa: E402
from signal_diffusion.equipment import CHANNEL_SETS  # noqa: E402
from signal_diffusion.markdown import table  # noqa: E402
from signal_diffusion.recordings.channels import pick  # noqa: E402
from signal_diffusion.recordings.simulated_signals import simulate_recording  # noqa: E402
from signal_diffusion.signals.images import quantise, tile  # noqa: E402
from signal_diffusion.signals.representations import spectrogram_windows  # noqa: E402
from signal_diffusion.signals.resample import average_reference, resample  # noqa: E402
from signal_diffusion.signals.stft import Stft  # noqa: E402

HERE = Path(__file__).resolve().parent
PAGE = HERE / "spectrogram.md"
FS, NSAMPS, RESOLUTION, CHANNELS = 125.0, 2048, 256, 19
BANDS = {"delta": (1, 4), "theta": (4, 8), "alpha": (8, 13), "beta": (13, 30), "gamma": (30, 50)}
COLOURS = {"log": "#0b6e99", "linear": "#e08a1e", "predecessor": "#8a8a8a"}


@dataclass
class Transform:
    """basis: complex [rows, frame samples], |.|^2 a density; offsets: first samples of the frames."""

    frequencies: np.ndarray
    basis: np.ndarray
    offsets: np.ndarray
    bandwidths: np.ndarray

    def density(self, windows: np.ndarray) -> np.ndarray:
        """windows: [n, samples]. Returns the frames' mean density [n, rows]."""
        length = self.basis.shape[1]
        padded = np.pad(windows, ((0, 0), (0, max(0, self.offsets[-1] + length - NSAMPS))))
        frames = np.stack([padded[:, o : o + length] for o in self.offsets], axis=1)
        return np.mean(np.abs(frames @ self.basis.T) ** 2, axis=1)

    def gram(self) -> np.ndarray:
        length = self.basis.shape[1]
        gram = np.zeros((NSAMPS + length, NSAMPS + length))
        block = (self.basis.conj().T @ self.basis).real
        for offset in self.offsets:
            span = slice(offset, offset + length)
            gram[span, span] += block
        return gram[:NSAMPS, :NSAMPS]

    def band_power(self, windows: np.ndarray, low: float, high: float) -> np.ndarray:
        """Integral of the density over a band, [n]: every row counts with the width that it stands for."""
        edges = np.concatenate([[0], (self.frequencies[1:] + self.frequencies[:-1]) / 2, [FS / 2]])
        widths = np.diff(np.clip(edges, low, high))
        return self.density(windows) @ widths


def current(bins: str) -> Transform:
    stft = Stft(RESOLUTION, CHANNELS, NSAMPS, FS, bins=bins)
    return Transform(stft.frequencies, stft.basis, stft.offsets, 1.44 * FS / stft.lengths)


def predecessor() -> Transform:
    """Hann frames of 2R - 1 samples, every 172, over the window and zeros after it.

    Rows are evenly spaced in log10 f from 0.001 to 0.5 cycles per sample. The lowest row of its images, one value
    of the whole window repeated, is left out.
    """
    length, hop = 2 * RESOLUTION - 1, 172
    cycles = np.logspace(-3, np.log10(0.5), RESOLUTION - 1)
    taper = np.hanning(length)
    basis = taper * np.exp(-2j * np.pi * cycles[:, None] * np.arange(length))
    basis *= np.sqrt(2 / FS / np.sum(taper**2))
    offsets = hop * np.arange(NSAMPS // hop + 1)
    return Transform(cycles * FS, basis, offsets, np.full(len(cycles), 1.44 * FS / length))


def true_density(frequencies: np.ndarray) -> np.ndarray:
    """uV^2/Hz: 1/f, an alpha and a beta peak, sensor noise; what a resting EEG looks like."""
    alpha = 12 * np.exp(-0.5 * ((frequencies - 10) / 1.0) ** 2)
    beta = 0.4 * np.exp(-0.5 * ((frequencies - 20) / 2.5) ** 2)
    return 30 / np.maximum(frequencies, 0.3) ** 1.4 + alpha + beta + 0.01


def coloured_noise(n: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian signals of `true_density`, [n, NSAMPS], cut from longer ones so that they are not periodic."""
    samples = 4 * NSAMPS
    frequencies = np.fft.rfftfreq(samples, 1 / FS)
    gain = np.sqrt(true_density(frequencies) * FS / 2)
    spectrum = np.fft.rfft(rng.standard_normal((n, samples))) * gain
    spectrum[:, 0] = 0
    return np.fft.irfft(spectrum, samples)[:, NSAMPS : 2 * NSAMPS]


def band_errors(transform: Transform, windows: np.ndarray) -> dict[str, tuple[float, float]]:
    """Mean and SD in dB of the measured against the true band power of single windows."""
    fine = np.linspace(0.5, FS / 2, 50000)
    errors = {}
    for band, (low, high) in BANDS.items():
        inside = (fine >= low) & (fine <= high)
        truth = np.trapezoid(true_density(fine[inside]), fine[inside])
        measured = transform.band_power(windows, low, high)
        errors[band] = 10 * np.log10(measured.mean() / truth), np.std(10 * np.log10(measured))
    return errors


def tone_readings(transform: Transform, frequencies: np.ndarray) -> np.ndarray:
    """dB by which the rows over- or understate the power of a sine, [frequencies]."""
    time = np.arange(NSAMPS) / FS
    tones = np.sqrt(2) * np.sin(2 * np.pi * frequencies[:, None] * time)
    return 10 * np.log10(transform.band_power(tones, 0, FS / 2))


def conditions(gram: np.ndarray) -> dict[str, float]:
    """Condition number, sqrt(B / A) of the frame bounds, on signals of one band inside the window."""
    inner = slice(256, NSAMPS - 256)
    samples = NSAMPS - 512
    order = np.arange(samples)
    cosines = np.cos(np.pi / samples * np.outer(np.arange(samples) + 0.5, order))
    cosines /= np.linalg.norm(cosines, axis=0)
    centre = order * FS / 2 / samples
    result = {}
    for band, (low, high) in BANDS.items():
        inside = cosines[:, (centre >= low) & (centre <= high)]
        values = np.linalg.eigvalsh(inside.T @ gram[inner, inner] @ inside)
        result[band] = np.sqrt(values[-1] / values[0])
    return result


def rows_per_band(transform: Transform) -> list[int]:
    f = transform.frequencies
    return [int(np.sum((f >= low) & (f < high))) for low, high in BANDS.values()]


def rank_per_frame(basis: np.ndarray) -> tuple[int, int]:
    """Singular values above 1 % of the largest, and how many there could be, of one frame's real operator."""
    stacked = np.concatenate([basis.real, basis.imag])
    singular = np.linalg.svd(stacked, compute_uv=False)
    return int(np.sum(singular > 0.01 * singular[0])), min(stacked.shape)


def example_image() -> tuple[np.ndarray, np.ndarray]:
    recording = pick(simulate_recording(Simulation(seconds=20.0), 0, "rest"), "1020-19")
    data = resample(average_reference(recording.data), recording.fs, FS)
    stft = Stft(RESOLUTION, CHANNELS, NSAMPS, FS)
    db, _ = spectrogram_windows(stft, data, np.array([0]))
    low, high = np.percentile(db.astype(np.float32), [0.5, 99.5])
    return tile(quantise(db, low, high), RESOLUTION)[0], stft.frequencies


def fill_tables(transforms: dict, grams: dict, errors: dict) -> None:
    header = ["", *[f"{band} {low}-{high} Hz" for band, (low, high) in BANDS.items()]]
    rows, condition, accuracy, frame = [], [], [], []
    for name, transform in transforms.items():
        rows.append([name, *map(str, rows_per_band(transform))])
        condition.append([name, *[f"{value:.3g}" for value in conditions(grams[name]).values()]])
        accuracy.append([name, *[f"{bias:+.2f} / {sd:.2f}" for bias, sd in errors[name].values()]])
        kept, possible = rank_per_frame(transform.basis)
        singular = np.sqrt(np.maximum(np.linalg.eigvalsh(grams[name]), 0))
        strong = np.sum(singular > 0.01 * singular[-1])
        frame.append([name, str(len(transform.offsets)), f"{kept} of {possible}", f"{strong} of {NSAMPS}"])
    fill(PAGE, "rows", table(header, rows))
    fill(PAGE, "condition", table(header, condition))
    fill(PAGE, "accuracy", table(header, accuracy))
    fill(PAGE, "rank", table(["", "frames", "rank of one frame", "rank of a window"], frame))


def draw(transforms: dict, grams: dict, errors: dict) -> None:
    figure, axes = plt.subplots(2, 3, figsize=(15, 8.4), layout="constrained")
    for name, transform in transforms.items():
        draw_scale(axes[0, 0], name, transform)
        singular = np.sqrt(np.maximum(np.linalg.eigvalsh(grams[name])[::-1], 1e-30))
        axes[0, 1].semilogy(singular / singular[0], color=COLOURS[name], label=name)
        tones = np.arange(2, 55, 0.09)
        axes[0, 2].plot(tones, tone_readings(transform, tones), color=COLOURS[name], lw=0.8, label=name)
    draw_errors(axes[1, 0], errors)
    draw_rows(axes[1, 1], transforms)
    draw_example(axes[1, 2])
    label(axes[0, 0], "Rows: spacing (solid), -3 dB width (dashed)", "frequency (Hz)", "Hz")
    label(axes[0, 1], "Singular values of a window's operator", "number", "relative to the largest")
    axes[0, 1].set_ylim(1e-6, 2)
    label(axes[0, 2], "A sine's power as the rows give it", "frequency of the sine (Hz)", "error (dB)")
    axes[0, 2].set_ylim(-20, 8)
    figure.savefig(HERE / "spectrogram.png", dpi=110)


def draw_scale(axis, name: str, transform: Transform) -> None:
    f = transform.frequencies
    axis.loglog((f[1:] + f[:-1]) / 2, np.diff(f), color=COLOURS[name], label=name)
    axis.loglog(f, transform.bandwidths, "--", color=COLOURS[name])


def draw_errors(axis, errors: dict) -> None:
    for shift, (name, bands) in enumerate(errors.items()):
        bias, spread = np.array(list(bands.values())).T
        place = np.arange(len(BANDS)) + 0.2 * (shift - 1)
        axis.errorbar(place, bias, spread, fmt="o", capsize=3, color=COLOURS[name], label=name)
    axis.axhline(0, color="black", lw=0.6)
    axis.set_xticks(range(len(BANDS)), BANDS)
    label(axis, "Band power of single windows (mean, SD)", "", "measured - true (dB)")


def draw_rows(axis, transforms: dict) -> None:
    for shift, (name, transform) in enumerate(transforms.items()):
        counts = rows_per_band(transform)
        below = np.sum(transform.frequencies < 1)
        place = np.arange(len(BANDS) + 1) + 0.27 * (shift - 1)
        axis.bar(place, [below, *counts], 0.25, color=COLOURS[name], label=name)
    axis.set_xticks(range(len(BANDS) + 1), ["< 1 Hz", *BANDS])
    label(axis, "Rows per band", "", "rows")


def draw_example(axis) -> None:
    image, frequencies = example_image()
    axis.imshow(image, cmap="magma", vmin=0, vmax=255)
    marks = [1, 4, 8, 13, 30, 60]
    rows = RESOLUTION - 1 - np.interp(marks, frequencies, np.arange(RESOLUTION))
    axis.set_yticks(rows, marks)
    axis.set_xticks(4 + 13 * np.arange(CHANNELS) + 6, CHANNEL_SETS["1020-19"], rotation=90, fontsize=7)
    axis.set_title("A window of a simulated recording", fontsize=11)
    axis.set_ylabel("frequency (Hz)")


def label(axis, title: str, x: str, y: str) -> None:
    axis.set_title(title, fontsize=11)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)


def main() -> None:
    transforms = {"log": current("log"), "linear": current("linear"), "predecessor": predecessor()}
    grams = {name: transform.gram() for name, transform in transforms.items()}
    windows = coloured_noise(400, np.random.default_rng(0))
    errors = {name: band_errors(transform, windows) for name, transform in transforms.items()}
    fill_tables(transforms, grams, errors)
    draw(transforms, grams, errors)


if __name__ == "__main__":
    main()
