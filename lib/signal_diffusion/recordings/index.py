"""The index of a dataset: one row per recording, from file names, subject tables and file headers."""

import csv
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.files import atomic_path
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.simulated_spectra import Simulation

COLUMNS = (
    "dataset", "subject", "session", "recording", "file", "format", "rate", "duration", "channels",
    "status", "reason", "gender", "health", "age",
)  # fmt: skip


def index_dataset(name: str, root: str | Path, simulation: Simulation | None = None) -> list[dict]:
    """Rows with the keys of `COLUMNS`, then the dataset's own labels; `rate` in Hz, `duration` in seconds.

    A recording whose header cannot be read has status "refused" and its reason, and the others go on. Of a
    header nothing is kept but rate, duration and channels. Raises UserError when the dataset itself is
    absent.
    """
    return [_row(entry, Path(root)) for entry in datasets.get(name).list_recordings(root, simulation)]


def write_index(rows: list[dict], path: str | Path) -> None:
    """CSV with a header line; the same rows give the same bytes."""
    own = dict.fromkeys(key for row in rows for key in row if key not in COLUMNS)
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*COLUMNS, *own], restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def _row(entry: Entry, root: Path) -> dict:
    named = {
        "dataset": entry.dataset,
        "subject": entry.subject,
        "session": entry.session,
        "recording": entry.recording,
        "file": entry.path.relative_to(root).as_posix(),
        "format": entry.path.suffix.lower().lstrip("."),
    }
    labels = {"gender": "", "health": "", "age": ""} | entry.labels
    return named | _header(entry.path, root) | labels


def _header(path: Path, root: Path) -> dict:
    try:
        header = formats.read_header(path)
    except UserError as error:
        reason = str(error).replace(str(path), path.relative_to(root).as_posix())
        return {"rate": "", "duration": "", "channels": "", "status": "refused", "reason": reason}
    found = {"rate": f"{header.fs:g}", "duration": f"{header.duration:.6g}", "channels": len(header.channels)}
    return found | {"status": "ok", "reason": ""}
