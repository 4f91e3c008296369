"""What a `snakemake` has said of itself, in the log that it keeps under .snakemake/log (Snakemake 9)."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LOGS = Path(".snakemake/log")

_TIME = re.compile(r"\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\]$")
_PLANNED = re.compile(r"(\w+) +(\d+)$")
_FINISHED = re.compile(r"Finished jobid: \d+ \(Rule: (\w+)\)$")
_ERROR = re.compile(r"Error in rule (\w+)")
_ERROR_LOG = re.compile(r"\s+log: ([^,]+?)(?:,.*| \(check log.*)$")
_STATUS = re.compile(
    r"Command '.*> (\S+\.log) 2>&1' returned non-zero"
)  # all that is said under --quiet rules
_STATS, _LAST = "Job stats:", "Complete log(s):"


@dataclass
class Build:
    """One run of the workflow. Times are seconds since the epoch.

    planned, finished: rule -> jobs. failed: log of a job -> when it failed last. said: when it last said
    something. ended: whether it has ended by itself, not by a kill.
    """

    started: float
    said: float
    planned: Counter[str] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    failed: dict[str, float] = field(default_factory=dict)
    ended: bool = False


def latest_build(folder: str | Path = LOGS) -> Build | None:
    """The one that began last, of those that planned any job."""
    logs = sorted(Path(folder).glob("*.snakemake.log"), reverse=True)
    return next((build for build in map(read_build, logs) if build.planned), None)


def read_build(path: Path) -> Build:
    build = Build(_started(path), path.stat().st_mtime)
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = (line.rstrip("\n") for line in file)
        now = build.started
        for line in lines:
            if match := _TIME.match(line):
                now = time.mktime(time.strptime(match[1]))
            elif match := _FINISHED.match(line):
                build.finished[match[1]] += 1
            elif match := _STATUS.match(line):
                build.failed[match[1]] = now
            elif _ERROR.match(line):
                build.failed.update({log: now for log in _failed_log(lines)})
            elif line == _STATS and not build.planned:
                build.planned.update(_planned(lines))
            build.ended |= line.startswith(_LAST)
    return build


def _started(path: Path) -> float:
    """Its name is the time at which it began: 2026-11-21T081823.842297.snakemake.log."""
    return time.mktime(time.strptime(path.name.partition(".")[0], "%Y-%m-%dT%H%M%S"))


def _planned(lines: Iterator[str]) -> dict[str, int]:
    """The rows of the table of jobs, between its rule of dashes and its total."""
    rows = {}
    for line in lines:
        match = _PLANNED.match(line)
        if not line or (match and match[1] == "total"):
            break
        if match:
            rows[match[1]] = int(match[2])
    return rows


def _failed_log(lines: Iterator[str]) -> Iterator[str]:
    """The job's own log, which its error names first."""
    for line in lines:
        if match := _ERROR_LOG.match(line):
            yield match[1]
        if not line.strip():
            break
