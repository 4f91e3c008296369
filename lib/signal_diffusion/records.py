"""Which jobs made a result, from the record that Snakemake 9 keeps of every output (.snakemake/metadata)."""

import ast
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

METADATA = Path(".snakemake/metadata")
NAME_MAX = 255


@dataclass
class Job:
    """One job that succeeded. inputs, outputs: paths as rules write them. began, ended: seconds since the epoch.

    params: as Python values, in the order of their text. outputs: those of them that the result needed.
    """

    rule: str
    log: str
    command: str
    inputs: tuple[str, ...]
    params: tuple[Any, ...]
    began: float
    ended: float
    outputs: list[str] = field(default_factory=list)


def history(result: str, metadata: str | Path = METADATA) -> list[Job]:
    """The jobs without which `result` would not be, in the order in which they began.

    Files that no job made, such as raw recordings, are inputs of some job and outputs of none.
    """
    jobs: dict[tuple[str, str], Job] = {}
    waiting, seen = [result.rstrip("/")], set()
    while waiting:
        path = waiting.pop()
        if path in seen or not (record := _record(path, Path(metadata))):
            continue
        seen.add(path)
        job = jobs.setdefault((record["rule"], " ".join(record["log"])), _job(record))
        job.outputs.append(path)
        waiting += job.inputs
    return sorted(jobs.values(), key=lambda job: job.began)


def links(jobs: list[Job]) -> set[tuple[str, str]]:
    """(rule, rule that read what it made) of all of them."""
    maker = {path: job.rule for job in jobs for path in job.outputs}
    return {(maker[path], job.rule) for job in jobs for path in job.inputs if path in maker}


def raw_files(jobs: list[Job]) -> dict[str, list[str]]:
    """Rule -> the files that it read and that no job made."""
    made = {path for job in jobs for path in job.outputs}
    found: dict[str, dict[str, None]] = {}
    for job in jobs:
        found.setdefault(job.rule, {}).update(dict.fromkeys(path for path in job.inputs if path not in made))
    return {rule: list(paths) for rule, paths in found.items() if paths}


def _record(path: str, metadata: Path) -> dict[str, Any] | None:
    """Its file's name is the path in base64, in folders where it is too long for a name."""
    name = urlsafe_b64encode(path.encode()).decode()
    parts = [name[start : start + NAME_MAX - 1] for start in range(0, len(name), NAME_MAX - 1)]
    file = metadata.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _job(record: dict[str, Any]) -> Job:
    return Job(
        rule=record["rule"],
        log=next(iter(record["log"]), ""),
        command=record["shellcmd"] or "",
        inputs=tuple(record["input"]),
        params=tuple(_values(record["params"] or [])),
        began=record["starttime"],
        ended=record["endtime"],
    )


def _values(params: list[str]) -> Iterator[Any]:
    for text in params:
        try:
            yield ast.literal_eval(text)
        except (ValueError, SyntaxError):
            yield text
