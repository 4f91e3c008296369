"""`recordings.csv` of a dataset: a row per recording of its indexes, with what became of it and why."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.datasets.sources import Source, read_meta
from signal_diffusion.datasets.storage import IDS
from signal_diffusion.signals.verdict import MISSING

FILE = "recordings.csv"
COLUMNS = (
    *IDS, "file", "split", "status", "reason", "duration_s", "used_s", "windows", "windows_dropped",
    "bad_channels", "missing_channels", "interpolated", "bad_seconds", "line_db",
)  # fmt: skip


def recordings_table(
    rows: pd.DataFrame,
    sources: Sequence[Source],
    refused: Sequence[dict[str, str]],
    shards: Sequence[Path],
    window_s: float,
    fs: float,
) -> pd.DataFrame:
    """One row per row of the indexes, in their order, with the columns `COLUMNS`.

    sources: recordings whose shards hold windows, after the scan. refused: rows of `refused.csv`. shards: all
    of them. window_s: length of a window; fs: rate of the windows' starts, Hz. Counts are written `2 flat; 1
    clipped`, channels `T7 flat; O1 clipped`; bad_seconds are those of good channels.
    """
    by_name = {source.name: source for source in sources}
    paths = {(path.parent.name, path.stem): path for path in map(Path, shards)}
    reasons: dict[str, list[dict[str, str]]] = {}
    for each in refused:
        reasons.setdefault(f"{each['dataset']}/{each['recording']}", []).append(each)
    table = []
    for row in rows.to_dict("records"):
        key = row["dataset"], row["recording"]
        source = by_name.get("/".join(key))
        meta = source.meta if source else read_meta(paths[key]) if key in paths else {}
        outcome = _outcome(source, reasons.get("/".join(key), []), window_s, fs)
        ids = {name: row[name] for name in (*IDS, "file")}
        table.append(ids | {"duration_s": row["duration"]} | outcome | _quality(meta))
    return pd.DataFrame(table, columns=list(COLUMNS))


def _outcome(
    source: Source | None, refused: Sequence[dict[str, str]], window_s: float, fs: float
) -> dict[str, Any]:
    if source is None:
        return {"status": "refused", "reason": refused[0]["reason"], "used_s": 0.0, "windows": 0}
    counts: Counter[str] = Counter()
    for each in refused:
        counts[each["reason"]] += (
            source.shape[0] if each["windows"] == "all" else len(each["windows"].split())
        )
    dropped = _listed(counts)
    used = len(source.kept) > 0
    return {
        "split": source.split if used else "",
        "status": "used" if used else "refused",
        "reason": "" if used else f"no window is left ({dropped})",
        "used_s": round(covered(source.starts / fs, window_s), 3),
        "windows": len(source.kept),
        "windows_dropped": dropped,
    }


def covered(starts: np.ndarray, length: float) -> float:
    """How much windows of `length` that begin at the ascending `starts` cover, overlaps counted once."""
    return float(np.minimum(np.diff(starts), length).sum() + length) if len(starts) else 0.0


def _quality(meta: dict[str, Any]) -> dict[str, Any]:
    quality = meta.get("quality") or {}
    reasons = quality.get("bad_channels", {})
    bad = [(name, reasons[name]) for name in meta.get("channels", ()) if name in reasons]
    line = quality.get("line_db")
    return {
        "bad_channels": "; ".join(f"{name} {reason}" for name, reason in bad if reason != MISSING),
        "missing_channels": " ".join(name for name, reason in bad if reason == MISSING),
        "interpolated": " ".join(quality.get("interpolated", [])),
        "bad_seconds": _listed(quality.get("bad_seconds", {})),
        "line_db": "" if line is None else line,
    }


def _listed(counts: dict[str, int]) -> str:
    return "; ".join(f"{count} {reason}" for reason, count in counts.items())
