"""Simulated recordings with planted faults, as EDF files and as what becomes of them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from signal_diffusion.config.quality import Filter, Quality
from signal_diffusion.config.recipe import Channels, Signal, Simulation, Spectrogram
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.simulated_signals import simulate_recording
from signal_diffusion.recordings.writers import write_edf

SIMULATION = Simulation(seconds=60.0, rate=250.0)


def recipe(**sections) -> SimpleNamespace:
    """The sections that make shards, with defaults but for `sections`, each a dict of keys."""
    made = {"channels": Channels, "signal": Signal, "filter": Filter, "quality": Quality}
    made |= {"spectrogram": Spectrogram}
    given = {"signal": {"nsamps": 1024}, "spectrogram": {"resolution": 64, "window": 256}} | sections
    return SimpleNamespace(**{name: section(**given.get(name, {})) for name, section in made.items()})


def simulated(subject: int = 0) -> Recording:
    """19 scalp channels and an ECG, 60 s at 250 Hz; clean."""
    return simulate_recording(SIMULATION, subject, "rest")


def planted(fault, subject: int = 0) -> Recording:
    """A subject's recording after `fault(data, rng)` has changed its samples [channels, samples] in place."""
    recording = simulated(subject)
    data = recording.data.copy()
    fault(data, np.random.default_rng(subject))
    return replace(recording, data=data)


def write(recording: Recording, path: Path) -> Path:
    write_edf(recording, path)
    return path
