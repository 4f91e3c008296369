"""What the jobs of each rule used, beside what the rule asked for."""

import ast
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from signal_diffusion.markdown import number
from signal_diffusion.progress import clock
from signal_diffusion.records import Job
from signal_diffusion.report.html import note, table
from signal_diffusion.report.style import FAINT, INK, MUTED, REAL, new_figure, styled

HEADS = (
    "rule", "jobs", "time, median", "longest", "of at most", "memory, largest", "of at most",
    "cores, mean", "of", "core time in all",
)  # fmt: skip
WHAT = (
    "Measured by Snakemake for every job: wall time, the largest resident memory of a job with its children, and "
    "the cores that it kept busy on average. What a rule asks for is what a cluster sets aside and enforces: bars "
    "that stay short ask for too much, and one that reaches the end leaves no room."
)
SHORT = "Jobs of less than some seconds are measured too rarely for their memory and cores to mean much."


@dataclass(frozen=True)
class Used:
    """One job: seconds of wall and of core time, MB of memory, and what it asked for (none where not recorded)."""

    seconds: float
    core_seconds: float | None
    memory_mb: float | None
    asked_seconds: float | None = None
    asked_mb: float | None = None
    asked_cores: float | None = None


@dataclass(frozen=True)
class RuleUse:
    """The jobs of one rule. Of a quantity there are what was used and what was asked for at most."""

    rule: str
    jobs: Sequence[Used]

    @property
    def median_seconds(self) -> float:
        return median(job.seconds for job in self.jobs)

    @property
    def time(self) -> tuple[float, float | None]:
        return max(job.seconds for job in self.jobs), _most(job.asked_seconds for job in self.jobs)

    @property
    def memory(self) -> tuple[float | None, float | None]:
        return _most(job.memory_mb for job in self.jobs), _most(job.asked_mb for job in self.jobs)

    @property
    def core_seconds(self) -> float | None:
        return sum(job.core_seconds for job in self._timed) if self._timed else None

    @property
    def cores(self) -> tuple[float | None, float | None]:
        seconds = max(sum(job.seconds for job in self._timed), 1e-9)
        busy = None if self.core_seconds is None else self.core_seconds / seconds
        return busy, _most(job.asked_cores for job in self.jobs)

    @property
    def _timed(self) -> list[Used]:
        return [job for job in self.jobs if job.core_seconds is not None]


def rule_uses(jobs: Iterable[Job], logs: Path = Path("logs")) -> list[RuleUse]:
    """Of the rules of these jobs, in their order; a job's benchmark stands where its log does, below benchmarks/."""
    found: dict[str, list[Used]] = {}
    for job in jobs:
        benchmark = logs / "benchmarks" / Path(job.log).relative_to("logs").with_suffix(".tsv")
        if benchmark.is_file():
            found.setdefault(job.rule, []).extend(read_benchmark(benchmark))
    return [RuleUse(rule, used) for rule, used in found.items()]


def read_benchmark(path: Path) -> list[Used]:
    """The lines of a benchmark; what was asked for is in those of `benchmark-extended`."""
    with path.open(newline="", encoding="utf-8") as file:
        return [_used(row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def _used(row: dict[str, str]) -> Used:
    asked = ast.literal_eval(row.get("resources") or "{}")
    minutes = asked.get("runtime")
    return Used(
        seconds=float(row["s"]),
        core_seconds=_number(row["cpu_time"]),
        memory_mb=_number(row["max_rss"]),
        asked_seconds=60.0 * minutes if minutes else None,
        asked_mb=asked.get("mem_mb"),
        asked_cores=_number(row.get("threads") or "-"),
    )


def _number(text: str) -> float | None:
    return None if text in ("-", "NA") else float(text)


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def resources_page(uses: Sequence[RuleUse], figure: str) -> list[str]:
    """The parts of the page; `figure` is HTML."""
    rows = [_row(use) for use in uses]
    return ["<h1>Time, memory and cores</h1>", note(WHAT), figure, table(HEADS, rows), note(SHORT)]


def _row(use: RuleUse) -> list[str]:
    return [
        use.rule,
        str(len(use.jobs)),
        clock(use.median_seconds),
        *map(_clock, use.time),
        *map(_megabytes, use.memory),
        *map(_cores, use.cores),
        _clock(use.core_seconds),
    ]


def _clock(seconds: float | None) -> str:
    return "not recorded" if seconds is None else clock(seconds)


def _megabytes(value: float | None) -> str:
    return "not recorded" if value is None else f"{value:.0f} MB"


def _cores(value: float | None) -> str:
    return "not recorded" if value is None else number(float(value), 2)


PANELS = (
    ("Longest job", "time", _clock),
    ("Largest memory", "memory", _megabytes),
    ("Cores, mean", "cores", _cores),
)


@styled
def resources_figure(uses: Sequence[RuleUse]) -> Figure:
    """Per rule and quantity a bar as long as the share used of what was asked for; red where it was more."""
    figure = new_figure(11, 0.9 + 0.34 * len(uses))
    for place, (axes, (title, quantity, words)) in enumerate(
        zip(figure.subplots(1, len(PANELS), sharey=True), PANELS, strict=True)
    ):
        axes.set_title(f"{title}, used of asked for")
        for row, use in enumerate(uses):
            _bar(axes, row, getattr(use, quantity), words)
        axes.set_yticks(range(len(uses)), [use.rule for use in uses])
        axes.set_ylim(len(uses) - 0.5, -0.5)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0", "half", "all"])
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
        axes.tick_params(left=False, labelleft=place == 0)
        axes.spines["left"].set_visible(False)
    return figure


def _bar(axes, row: int, amounts: tuple[float | None, float | None], words) -> None:
    used, asked = amounts
    axes.barh(row, 1, height=0.62, color=FAINT)
    share = 0.0 if used is None or not asked else used / asked
    axes.barh(row, min(share, 1), height=0.62, color="#c92a2a" if share > 1 else REAL)
    text = f"{words(used)} of {words(asked)}" if asked else words(used)
    inside = share > 0.55
    axes.text(
        min(share, 1) - 0.015 if inside else share + 0.015,
        row,
        text,
        va="center",
        ha="right" if inside else "left",
        color="white" if inside else (INK if asked else MUTED),
        fontsize=7.5,
    )
