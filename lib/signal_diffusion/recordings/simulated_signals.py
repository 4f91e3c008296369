"""Signals of a simulated subject: Gaussian noise with the spectra of `simulated_spectra`, and artefacts."""

import numpy as np

from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.simulated_files import ACTIVITIES
from signal_diffusion.recordings.simulated_spectra import (
    CHANNELS,
    NOISE_DB,
    POSITIONS,
    Simulation,
    alpha_psd,
    background_psd,
    subject_parameters,
)

SPREAD = 0.45  # reach of volume conduction, in radii of the head
ALPHA_SPREAD = 0.9  # alpha is one large posterior source, seen alike by neighbouring electrodes
BURST_SECONDS = 2.5
BURST_DEPTH = 0.5
BLINK_UV, BLINK_SECONDS = 70.0, 0.09
BLINKS_PER_MINUTE = (4.0, 14.0)
LINE_UV = (0.8, 3.0)
HIGHPASS_HZ = 0.3


def simulate_recording(simulation: Simulation, index: int, activity: str) -> Recording:
    """One recording of subject `index`: 19 scalp channels and an ECG, with the reference off the scalp."""
    rng = np.random.default_rng([simulation.seed, 4, index, ACTIVITIES.index(activity)])
    samples = round(simulation.seconds * simulation.rate)
    time = np.arange(samples) / simulation.rate
    scalp = _brain(simulation, index, activity, samples, rng)
    subject_rng = np.random.default_rng([simulation.seed, 5, index])
    scalp += _line(simulation.line_hz, simulation.rate, time, subject_rng, rng)
    scalp += _blinks(time, subject_rng, rng)
    ecg = _heartbeat(time, subject_rng, rng)
    return Recording(np.vstack([scalp, ecg]).astype(np.float32), float(simulation.rate), (*CHANNELS, "ECG"))


def _brain(simulation: Simulation, index: int, activity: str, samples: int, rng) -> np.ndarray:
    subject = subject_parameters(simulation, index)
    frequencies = np.fft.rfftfreq(samples, 1.0 / simulation.rate)
    passed = frequencies / np.hypot(frequencies, HIGHPASS_HZ)
    background = np.sqrt(background_psd(subject, activity, frequencies)) * passed
    signals = _coloured(background, _mixing(SPREAD), simulation.rate, samples, rng)
    alpha = _coloured(
        np.sqrt(alpha_psd(subject, activity, frequencies)),
        _mixing(ALPHA_SPREAD),
        simulation.rate,
        samples,
        rng,
    )
    noise = np.sqrt(10.0 ** (NOISE_DB / 10.0) * simulation.rate / 2.0)
    return (
        signals + alpha * _bursts(samples, simulation.rate, rng) + noise * rng.standard_normal(signals.shape)
    )


def _coloured(amplitude: np.ndarray, mixing: np.ndarray, rate: float, samples: int, rng) -> np.ndarray:
    """Gaussian noise [channels, samples] of density `amplitude ** 2`, correlated as `mixing @ mixing.T`."""
    shape = (mixing.shape[1], amplitude.shape[1])
    spectrum = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    spectrum = amplitude * (mixing @ spectrum) * np.sqrt(rate * samples) / 2.0
    spectrum[:, 0] = 0.0
    return np.fft.irfft(spectrum, samples, axis=1)


def _mixing(spread: float) -> np.ndarray:
    """Sources under each electrode seen at all of them, float64 [channels, sources], rows of unit length."""
    places = np.array([POSITIONS[name] for name in CHANNELS])
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    seen = np.exp(-0.5 * (distance / spread) ** 2)
    return seen / np.linalg.norm(seen, axis=1, keepdims=True)


def _bursts(samples: int, rate: float, rng) -> np.ndarray:
    """Envelope [samples] with a mean square of 1 that waxes and wanes over seconds, log-normal."""
    width = rate * BURST_SECONDS
    frequencies = np.fft.rfftfreq(samples)
    smooth = np.exp(-0.5 * (2.0 * np.pi * frequencies * width / 2.0) ** 2)
    slow = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * smooth, samples)
    envelope = np.exp(BURST_DEPTH * slow / np.sqrt(np.mean(smooth**2)))
    return envelope / np.exp(BURST_DEPTH**2)


def _line(line_hz: float, rate: float, time: np.ndarray, subject_rng, rng) -> np.ndarray:
    pickup = subject_rng.uniform(*LINE_UV) * subject_rng.uniform(0.5, 1.5, len(CHANNELS))
    if line_hz >= rate / 2.0:
        return np.zeros((len(CHANNELS), time.size))
    return pickup[:, None] * np.sin(2.0 * np.pi * (line_hz * time + rng.random()))


def _blinks(time: np.ndarray, subject_rng, rng) -> np.ndarray:
    """Blinks [channels, samples]: upward deflections at the frontal pole that fade towards the back."""
    rate = subject_rng.uniform(*BLINKS_PER_MINUTE) / 60.0
    onsets = rng.uniform(0.0, time[-1], rng.poisson(rate * time[-1]))
    heights = BLINK_UV * rng.uniform(0.7, 1.3, onsets.size)
    course = np.zeros_like(time)
    for onset, height in zip(onsets, heights, strict=True):
        course += height * np.exp(-0.5 * ((time - onset) / BLINK_SECONDS) ** 2)
    front = np.array([POSITIONS[name][1] for name in CHANNELS])
    return np.exp((front - 0.77) / 0.2)[:, None] * course


def _heartbeat(time: np.ndarray, subject_rng, rng) -> np.ndarray:
    interval = 60.0 / subject_rng.uniform(55.0, 85.0)
    beats = np.cumsum(interval * (1.0 + 0.04 * rng.standard_normal(int(time[-1] / interval * 1.5) + 2)))
    nearest = np.abs(time[:, None] - beats[np.clip(np.searchsorted(beats, time)[:, None] - [1, 0], 0, None)])
    return 800.0 * np.exp(-0.5 * (nearest.min(axis=1) / 0.012) ** 2) + 10.0 * rng.standard_normal(time.size)
