"""Zero-phase notches and band edges: the gains of recursive filters run forwards and backwards.

Run so, a filter changes no phase, and its gain is |H(f)|^2, which for the Butterworth filters and notches of
scipy.signal (`butter`, `iirnotch`; bilinear transform) is a short formula. Multiplying spectra with it equals
`sosfiltfilt` away from the ends, and needs no scipy.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from signal_diffusion.config.quality import Filter

RINGING = 3.0  # periods of the narrowest width for which a recording is continued at its ends


def gain(frequencies: np.ndarray, filters: "Filter", fs: float) -> np.ndarray:
    """What remains of each frequency's amplitude at the rate `fs`; both in Hz. Float64, as `frequencies`."""
    remains = np.ones(len(frequencies))
    for centre in harmonics(filters.notch, fs):
        remains *= _notch(frequencies, centre, filters.notch_width, fs)
    if filters.highpass is not None:
        remains *= 1 - _lowpass(frequencies, filters.highpass, filters.order, fs)
    if filters.lowpass is not None:
        remains *= _lowpass(frequencies, filters.lowpass, filters.order, fs)
    return remains


def harmonics(line: float | None, fs: float) -> list[float]:
    """The line frequency and its multiples below fs / 2, in Hz; none without a line frequency."""
    return [] if line is None else np.arange(line, fs / 2, line).tolist()


def filtered(data: np.ndarray, filters: "Filter", fs: float) -> np.ndarray:
    """`data` [channels, samples] at `fs` Hz after the filters; itself when there are none. Float32."""
    width = _narrowest(filters)
    if width is None or not data.shape[1]:
        return data
    pad = min(data.shape[1] - 1, round(RINGING * fs / width))
    length = _quick_length(data.shape[1] + 2 * pad)
    remains = gain(np.fft.rfftfreq(length, 1 / fs), filters, fs).astype(np.float32)
    # One channel after the other: the spectra of a day's recording would fill the memory.
    return np.stack([_multiplied(trace, remains, pad, length) for trace in data])


def _lowpass(frequencies: np.ndarray, edge: float, order: int, fs: float) -> np.ndarray:
    # tan grows without bound towards fs / 2, where nothing remains.
    with np.errstate(over="ignore"):
        ratio = np.tan(np.pi * np.minimum(frequencies / fs, 0.5)) / np.tan(np.pi * edge / fs)
        return 1 / (1 + np.abs(ratio) ** (2 * order))


def _notch(frequencies: np.ndarray, centre: float, width: float, fs: float) -> np.ndarray:
    angles, middle = 2 * np.pi * frequencies / fs, 2 * np.pi * centre / fs
    off = np.square(np.cos(angles) - np.cos(middle))
    return off / (off + np.square(np.tan(np.pi * width / fs) * np.sin(angles)))


def _narrowest(filters: "Filter") -> float | None:
    """Hz; the narrower, the longer a filter rings."""
    notch = None if filters.notch is None else filters.notch_width
    return min((width for width in (notch, filters.highpass, filters.lowpass) if width), default=None)


def _multiplied(trace: np.ndarray, remains: np.ndarray, pad: int, length: int) -> np.ndarray:
    """Continued at both ends by its point reflections, as `sosfiltfilt` does, so that no step rings."""
    before = 2 * trace[0] - trace[pad:0:-1]
    after = 2 * trace[-1] - trace[-2 : -pad - 2 : -1]
    spectrum = np.fft.rfft(np.concatenate([before, trace, after]), length)
    return np.fft.irfft(spectrum * remains, length)[pad : pad + len(trace)].astype(np.float32)


def _quick_length(samples: int) -> int:
    """The smallest 2^a 3^b 5^c that holds them: Fourier transforms of other lengths may be far slower."""
    fives = [5**c for c in range(14)]
    odd = [3**b * five for b in range(21) for five in fives if 3**b * five <= 2 * samples]
    return min(each << max(0, (-(-samples // each) - 1).bit_length()) for each in odd)
