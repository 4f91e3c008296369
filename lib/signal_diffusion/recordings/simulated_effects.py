"""How large each label's effect is in the simulated spectra: the table, and the function that measures it.

A trained generator can be held to `EFFECTS`. `true_effects` computes them from the subjects' parameters
without any noise of measurement; `measured_effects` applies the same definition to measures of recordings.
"""

import math
from dataclasses import dataclass

import numpy as np

from signal_diffusion.recordings.simulated_files import ACTIVITIES
from signal_diffusion.recordings.simulated_spectra import (
    BANDS,
    Simulation,
    expected_psd,
    subject_parameters,
)


@dataclass(frozen=True)
class Effect:
    """One documented difference, `high` minus `low`, in a measure of the mean over channels.

    `measure` is a band of `BANDS` (its power in dB, averaged over channels) or "alpha_peak" (Hz, the
    centroid of the alpha band's power). `size` and `subject_sd` (within groups) have the measure's unit;
    `cohens_d = size / subject_sd`. They are what `true_effects` gives for 80 subjects of the default
    recipe; age compares the older half with the younger.
    """

    label: str
    low: str
    high: str
    measure: str
    unit: str
    size: float
    subject_sd: float

    @property
    def cohens_d(self) -> float:
        return self.size / self.subject_sd


# What `true_effects` gives for the 80 subjects of seed 7, in the unit of the measure.
EFFECTS = (
    Effect("activity", "rest", "arithmetic", "alpha", "dB", -2.33, 1.88),
    Effect("gender", "M", "F", "beta", "dB", 2.39, 2.11),
    Effect("health", "H", "PD", "theta", "dB", 2.22, 1.80),
    Effect("age", "younger", "older", "alpha_peak", "Hz", -0.475, 0.423),
    Effect("age", "younger", "older", "gamma", "dB", 1.39, 1.51),
)


def measures(psd: np.ndarray, frequencies: np.ndarray) -> dict[str, float]:
    """Band powers (dB, mean over channels) and alpha peak (Hz) of a density [channels, frequencies].

    The density is in uV^2/Hz; a band's power is the mean of the density over the band's frequencies.
    """
    found = {}
    for band, (low, high) in BANDS.items():
        inside = (frequencies >= low) & (frequencies <= high)
        found[band] = float(np.mean(10.0 * np.log10(psd[:, inside].mean(axis=1))))
    low, high = BANDS["alpha"]
    inside = (frequencies >= low) & (frequencies <= high)
    power = psd[:, inside].mean(axis=0)
    found["alpha_peak"] = float(np.sum(frequencies[inside] * power) / np.sum(power))
    return found


def true_effects(simulation: Simulation, effects: tuple[Effect, ...] = EFFECTS) -> list[Effect]:
    """The effects as a perfect measurement of every simulated subject would find them."""
    frequencies = np.arange(0.5, 60.0, 0.1)
    rows = []
    for index in range(simulation.subjects):
        subject = subject_parameters(simulation, index)
        for activity in ACTIVITIES:
            found = measures(expected_psd(subject, activity, frequencies), frequencies)
            rows.append(subject.labels | {"activity": activity, "subject": index} | found)
    return measured_effects(rows, effects)


def measured_effects(rows: list[dict], effects: tuple[Effect, ...] = EFFECTS) -> list[Effect]:
    """The documented effects, with the sizes and standard deviations found in `rows`.

    A row holds one recording's labels, its subject and its `measures`. Recordings of one subject are
    averaged first (within an activity, where activity is the label), so that the subject is the unit. The
    standard deviation is pooled within the two groups (Cohen, 1988).
    """
    halves = np.median([row["age"] for row in rows])
    rows = [row | {"age": "older" if row["age"] > halves else "younger"} for row in rows]
    return [_measured(effect, rows) for effect in (effects)]


def _measured(effect: Effect, rows: list[dict]) -> Effect:
    groups = [_by_subject(rows, effect, value) for value in (effect.low, effect.high)]
    size = groups[1].mean() - groups[0].mean()
    within = [group.var(ddof=1) * (group.size - 1) for group in groups]
    pooled = math.sqrt(sum(within) / (groups[0].size + groups[1].size - 2))
    return Effect(effect.label, effect.low, effect.high, effect.measure, effect.unit, float(size), pooled)


def _by_subject(rows: list[dict], effect: Effect, value: str) -> np.ndarray:
    subjects: dict[int, list[float]] = {}
    for row in rows:
        if row[effect.label] == value:
            subjects.setdefault(row["subject"], []).append(row[effect.measure])
    return np.array([np.mean(found) for found in subjects.values()])
