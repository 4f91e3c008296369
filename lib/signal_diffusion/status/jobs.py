"""What the workflow's jobs are doing and how long such jobs took, from their logs and benchmarks."""

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

LOGS, BENCHMARKS = Path("logs"), "benchmarks"
CLUSTER = "slurm"  # where the profile puts what SLURM itself says of a job
RECENT = 30


@dataclass(frozen=True)
class Job:
    """A job that has not succeeded: its name is RULE/WHAT, its log `{logs}/RULE/WHAT.log`.

    written: when its log last grew, in seconds since the epoch. line: the last one of its log.
    """

    name: str
    log: Path
    written: float
    line: str

    @property
    def rule(self) -> str:
        return self.name.partition("/")[0]


def unfinished(logs: str | Path = LOGS, since: float = 0.0) -> Iterator[Job]:
    """Jobs whose logs have grown after `since` and that have not succeeded, the latest last.

    Snakemake writes the benchmark of a job, `{logs}/benchmarks/RULE/WHAT.tsv`, when it succeeds.
    """
    logs = Path(logs)
    times = ((path.stat().st_mtime, path) for path in _job_logs(logs))
    for written, log in sorted(pair for pair in times if pair[0] >= since):
        name = log.relative_to(logs).with_suffix("")
        benchmark = logs / BENCHMARKS / f"{name}.tsv"
        if not (benchmark.is_file() and benchmark.stat().st_mtime >= written):
            yield Job(name.as_posix(), log, written, _last_line(log))


def seconds_each(rule: str, logs: str | Path = LOGS) -> float | None:
    """Mean duration of the rule's latest jobs; nothing where none has succeeded yet."""
    found = sorted(Path(logs, BENCHMARKS, rule).rglob("*.tsv"), key=_modified)
    seconds = [each for path in found[-RECENT:] for each in _seconds(path)]
    return fmean(seconds) if seconds else None


def age(job: Job) -> float:
    """Seconds since its log last grew."""
    return max(time.time() - job.written, 0.0)


def _job_logs(logs: Path) -> Iterator[Path]:
    for folder in (path for path in logs.iterdir() if path.is_dir()) if logs.is_dir() else ():
        if folder.name not in (BENCHMARKS, CLUSTER):
            yield from folder.rglob("*.log")


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def _seconds(path: Path) -> Iterator[float]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield float(row["s"])


def _last_line(path: Path, tail: int = 4096) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - tail))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
