"""The simulated dataset: known from the recipe's `[simulation]` alone, whether or not its files exist yet.

Labels: gender, health, age and activity shape the spectra; handedness does not (`simulated_spectra`).
"""

from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.simulated_files import ACTIVITIES, file_name, subject_id
from signal_diffusion.recordings.simulated_spectra import Simulation, subject_labels


def list_recordings(root: str | Path, simulation: Simulation | None = None) -> list[Entry]:
    """Two recordings per simulated subject, by file name, in the folder `root`."""
    if simulation is None:
        raise UserError("dataset demo is simulated: give the recipe a [simulation] section")
    return [_entry(Path(root), simulation, i, a) for i in range(simulation.subjects) for a in ACTIVITIES]


def _entry(root: Path, simulation: Simulation, index: int, activity: str) -> Entry:
    labels = subject_labels(simulation, index) | {"activity": activity}
    order = ("gender", "health", "age", "activity", "handedness")
    return Entry(
        dataset="demo",
        subject=subject_id(index),
        session="",
        recording=f"{subject_id(index)}_{activity}",
        path=root / file_name(index, activity),
        labels={name: labels[name] for name in order},
    )
