"""The data page: what was read for a dataset, what was refused and why, and a picture of every recording."""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from signal_diffusion import files
from signal_diffusion.datasets.recordings import FILE
from signal_diffusion.datasets.storage import read_spec
from signal_diffusion.errors import UserError
from signal_diffusion.progress import Progress
from signal_diffusion.report.html import note, page, picture, table
from signal_diffusion.report.recordings import COLUMNS, ROWS, Card, contact_sheet
from signal_diffusion.report.style import save
from signal_diffusion.signals.verdict import read_pictures

INDEX = "index.html"
SUMS = (
    "dataset",
    "recordings",
    "used",
    "refused",
    "hours used",
    "windows",
    "windows dropped",
    "bad channels",
)
NOTE = "Those with faults come first. What is usual is grey; whatever has a colour is worth a look."
EMBEDDED = 4  # sheets inside the page itself; the others lie beside it
LINE_DB = 20.0  # from here on, the mains are worth a look


def write_data_page(dataset: Path, shards: Path, out: Path) -> None:
    """Write index.html and contact sheets into the folder `out`, recordings with faults first.

    dataset: the dataset's folder. shards: the folder of DATASET/RECORDING.safetensors that it was built from.
    """
    spec = read_spec(dataset)
    rows = sorted(_read(dataset / FILE).to_dict("records"), key=_rank)
    size = COLUMNS * ROWS
    chunks = [rows[first : first + size] for first in range(0, len(rows), size)]
    with (
        files.replaced_folder(out) as folder,
        Progress(len(rows), "drawing recordings", unit="recordings") as progress,
    ):
        sheets = [folder / f"sheet-{number:03d}.png" for number in range(1, len(chunks) + 1)]
        for sheet, chunk in zip(sheets, chunks, strict=True):
            save(contact_sheet([_card(row, shards) for row in chunk]), sheet)
            progress.update(len(chunk))
        files.write_text(folder / INDEX, _page(f"{spec['recipe']}, {spec['representation']}", rows, sheets))


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); build the dataset again") from None


def _rank(row: dict[str, str]) -> tuple[int, str, str]:
    """Refused recordings first, then those with most faults, then the others, by id."""
    faults = len(_items(row["bad_channels"])) + len(row["missing_channels"].split())
    faults += sum(_counts([row["windows_dropped"]]).values()) + _hum(row)
    return -(1_000_000 if row["status"] == "refused" else faults), row["dataset"], row["recording"]


def _hum(row: dict[str, str]) -> bool:
    return bool(row["line_db"]) and float(row["line_db"]) >= LINE_DB


def _remarks(row: dict[str, str]) -> list[str]:
    """What is wrong with a recording, in a few words each."""
    found = [row["reason"]] if row["status"] == "refused" else []
    found += [row["bad_channels"]] if row["bad_channels"] else []
    found += [f"missing {row['missing_channels']}"] if row["missing_channels"] else []
    found += [f"windows dropped: {row['windows_dropped']}"] if row["windows_dropped"] else []
    return found + ([f"mains {float(row['line_db']):.0f} dB over their surroundings"] if _hum(row) else [])


def _card(row: dict[str, str], shards: Path) -> Card:
    remarks = _remarks(row)
    seconds = f"{float(row['duration_s']):.0f} s, " if row["duration_s"] else ""
    path = shards / row["dataset"] / f"{row['recording']}.safetensors"
    arrays, meta = read_pictures(path) if path.is_file() else ({}, {})
    return Card(
        title=f"{row['dataset']} {row['recording']}",
        note="; ".join(remarks) or f"{seconds}{row['windows']} windows",
        alarm=bool(remarks),
        channels=meta.get("channels", ()),
        bad=meta.get("quality", {}).get("bad_channels", {}),
        fs=meta.get("fs", 0.0),
        **arrays,
    )


def _page(title: str, rows: Sequence[dict[str, str]], sheets: Sequence[Path]) -> str:
    refused = [[_name(row), row["file"], row["reason"]] for row in rows if row["status"] == "refused"]
    others = [[_name(row), "; ".join(_remarks(row))] for row in rows if row["status"] != "refused"]
    parts = [
        f"<h1>Recordings of {escape(title)}</h1>",
        table(SUMS, _sums(rows)),
        f"<h2>Refused: {len(refused)}</h2>",
        table(("recording", "file", "reason"), refused),
        "<h2>Used, with remarks</h2>",
        table(("recording", "remarks"), [row for row in others if row[1]]),
        "<h2>Every recording</h2>",
        note(NOTE),
        *(_sheet(path, number < EMBEDDED) for number, path in enumerate(sheets)),
    ]
    return page(f"{title}: recordings", parts)


def _sums(rows: Sequence[dict[str, str]]) -> list[list[Any]]:
    """A row of `SUMS` per dataset."""
    sums = []
    for dataset in sorted({row["dataset"] for row in rows}):
        part = [row for row in rows if row["dataset"] == dataset]
        used = [row for row in part if row["status"] == "used"]
        hours = sum(float(row["used_s"]) for row in used) / 3600
        bad = Counter(item.rsplit(" ", 1)[1] for row in used for item in _items(row["bad_channels"]))
        counts = [
            len(part),
            len(used),
            len(part) - len(used),
            f"{hours:.2f}",
            sum(int(row["windows"]) for row in used),
        ]
        dropped = _counts(row["windows_dropped"] for row in part)
        sums.append([dataset, *counts, _said(dropped), _said(bad)])
    return sums


def _items(cell: str) -> list[str]:
    return cell.split("; ") if cell else []


def _counts(cells: Iterable[str]) -> Counter[str]:
    """Sums of cells such as `2 mostly flat; 1 mostly clipped`."""
    total: Counter[str] = Counter()
    for item in (item for cell in cells for item in _items(cell)):
        count, reason = item.split(" ", 1)
        total[reason] += int(count)
    return total


def _said(counts: Counter[str]) -> str:
    return "; ".join(f"{count} {reason}" for reason, count in counts.most_common()) or "none"


def _name(row: dict[str, str]) -> str:
    return f"{row['dataset']} {row['recording']}"


def _sheet(path: Path, embedded: bool) -> str:
    if not embedded:
        return f'<p><a href="{path.name}">{path.stem}</a></p>'
    return picture(path, path.stem)
