"""What the workflow's jobs are doing, from their logs."""

import time
from collections.abc import Iterator
from pathlib import Path

BENCHMARKS = "benchmarks"


def unfinished(logs: str | Path) -> Iterator[tuple[str, float, str]]:
    """Job, seconds since its log last grew, and the log's last line, of each job that has not succeeded.

    A job's log is `{logs}/RULE/JOB.log`; its benchmark, which Snakemake writes when the job succeeds, is
    `{logs}/benchmarks/RULE/JOB.tsv`.
    """
    logs = Path(logs)
    for log in sorted(logs.rglob("*.log"), key=lambda path: path.stat().st_mtime):
        job = log.relative_to(logs).with_suffix("")
        written, benchmark = log.stat().st_mtime, logs / BENCHMARKS / f"{job}.tsv"
        if not (benchmark.is_file() and benchmark.stat().st_mtime >= written):
            yield str(job), time.time() - written, _last_line(log)


def _last_line(path: Path, tail: int = 4096) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - tail))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
