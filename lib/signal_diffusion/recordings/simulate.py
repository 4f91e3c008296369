"""Simulated subjects as real files, half of them EDF with the old electrode names, half Neuroscan CNT.

Everything after this module reads them like any other recording. What their spectra are made of, and how
large each label's effect is, stands in `simulated_effects` (`EFFECTS`, `true_effects`).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from signal_diffusion.progress import Progress
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.simulated_files import ACTIVITIES, file_name
from signal_diffusion.recordings.simulated_signals import simulate_recording
from signal_diffusion.recordings.simulated_spectra import Simulation
from signal_diffusion.recordings.writers import write_cnt, write_edf

OLD_NAMES = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}


def simulate_subjects(simulation: Simulation, indices: Sequence[int], out_dir: str | Path) -> None:
    """Write the recordings of several subjects into `out_dir`."""
    with Progress(len(indices), "simulation", unit="subjects") as progress:
        for index in indices:
            simulate_subject(simulation, index, out_dir)
            progress.update()


def simulate_subject(simulation: Simulation, index: int, out_dir: str | Path) -> list[Path]:
    """Write the rest and the arithmetic recording of subject `index` into `out_dir`; returns their paths."""
    paths = []
    for activity in ACTIVITIES:
        path = Path(out_dir) / file_name(index, activity)
        recording = simulate_recording(simulation, index, activity)
        if path.suffix == ".cnt":
            write_cnt(_renamed(recording, str.upper), path)
        else:
            write_edf(_renamed(recording, _old_name), path)
        paths.append(path)
    return paths


def _renamed(recording: Recording, rename) -> Recording:
    return replace(recording, channels=tuple(rename(name) for name in recording.channels))


def _old_name(name: str) -> str:
    return "ECG ECG" if name == "ECG" else f"EEG {OLD_NAMES.get(name, name)}"
