"""Kill the workflow, a job or both at random moments, again and again: does every build end the same?

    python benchmarks/survival.py [--builds 40] [--kills 200] [--minutes 600] [--first 1] [--log FILE] [--folder FOLDER]

Each build takes the tests' tiny demo from nothing to its published run. It is killed (kill -9) at moments drawn
from a seed, its number: once inside a checkpoint write, once while a folder is made, else at any time; after each
kill plain `snakemake` is started again, and nothing else is done. At the end weights, arrays, tables and metrics
are compared with those of a build that nothing disturbed. Ends when both numbers are reached, or the minutes are
over. The log holds a line per kill and build, and further runs (--first NUMBER) can add to it; with --folder they
compare with the undisturbed build of the first one.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "tests" / "workflow")]
from signal_diffusion.files import read_json, sha256, write_json  # noqa: E402
from tiny import copy_tiny  # noqa: E402

MOMENTS = {
    "in a checkpoint write": "work/diffusion/demo/checkpoints/*/step-*.staging",
    "while a folder is made": "results/*/.*.partial",
}
COMPARED = {".npy", ".csv", ".json", ".safetensors", ".edf", ".cnt"}
LEFTOVERS = ("work/**/*.staging", "work/**/.*.partial*", "results/**/.*.partial*", ".snakemake/locks/*")


@dataclass
class Build:
    """One build of the tiny demo in `folder`, and how it is killed."""

    folder: Path
    number: int
    expected: float = 0.0
    kills: int = 0
    done: list[str] = field(default_factory=list)
    said: str = ""

    def __post_init__(self) -> None:
        self.random = random.Random(self.number)
        self.armed = dict(MOMENTS) if self.kills else {}

    def run(self) -> bool:
        """Start the workflow until it ends by itself; whether it then succeeded."""
        copy_tiny(self.folder)
        while True:
            killed, code = self._attempt()
            if not killed:
                return code == 0

    def hashes(self) -> dict[str, str]:
        """Name -> SHA-256 of weights, datasets, metrics and all that they are made from."""
        found = (path for top in ("work", "results") for path in (self.folder / top).rglob("*"))
        shown = (path for path in found if path.suffix in COMPARED and not path.name.startswith("."))
        return {str(path.relative_to(self.folder)): sha256(path) for path in shown if path.is_file()}

    def leftovers(self) -> list[str]:
        return [str(path) for pattern in LEFTOVERS for path in self.folder.glob(pattern)]

    def _attempt(self) -> tuple[bool, int]:
        begun = time.monotonic()
        with (self.folder / "said.txt").open("w+") as said:
            workflow = start(self.folder, said)
            moment = self._wait(workflow, begun)
            killed = moment is not None and self._kill(workflow, moment, begun)
            code = workflow.wait()
            said.seek(0)
            self.said = said.read()
        return killed, code

    def _wait(self, workflow: subprocess.Popen, begun: float) -> str | None:
        """Wait for the moment to kill: its name, or None if the workflow has ended."""
        left = self.kills - len(self.done)
        timed = left - len(self.armed)
        wait = self.random.uniform(0, 2 * self.expected / (left + 1)) if timed > 0 else float("inf")
        while workflow.poll() is None and left > 0:
            for moment, pattern in self.armed.items():
                if next(self.folder.glob(pattern), None):
                    del self.armed[moment]
                    return moment
            if time.monotonic() - begun > wait:
                return "at a random moment"
            time.sleep(0.002)
        workflow.wait()
        return None

    def _kill(self, workflow: subprocess.Popen, moment: str, begun: float) -> bool:
        """Kill the workflow, a job or both; False if the workflow ended before there was a job."""
        what = self.random.choice(("the workflow", "a job", "both"))
        jobs = running(workflow)
        while not jobs and what != "the workflow" and workflow.poll() is None:
            time.sleep(0.002)
            jobs = running(workflow)
        names = sorted(jobs.values())
        if what != "the workflow" and not jobs:
            return False
        victims = [workflow.pid] if what != "a job" else []
        victims += (
            [self.random.choice(sorted(jobs))] if what == "a job" else list(jobs) if what == "both" else []
        )
        for pid in victims:
            kill(pid)
        during = ", ".join(names) or "no job"
        self.done.append(
            f"{what}, {time.monotonic() - begun:.1f} s after its start, {moment}, during {during}"
        )
        return True


def start(folder: Path, said) -> subprocess.Popen:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SIGNAL_DIFFUSION")
    }
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment |= {"HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(
        ["snakemake", "--quiet", "rules", "reason", "host"],
        cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT,
    )  # fmt: skip


def running(workflow: subprocess.Popen) -> dict[int, str]:
    """Process id -> script of each of the workflow's jobs."""
    found = {}
    try:
        for process in psutil.Process(workflow.pid).children(recursive=True):
            script = next((part for part in process.cmdline() if part.startswith("scripts/")), None)
            if script:
                found[process.pid] = Path(script).stem
    except psutil.Error:
        pass
    return found


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Log:
    """Lines on the terminal and, added, in a file."""

    def __init__(self, path: Path | None):
        self.path = path

    def __call__(self, line: str) -> None:
        print(line, flush=True)
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                print(line, file=file)


def compare(build: Build, whole: dict[str, str]) -> str:
    """ "equal", or what is wrong."""
    found = build.hashes()
    different = sorted(name for name in whole.keys() | found.keys() if whole.get(name) != found.get(name))
    if different:
        return f"DIFFERENT: {', '.join(different)}"
    return f"LEFT BEHIND: {', '.join(left)}" if (left := build.leftovers()) else "equal"


def survive(build: Build, whole: dict[str, str], log: Log) -> bool:
    """Whether the build, killed as planned, ends as an undisturbed one."""
    begun = time.monotonic()
    ended = build.run()
    for number, line in enumerate(build.done, 1):
        log(f"build {build.number} kill {number}: {line}")
    verdict = compare(build, whole) if ended else f"FAILED: {build.said[-2000:]}"
    log(f"build {build.number}: {len(build.done)} kills, {time.monotonic() - begun:.0f} s, {verdict}")
    if verdict == "equal":
        shutil.rmtree(build.folder)
    return verdict == "equal"


def undisturbed(folder: Path, log: Log) -> tuple[dict[str, str], float]:
    """Hashes of a build that nothing disturbs, and how long it takes; of an earlier one in `folder` if there is one."""
    build, kept = Build(folder, 0), folder / "undisturbed.json"
    if not kept.is_file():
        begun = time.monotonic()
        if not build.run():
            sys.exit(f"the undisturbed build failed:\n{build.said}")
        write_json(kept, {"seconds": round(time.monotonic() - begun)})
    hashes, seconds = build.hashes(), read_json(kept)["seconds"]
    log(f"undisturbed build: {len(hashes)} files compared, {seconds} s")
    return hashes, seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--builds", type=int, default=40, help="at least so many; default: %(default)s")
    parser.add_argument("--kills", type=int, default=200, help="at least so many; default: %(default)s")
    parser.add_argument(
        "--minutes", type=float, default=600, help="no build is begun after; default: %(default)s"
    )
    parser.add_argument("--first", type=int, default=1, help="number, and seed, of the first build")
    parser.add_argument("--log", type=Path, help="file to add the lines to")
    parser.add_argument(
        "--folder", type=Path, help="where to build, and what to keep; default: a temporary one"
    )
    arguments = parser.parse_args()
    log, end = Log(arguments.log), time.monotonic() + 60 * arguments.minutes
    each = -(-arguments.kills // arguments.builds)
    builds, verdicts = [], []
    with nullcontext(arguments.folder) if arguments.folder else tempfile.TemporaryDirectory() as folder:
        whole, expected = undisturbed(Path(folder) / "undisturbed", log)
        while time.monotonic() < end and (
            len(builds) < arguments.builds or sum(len(b.done) for b in builds) < arguments.kills
        ):
            number = arguments.first + len(builds)
            builds.append(Build(Path(folder) / str(number), number, expected, each))
            verdicts.append(survive(builds[-1], whole, log))
    kills = Counter(line.split(",")[0] for build in builds for line in build.done)
    moments = Counter(line.split(",")[2].strip() for build in builds for line in build.done)
    log(f"total: {verdicts.count(True)} of {len(builds)} builds equal, {sum(kills.values())} kills")
    log("total: " + "; ".join(f"{count} {name}" for name, count in (kills + moments).items()))
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
