"""The state of a build as text that people read."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from signal_diffusion.progress import clock
from signal_diffusion.status.builds import LOGS as BUILDS
from signal_diffusion.status.builds import Build, latest_build
from signal_diffusion.status.jobs import LOGS, Job, age, seconds_each, unfinished
from signal_diffusion.status.queue import Queued, queued

SILENT_FOR = 600.0  # after so long without a word, a build may have been killed


def view(folder: str | Path = ".", width: int = 160) -> str:
    """Progress by stage, running and failed jobs, and the cluster's queue, of the workflow in `folder`."""
    folder = Path(folder)
    build, logs = latest_build(folder / BUILDS), folder / LOGS
    jobs = list(unfinished(logs, build.started - 1 if build else 0.0))
    failed = [job for job in jobs if build and (build.ended or has_failed(job, build))]
    running = [job for job in jobs if job not in failed]
    lines = [*stages(build, running, logs), *_jobs("Running", running), *_jobs("Failed", failed)]
    return "\n".join(line[:width] for line in [*lines, *_queue(queued(folder))])


def failures(folder: str | Path = ".") -> Iterator[str]:
    """A line for each job that the latest build, which is over, gave up: what its script said last, and where."""
    build, logs = latest_build(Path(folder) / BUILDS), Path(folder) / LOGS
    for job in unfinished(logs, build.started - 1) if build else ():
        if f"{LOGS}/{job.name}.log" in build.failed:
            yield f"{job.name}: {job.line.removeprefix('error: ')} ({LOGS}/{job.name}.log)"


def has_failed(job: Job, build: Build) -> bool:
    """Whether the build has given it up, and its log has not grown since."""
    return build.failed.get(f"{LOGS}/{job.name}.log", 0.0) >= int(job.written)


def stages(build: Build | None, running: Sequence[Job], logs: Path = LOGS) -> Iterator[str]:
    """A line for the whole build, and one for each rule that it runs."""
    if build is None:
        yield "No build yet: start one with `snakemake TARGET`."
        return
    planned = {rule: count for rule, count in build.planned.items() if rule != "all"}
    seconds = {rule: seconds_each(rule, logs) for rule in planned}
    busy = Counter(job.rule for job in running)
    yield _headline(build, planned, seconds, len(running))
    wide = max(map(len, planned), default=0)
    for rule, count in planned.items():
        yield f"  {rule:<{wide}}  {_stage(build.finished[rule], count, busy[rule], seconds[rule])}"


def _headline(build: Build, planned: dict[str, int], seconds: dict[str, float | None], running: int) -> str:
    done, total = sum(build.finished[rule] for rule in planned), sum(planned.values())
    begun = time.strftime("%d %b %H:%M:%S", time.localtime(build.started))
    said = f"Build of {begun}: {done} of {total} jobs done"
    quiet = time.time() - build.said
    if build.ended or done == total:
        return f"{said}, ended {clock(quiet)} ago after {clock(build.said - build.started)}"
    left, unknown = _left(build, planned, seconds, max(running, 1))
    said += f" after {clock(time.time() - build.started)}"
    said += f", about {clock(left)} left" if left else ""
    said += f", beside what has never run here: {', '.join(unknown)}" if unknown else ""
    return f"{said}; not a word for {clock(quiet)}" if quiet > SILENT_FOR and not running else said


def _left(
    build: Build, planned: dict[str, int], seconds: dict[str, float | None], running: int
) -> tuple[float, list[str]]:
    """Seconds that the other jobs take, `running` at a time, and the rules of which that is not known."""
    rest = {rule: count - build.finished[rule] for rule, count in planned.items()}
    unknown = [rule for rule, count in rest.items() if count > 0 and seconds[rule] is None]
    return sum(max(count, 0) * (seconds[rule] or 0.0) for rule, count in rest.items()) / running, unknown


def _stage(done: int, count: int, running: int, seconds: float | None) -> str:
    words = [f"{done:>5} of {count:<5}", f"{running:>3} running" if running else " " * 11]
    if seconds is not None:
        words.append(f"{seconds:8.1f} s each")
    if seconds is not None and running and done < count:
        words.append(f"about {clock((count - done) * seconds / running)} left")
    return "  ".join(words).rstrip()


def _jobs(title: str, jobs: Sequence[Job]) -> Iterator[str]:
    if jobs:
        yield f"{title}:"
        wide = max(len(job.name) for job in jobs)
        for job in jobs:
            yield f"  {job.name:<{wide}}  {age(job):4.0f} s ago  {job.line}"


def _queue(jobs: Sequence[Queued]) -> Iterator[str]:
    if jobs:
        states = Counter(job.state.lower() for job in jobs)
        yield f"SLURM: {', '.join(f'{count} {state}' for state, count in states.items())}"
        for job in jobs:
            yield f"  {job.id}  {job.what}  {job.state} {job.used} of {job.limit}  {job.partition}  {job.where}"
