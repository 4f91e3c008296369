"""Ground truth of the simulated subjects: who they are and what their spectra are.

A subject is a function of `(seed, index)` alone, so adding subjects changes nobody. Subjects come in blocks
of eight, one for each combination of gender, health and handedness. Within a block the ages are alike, and
the variability of each parameter between subjects is orthogonal to the three labels (a blocked factorial
design, Fisher 1935). Over any whole number of blocks the labels are therefore balanced and independent,
group means differ by exactly what the labels do below, and handedness by exactly nothing.

The model of a spectrum is a 1/f background with a knee plus an alpha peak (Donoghue et al., 2020,
"Parameterizing neural power spectra"), both per channel, plus white sensor noise. `expected_psd` is that
model and the signals are drawn from it (`simulated_signals`); `simulated_effects` computes from it what a
perfect measurement would find.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

CHANNELS = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2".split()
BLOCK = 8
AGES = (20, 80)

# Each position is (right, front) in units of the head's radius, azimuthal projection of the 10-20 system.
POSITIONS = {
    "Fp1": (-0.25, 0.77), "Fp2": (0.25, 0.77), "F7": (-0.65, 0.47), "F3": (-0.33, 0.42), "Fz": (0.0, 0.40),
    "F4": (0.33, 0.42), "F8": (0.65, 0.47), "T7": (-0.80, 0.0), "C3": (-0.40, 0.0), "Cz": (0.0, 0.0),
    "C4": (0.40, 0.0), "T8": (0.80, 0.0), "P7": (-0.65, -0.47), "P3": (-0.33, -0.42), "Pz": (0.0, -0.40),
    "P4": (0.33, -0.42), "P8": (0.65, -0.47), "O1": (-0.25, -0.77), "O2": (0.25, -0.77),
}  # fmt: skip

PIVOT_HZ = 10.0  # the slope turns around this frequency
KNEE_HZ = 1.0
LEVEL_DB = 3.0  # background at the pivot, dB re 1 uV^2/Hz
ALPHA_DB = 15.0  # alpha peak over the background level at O1 and O2, dB
ALPHA_WIDTH_HZ = 0.6
NOISE_DB = -25.0  # white sensor noise, dB re 1 uV^2/Hz
EXPONENT = 1.3
ALPHA_HZ = 10.2  # at the age of 50

# What a label does to a subject's parameters: size per unit of the label.
EXPONENT_PER_YEAR = -0.0085
EXPONENT_PD = 0.12
ALPHA_HZ_PER_YEAR = -0.035
ALPHA_DB_ARITHMETIC = -5.0
THETA_DB_PD = 1.9
BETA_DB_FEMALE = 2.4
FRONTAL_DB_ARITHMETIC = {"theta": 0.8, "beta": 0.5}

# Standard deviations between subjects that no label explains.
SUBJECT_SD = {
    "gain_db": 1.0, "exponent": 0.14, "alpha_hz": 0.7, "alpha_db": 2.4, "theta_db": 1.2, "beta_db": 1.4,
}  # fmt: skip
CHANNEL_GAIN_SD_DB = 0.8

BANDS = {"theta": (4.0, 7.0), "alpha": (7.0, 13.0), "beta": (15.0, 25.0), "gamma": (30.0, 45.0)}


class Simulation(Protocol):
    """The keys of a recipe's `[simulation]` that this module reads."""

    subjects: int
    seconds: float
    rate: float
    seed: int
    line_hz: float


@dataclass(frozen=True)
class Subject:
    """Labels and spectral parameters of one simulated subject. Gains are in dB, `alpha_hz` in Hz."""

    labels: dict
    exponent: float
    gain_db: float
    alpha_hz: float
    alpha_db: float
    theta_db: float
    beta_db: float
    channel_gain_db: np.ndarray


def subject_labels(simulation: Simulation, index: int) -> dict:
    """Gender, health, age (years) and handedness of subject `index`, a function of seed and index alone."""
    block, place = divmod(index, BLOCK)
    cell = int(_cells(simulation.seed)[(place + block) % BLOCK])
    return {
        "gender": "FM"[cell & 1],
        "health": ("H", "PD")[cell >> 1 & 1],
        "age": _age(simulation.seed, block, cell),
        "handedness": ("left", "right")[cell >> 2 & 1],
    }


def subject_parameters(simulation: Simulation, index: int) -> Subject:
    """Spectral parameters of subject `index`: what the labels do, plus what varies between subjects."""
    labels = subject_labels(simulation, index)
    deviations = _deviations(simulation.seed, index)
    years = labels["age"] - np.mean(AGES)
    diseased, female = labels["health"] == "PD", labels["gender"] == "F"
    channel_rng = np.random.default_rng([simulation.seed, 3, index])
    return Subject(
        labels=labels,
        exponent=EXPONENT + EXPONENT_PER_YEAR * years + EXPONENT_PD * diseased + deviations["exponent"],
        gain_db=deviations["gain_db"],
        alpha_hz=ALPHA_HZ + ALPHA_HZ_PER_YEAR * years + deviations["alpha_hz"],
        alpha_db=deviations["alpha_db"],
        theta_db=THETA_DB_PD * diseased + deviations["theta_db"],
        beta_db=BETA_DB_FEMALE * female + deviations["beta_db"],
        channel_gain_db=CHANNEL_GAIN_SD_DB * channel_rng.standard_normal(len(CHANNELS)),
    )


def background_psd(subject: Subject, activity: str, frequencies: np.ndarray) -> np.ndarray:
    """1/f background with its theta and beta gains, float64 [channels, frequencies], uV^2/Hz."""
    working = activity == "arithmetic"
    slope_db = -5.0 * subject.exponent * np.log10((frequencies**2 + KNEE_HZ**2) / (PIVOT_HZ**2 + KNEE_HZ**2))
    shape_db = LEVEL_DB + slope_db + subject.theta_db * _bump(frequencies, *BANDS["theta"])
    shape_db = shape_db + subject.beta_db * _bump(frequencies, *BANDS["beta"])
    task_db = sum(
        working * size * _bump(frequencies, *BANDS[band]) for band, size in FRONTAL_DB_ARITHMETIC.items()
    )
    gain_db = (subject.gain_db + subject.channel_gain_db)[:, None]
    return _power(shape_db + gain_db + frontal_weights()[:, None] * task_db)


def alpha_psd(subject: Subject, activity: str, frequencies: np.ndarray) -> np.ndarray:
    """Alpha peak, float64 [channels, frequencies], uV^2/Hz: a Gaussian in frequency, largest at O1 and O2."""
    peak_db = LEVEL_DB + ALPHA_DB + subject.alpha_db + ALPHA_DB_ARITHMETIC * (activity == "arithmetic")
    gain_db = subject.gain_db + subject.channel_gain_db + 20.0 * np.log10(posterior_weights())
    shape = np.exp(-0.5 * ((frequencies - subject.alpha_hz) / ALPHA_WIDTH_HZ) ** 2)
    return _power(peak_db + gain_db)[:, None] * shape


def expected_psd(subject: Subject, activity: str, frequencies: np.ndarray) -> np.ndarray:
    """Power spectral density that the signals are drawn from, float64 [channels, frequencies], uV^2/Hz.

    Line noise and blinks are left out: they carry no label.
    """
    spectrum = background_psd(subject, activity, frequencies) + alpha_psd(subject, activity, frequencies)
    return spectrum + _power(NOISE_DB)


def posterior_weights() -> np.ndarray:
    """Amplitude of alpha relative to O1 and O2, float64 [channels]."""
    front = np.array([POSITIONS[name][1] for name in CHANNELS])
    fall = 1.0 / (1.0 + np.exp(4.0 * (front + 0.35)))
    return 0.25 + 0.75 * fall / fall.max()


def frontal_weights() -> np.ndarray:
    """Share of the task's frontal gains, 1 at the frontal pole and 0 at the back, float64 [channels]."""
    front = np.array([POSITIONS[name][1] for name in CHANNELS])
    return np.clip(front / 0.4, 0.0, 1.0)


def _cells(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 0]).permutation(BLOCK)


def _age(seed: int, block: int, cell: int) -> int:
    # A golden-ratio sequence fills the range evenly however many blocks there are.
    start = np.random.default_rng([seed, 1]).random()
    jitter = np.random.default_rng([seed, 1, block, cell]).uniform(-0.05, 0.05)
    place = math.modf(start + block * (math.sqrt(5.0) - 1.0) / 2.0)[0]
    youngest, oldest = AGES
    return youngest + round((oldest - youngest) * min(max(place + jitter, 0.0), 1.0))


def _deviations(seed: int, index: int) -> dict[str, float]:
    """What varies between subjects, orthogonal to the three labels within the subject's block."""
    block, place = divmod(index, BLOCK)
    cell = int(_cells(seed)[(place + block) % BLOCK])
    noise = np.random.default_rng([seed, 2, block]).standard_normal((len(SUBJECT_SD), BLOCK))
    signs = np.array(
        [[1.0] * BLOCK] + [[1.0 - 2.0 * (c >> bit & 1) for c in range(BLOCK)] for bit in range(3)]
    )
    noise -= noise @ signs.T @ signs / BLOCK
    noise *= math.sqrt(BLOCK / (BLOCK - len(signs)))
    return {name: float(sd * noise[row, cell]) for row, (name, sd) in enumerate(SUBJECT_SD.items())}


def _bump(frequencies: np.ndarray, low: float, high: float) -> np.ndarray:
    """1 inside the band, falling to 0 within a fifth of an octave outside it (raised cosine in octaves)."""
    octaves = np.log2(np.maximum(frequencies, 1e-3))
    outside = np.maximum(math.log2(low) - octaves, octaves - math.log2(high))
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(outside / 0.2, 0.0, 1.0))


def _power(decibels):
    return 10.0 ** (decibels / 10.0)
