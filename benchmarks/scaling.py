"""What many recordings cost: planning, a rerun with nothing to do, jobs local and on a cluster, batched and not.

    python benchmarks/scaling.py [--recordings 100 1000 10000] [--simulated 1000] [--seconds 60] [--slurm]

Recordings of one second in one folder are planned: a dry run of their dataset, in batches and with a job each,
beside as many jobs of a rule that has a command and nothing else, which is what Snakemake alone takes here.
Then recordings, simulated before, become a dataset of 32 x 32 images, on 2 cores; then nothing is left to do; and,
with --slurm, the same is built by the cluster whose `sbatch` is on the path, each batch a SLURM job, and eight of them
together as one. Some short ones, batched and with a job each, say what a job costs. CPU time stands beside wall time,
for other work may share the machine.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from workflow import ROOT, TARGET, Cost, measured, project

sys.path.insert(0, str(ROOT / "lib"))
from signal_diffusion.config.settings import Data  # noqa: E402
from signal_diffusion.environment import set_up_jobs  # noqa: E402
from signal_diffusion.equipment import CHANNEL_SETS  # noqa: E402
from signal_diffusion.recordings.recording import Recording  # noqa: E402
from signal_diffusion.recordings.writers import write_edf  # noqa: E402

BATCH = Data.model_fields["recordings_per_job"].default
FEW, SHORT = 32, 12.0  # recordings that a job each is tried with, and their seconds
LOCAL = ("--cores", "2")
SLURM = ("--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "4")
GROUPED = (*SLURM, "--groups", "shards=recordings", "--group-components", "recordings=8")
HERE, CLUSTER = {"here": LOCAL}, {"on SLURM": SLURM, "on SLURM, grouped": GROUPED}
OWN = """
kind = "folder"
files = "{subject}_rest.edf"
table = "people.csv"
id = "id"
columns = { gender = "sex" }
"""
BARE = """
rule all:
    input: expand("{{n}}.txt", n=range({number}))
rule one:
    output: "{{n}}.txt"
    shell: "touch {{output}}"
"""
SIMULATED = """
[recipe]
datasets = ["demo"]
[channels]
set = "1020-8"
[signal]
nsamps = 512
[spectrogram]
resolution = 32
window = 128
[simulation]
subjects = {subjects}
seconds = {seconds}
"""


@dataclass(frozen=True)
class Simulated:
    """Recordings of the recipe `many`, two of each subject."""

    number: int
    seconds: float

    @contextmanager
    def project(self, size: int) -> Iterator[Path]:
        """A copy of the project with that recipe and its recordings."""
        recipe = SIMULATED.format(subjects=self.number // 2, seconds=self.seconds)
        with tempfile.TemporaryDirectory() as folder, project("own", Path(folder), size, OWN) as copy:
            (copy / "config/dataset/many.toml").write_text(recipe)
            cost = measured(copy, "--quiet", "all", *LOCAL, "--until", "simulate", "--", TARGET)
            print(
                f"{self.number} recordings of {self.seconds:g} s: simulated here in {words(cost)}", flush=True
            )
            yield copy


@dataclass(frozen=True)
class Built:
    jobs: int
    cost: Cost


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=int, nargs="*", default=[100, 1000, 10000], help="to plan")
    parser.add_argument(
        "--simulated", type=int, default=1000, help="recordings to build a dataset of; 0: none"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each of them is")
    parser.add_argument("--slurm", action="store_true", help="build it on the cluster too")
    arguments = parser.parse_args()
    set_up_jobs()
    if arguments.slurm and not shutil.which("sbatch"):
        sys.exit("error: --slurm: no sbatch on the path; start a cluster or leave the option out")
    for number in arguments.recordings:
        report_planning(number)
    if arguments.simulated:
        report_building(Simulated(arguments.simulated, arguments.seconds), arguments.slurm)


def report_planning(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_recordings(Path(folder), number)
        for size in (BATCH, 1):
            with project("own", Path(folder), size, OWN) as copy:
                measured(copy, "-n", "--quiet", "all", "--", TARGET)  # the first one also reads the code
                plan = measured(copy, "-n", "--quiet", "rules", "--", TARGET)
            print(f"{number} recordings, {jobs(plan)} jobs: planned in {words(plan)}", flush=True)
        report_bare(jobs(plan), plan)


def report_bare(number: int, plan: Cost) -> None:
    """So many jobs of a Snakefile with one plain rule, beside a plan of this project's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Snakefile").write_text(BARE.format(number=number))
        alone = measured(Path(folder), "-n", "--quiet", "rules")
    ratio = plan.cpu_seconds / alone.cpu_seconds
    print(
        f"  {number} jobs of a bare rule: {words(alone)}; the CPU time is {ratio:.2f} times that", flush=True
    )


def report_building(recordings: Simulated, slurm: bool) -> None:
    """What a dataset of the recordings takes here and on the cluster, and what a job costs on each."""
    ways = HERE | (CLUSTER if slurm else {})
    with recordings.project(BATCH) as copy:
        seconds = {where: built(copy, where, how).cost.seconds for where, how in ways.items()}
    for where in list(ways)[1:]:
        print(
            f"  {where}: {seconds[where] / seconds['here']:.2f} times the local time (target 1.5)", flush=True
        )
    report_overhead(Simulated(min(recordings.number, FEW), SHORT), ways)


def built(copy: Path, label: str, how: Sequence[str]) -> Built:
    """Build the dataset of the recordings, and once more, when nothing is left to do; then take it away again."""
    count = jobs(measured(copy, "-n", "--quiet", "rules", *how, "--", TARGET))
    cost = measured(copy, "--quiet", "all", *how, "--", TARGET)
    print(f"  to a dataset {label}: {count} jobs in {words(cost)}", flush=True)
    again = measured(copy, "--quiet", "all", *how, "--", TARGET)
    print(f"  again, with nothing to do: {words(again)}", flush=True)
    for made in ("results", "config/work/recordings", "config/work/shards"):
        shutil.rmtree(copy / made)
    return Built(count, cost)


def report_overhead(recordings: Simulated, ways: Mapping[str, Sequence[str]]) -> None:
    """What a job costs beyond its work: batched and with a job each, the work is the same."""
    costs = {}
    for size in (BATCH, 1):
        with recordings.project(size) as copy:
            label = "batched" if size > 1 else "a job each"
            costs[size] = {where: built(copy, f"{where}, {label}", how) for where, how in ways.items()}
    for where, single in costs[1].items():
        batched = costs[BATCH][where]
        each = (single.cost.seconds - batched.cost.seconds) / (single.jobs - batched.jobs)
        print(f"  each job more {where}: {each:.2f} s of wall time", flush=True)


def jobs(plan: Cost) -> int:
    """Of a dry run, from its table."""
    line = next((line for line in plan.said.splitlines() if line.startswith("total ")), "total 0")
    return int(line.split()[1])


def words(cost: Cost) -> str:
    return f"{cost.seconds:.1f} s ({cost.cpu_seconds:.1f} s of CPU) and {cost.memory:.2f} GiB"


def write_recordings(folder: Path, number: int) -> None:
    """EDF files of one second, and the table of their subjects."""
    noise = np.random.default_rng(0).normal(0, 10, (19, 100)).astype(np.float32)
    write_edf(Recording(noise, 100.0, tuple(CHANNEL_SETS["1020-19"])), folder / "first.edf")
    names = [f"sub-{index:06}" for index in range(number)]
    for name in names:
        shutil.copy(folder / "first.edf", folder / f"{name}_rest.edf")
    (folder / "first.edf").unlink()
    (folder / "people.csv").write_text("id,sex\n" + "".join(f"{name},F\n" for name in names))


if __name__ == "__main__":
    main()
