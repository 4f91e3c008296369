"""What the workflow costs around the work: recordings to shards under Snakemake, and planning many recordings.

    python benchmarks/workflow.py [--eegmat FOLDER] [--recordings 100 1000 10000]

FOLDER holds EEGMAT's EDF files (`snakemake data/math`). They go through signals and 256x256 spectrograms on 2
cores, the start of Snakemake and of its jobs included, batched and one process each, beside reading them
alone. Then recordings of one second are planned (dry run of their dataset) and indexed (until the index ends).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "lib"))
from signal_diffusion.environment import set_up_jobs  # noqa: E402
from signal_diffusion.recordings.channels import SETS  # noqa: E402
from signal_diffusion.recordings.datasets import math  # noqa: E402
from signal_diffusion.recordings.formats import read, read_header  # noqa: E402
from signal_diffusion.recordings.recording import Recording  # noqa: E402
from signal_diffusion.recordings.writers import write_edf  # noqa: E402

PARTS = ("Snakefile", "config", "envs", "lib", "profiles", "rules", "scripts")
TARGET = "results/dataset/many-db-only"
RECIPE = '[recipe]\ndatasets = ["{dataset}"]\n'
SETTINGS = """
[data]
root = "."
output_root = "work"
recordings_per_job = {size}
[datasets.{dataset}]
root = "{root}"
"""
OWN = """
kind = "folder"
files = "{subject}_rest.edf"
table = "people.csv"
id = "id"
columns = { gender = "sex" }
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--eegmat", type=Path, help="folder of EEGMAT's EDF files; without it, only planning")
    parser.add_argument("--recordings", type=int, nargs="*", default=[100, 1000, 10000])
    arguments = parser.parse_args()
    set_up_jobs()
    if arguments.eegmat:
        report_preprocessing(arguments.eegmat.resolve())
    for number in arguments.recordings:
        report_planning(number)


def report_preprocessing(folder: Path) -> None:
    paths = [entry.path for entry in math.list_recordings(folder)]
    seconds = sum(read_header(path).duration for path in paths)
    begin = time.perf_counter()
    for path in paths:
        read(path)
    alone = time.perf_counter() - begin
    print(
        f"{len(paths)} recordings of {seconds:.0f} s; to read them alone, one core: {alone:.2f} s", flush=True
    )
    for label, size, target in (("batched", len(paths) // 2, 400), ("one process each", 1, 150)):
        with project("math", folder, size) as copy:
            took, _ = measured(copy, "--cores", "2", "--until", "shards", "--", TARGET)
        multiple = seconds / took
        print(f"  {label:<18}{took:6.2f} s {multiple:6.0f} times real time (target {target})", flush=True)


def report_planning(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_recordings(Path(folder), number)
        with project("own", Path(folder), 16, OWN) as copy:
            plan, memory = measured(copy, "-n", "--quiet", "all", "--", TARGET)
            index, _ = measured(copy, "--quiet", "all", "--cores", "2", "--until", "index", "--", TARGET)
    print(
        f"{number} recordings: planned in {plan:.1f} s and {memory:.2f} GiB, indexed after {index:.1f} s",
        flush=True,
    )


def write_recordings(folder: Path, number: int) -> None:
    """EDF files of one second, and the table of their subjects."""
    noise = np.random.default_rng(0).normal(0, 10, (19, 100)).astype(np.float32)
    write_edf(Recording(noise, 100.0, tuple(SETS["1020-19"])), folder / "first.edf")
    names = [f"sub-{index:06}" for index in range(number)]
    for name in names:
        shutil.copy(folder / "first.edf", folder / f"{name}_rest.edf")
    (folder / "first.edf").unlink()
    (folder / "people.csv").write_text("id,sex\n" + "".join(f"{name},F\n" for name in names))


@contextmanager
def project(dataset: str, root: Path, size: int, more: str = "") -> Iterator[Path]:
    """A copy of the project whose recipe `many` holds the dataset in `root`."""
    with tempfile.TemporaryDirectory() as folder:
        for name in PARTS:
            copy = shutil.copy if (ROOT / name).is_file() else shutil.copytree
            copy(ROOT / name, Path(folder, name))
        Path(folder, "config/dataset/many.toml").write_text(RECIPE.format(dataset=dataset))
        settings = SETTINGS.format(dataset=dataset, root=root, size=size) + more
        Path(folder, "config/local.toml").write_text(settings)
        yield Path(folder)


def measured(folder: Path, *arguments: str) -> tuple[float, float]:
    """Seconds and GiB of a `snakemake` in that copy of the project."""
    environment = os.environ | {"SIGNAL_DIFFUSION_CONFIG": "config/local.toml", "PYTHONPATH": "lib"}
    begin = time.perf_counter()
    process = subprocess.Popen(
        ["snakemake", *arguments], cwd=folder, env=environment, stdout=-1, stderr=-2, text=True
    )
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(said)
    return time.perf_counter() - begin, usage.ru_maxrss / 2**20


if __name__ == "__main__":
    main()
