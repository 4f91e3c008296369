"""What a `snakemake` has said of itself, in the log that it keeps under .snakemake/log (Snakemake 9)."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LOGS = Path(".snakemake/log")

_TIME = re.compile(r"\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\]$")
_PLANNED = re.compile(r"(\w+) +(\d+)$")
_FINISHED = re.compile(r"Finished jobid: \d+ \(Rule: (\w+)\)$")
_FAILED = re.compile(r"\s+log: ([^,]+?)(?:,.*)? \(check log file")  # the job's own log is named first
_STATUS = re.compile(
    r"Command '.*> (\S+\.log) 2>&1' returned non-zero"
)  # all that is said under --quiet rules
_STATS, _LAST = "Job stats:", "Complete log(s):"
_QUOTE, _FENCE = "Logfile ", re.compile(r"=+$")


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
        lines = _unquoted(line.rstrip("\n") for line in file)
        now = build.started
        for line in lines:
            if match := _TIME.match(line):
                now = time.mktime(time.strptime(match[1]))
            elif match := _FINISHED.match(line):
                build.finished[match[1]] += 1
            elif match := _STATUS.match(line) or _FAILED.match(line):
                build.failed[match[1]] = now
            elif line == _STATS and not build.planned:
                build.planned.update(_planned(lines))
            build.ended |= line.startswith(_LAST)
    return build


def _unquoted(lines: Iterable[str]) -> Iterator[str]:
    """Without the logs of failed jobs, which are shown between two lines of `=`: those of a cluster's jobs are
    Snakemake's own, with times, errors and ends that are not this build's."""
    fence = last = ""
    for line in lines:
        if fence:
            fence = "" if line == fence else fence
        elif _FENCE.match(line) and last.startswith(_QUOTE):
            fence = line
        else:
            yield line
        last = line


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
