"""Recordings in the exact layout of the real BIDS datasets: their own sidecars, simulated signals."""

import json
import os
import shutil
from pathlib import Path
from zlib import crc32

import edfio
import numpy as np
from scipy.io import savemat
from signal_diffusion.config.datasets import DatasetPaths
from signal_diffusion.recordings import writers
from signal_diffusion.recordings.datasets.bids_tables import read_table
from signal_diffusion.recordings.index import index_dataset
from signal_diffusion.recordings.recording import Recording

from .layouts import brownish

EIGHT = "F3 F4 C3 C4 P3 P4 O1 O2".split()
NAME = "sub-01_task-rest"
RECIPE = """
[recipe]
datasets = ["{name}"]
[channels]
set = "{channels}"
[signal]
nsamps = {nsamps}
[spectrogram]
resolution = 64
window = 128
fmin = 2.0
[splits]
train = 0.6
val = 0.2
test = 0.2
stratify = ["gender"]
[weights]
tasks = ["gender"]
"""


def recipe(name: str, channels: str = "1020-19", nsamps: int = 256) -> str:
    return RECIPE.format(name=name, channels=channels, nsamps=nsamps)


def copy_layout(source: Path, folder: Path) -> Path:
    """The real tables and sidecars, writable."""
    shutil.copytree(source, folder, copy_function=shutil.copyfile)
    for path in [folder, *folder.rglob("*")]:
        os.chmod(path, 0o755 if path.is_dir() else 0o644)
    return folder


def simulated(name: str, channels: int, samples: int) -> np.ndarray:
    """Another signal for each name, float64 [channels, samples]."""
    return brownish(channels, samples, crc32(name.encode())).astype(np.float64)


def channel_names(channels: Path) -> list[str]:
    return [row["name"] for row in read_table(channels)]


def state(description: Path, **keys) -> None:
    """Change keys of a JSON sidecar."""
    said = json.loads(description.read_text(encoding="utf-8"))
    description.write_text(json.dumps(said | keys), encoding="utf-8")


def change_row(table: Path, first: str, **cells: str) -> None:
    """Change cells of the row that begins with `first`."""
    header, *lines = table.read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    changed = [row | cells if next(iter(row.values())) == first else row for row in rows]
    table.write_text(
        "\n".join([header, *("\t".join(row.values()) for row in changed)]) + "\n", encoding="utf-8"
    )


def write_set(path: Path, data: np.ndarray, fs: float, channels: list[str]) -> None:
    """An EEGLAB set and its `.fdt`: microvolts [channels, samples] as float32, sample after sample."""
    data.T.astype("<f4").tofile(path.with_suffix(".fdt"))
    count, samples = data.shape
    places = np.zeros(count, [(name, object) for name in ("labels", "X", "Y", "Z", "type", "ref")])
    places["labels"], places["type"], places["ref"] = channels, "", ""
    for axis in "XYZ":
        places[axis] = [np.zeros((0, 0))] * count
    event = {"type": "boundary", "latency": 0.5, "duration": np.nan}
    fields = dict(setname=path.stem, nbchan=count, trials=1, pnts=samples, srate=fs, xmin=0.0)
    fields |= dict(xmax=(samples - 1) / fs, times=[], icaweights=[], icasphere=[], icawinv=[], ref="common")
    fields |= dict(chanlocs=places, event=event, data=path.with_suffix(".fdt").name)
    savemat(path, {"EEG": fields}, appendmat=False)


def write_edf(
    path: Path, data: np.ndarray, fs: float, channels: list[str], status: np.ndarray, **ranges
) -> None:
    """EDF of microvolts [channels, samples] and a 65th signal `Status`, in records of one second.

    The physical range of a signal is that of its samples, no amplifier's, or the one in `ranges` by its name.
    """
    signals = [
        edfio.EdfSignal(
            trace,
            fs,
            label=name,
            physical_dimension="uV",
            physical_range=ranges.get(name, (np.floor(trace.min()), np.ceil(trace.max()))),
        )
        for name, trace in zip(channels, data, strict=True)
    ]
    signals.append(edfio.EdfSignal(status.astype(float), fs, label="Status", physical_range=(0, 128000)))
    edfio.Edf(signals, data_record_duration=1.0).write(path)


def index(root, name="own", **options):
    return index_dataset(name, root, options=DatasetPaths(kind="bids", **options))


def write(root, name, people="participant_id\tsex\tage\nsub-01\tF\t30\n", seconds=6, **keys):
    """An EDF of eight channels with its `eeg.json` and `channels.tsv`."""
    subject, *rest = name.split("_")
    folder = root / subject / (rest[0] if rest[0].startswith("ses-") else "") / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "participants.tsv").write_text(people)
    path = folder / f"{name}_eeg.edf"
    data = simulated(name, len(EIGHT), 250 * seconds).astype(np.float32)
    writers.write_edf(Recording(data, 250.0, tuple(EIGHT)), path)
    said = {"SamplingFrequency": 250, "RecordingDuration": seconds, "EEGReference": "Cz"} | keys
    path.with_suffix(".json").write_text(json.dumps(said))
    lines = ["name\ttype\tunits", *(f"{channel}\tEEG\tuV" for channel in EIGHT)]
    (folder / f"{name}_channels.tsv").write_text("\n".join(lines) + "\n")
    return path
