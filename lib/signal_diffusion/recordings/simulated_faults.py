"""Faults as recordings have them, to be planted in simulated ones: what the detectors are held to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from signal_diffusion.recordings.recording import Recording

Spoil = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Fault:
    """`spoil(trace, rate, rng)` is what it makes of a trace [samples] in uV; `reason` what to call it."""

    reason: str
    says: str
    spoil: Spoil


def plant(recording: Recording, fault: Fault, channels: Sequence[str] = (), seed: int = 0) -> Recording:
    """The recording with the fault in these channels, or in all of them when none is named."""
    rng = np.random.default_rng(seed)
    data = recording.data.copy()
    for row, name in enumerate(recording.channels):
        if name in channels or not channels:
            data[row] = fault.spoil(data[row], recording.fs, rng)
    return replace(recording, data=data)


def _part(trace: np.ndarray, spoiled: np.ndarray, first: float, last: float) -> np.ndarray:
    """`spoiled` between two fractions of the recording, `trace` elsewhere."""
    place = np.arange(len(trace)) / len(trace)
    return np.where((place >= first) & (place < last), spoiled, trace)


def _clipped(trace: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    return np.clip(trace, *np.quantile(trace, (0.06, 0.94)))


def _unplugged(trace: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Noise with the same spectrum."""
    spectrum = np.abs(np.fft.rfft(trace))
    return np.fft.irfft(spectrum * np.exp(2j * np.pi * rng.random(len(spectrum))), len(trace))


def _white(trace: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    return trace + 5 * trace.std() * rng.standard_normal(len(trace))


def _hum(trace: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(len(trace)) / rate
    return trace + 4 * trace.std() * np.sin(2 * np.pi * (50 * time + rng.random()))


CHANNEL_FAULTS = {
    "flat": Fault("flat", "one value throughout", lambda trace, *_: np.full_like(trace, 3)),
    "half flat": Fault("flat", "flat from the middle on", lambda trace, *_: _part(trace, trace * 0, 0.5, 1)),
    "clipped": Fault("clipped", "its highest and lowest 6 % cut off", _clipped),
    "weak": Fault("outlying", "a twentieth of its amplitude", lambda trace, *_: trace / 20),
    "loud": Fault("outlying", "twelve times its amplitude", lambda trace, *_: trace * 12),
    "white noise": Fault("noisy", "white noise of five times its amplitude added", _white),
    "hum": Fault("noisy", "50 Hz of four times its amplitude added", _hum),
    "unplugged": Fault("disconnected", "noise of the same spectrum instead", _unplugged),
}
WINDOW_FAULTS = {
    "pause": Fault(
        "flat", "nothing for a third of the time", lambda trace, *_: _part(trace, trace * 0, 0.3, 0.64)
    ),
    "movement": Fault(
        "outlying", "fifteen times the amplitude for a quarter of the time",
        lambda trace, *_: _part(trace, trace * 15, 0.3, 0.55),
    ),
}  # fmt: skip
