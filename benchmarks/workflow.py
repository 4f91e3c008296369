"""What the workflow costs around the work: recordings to shards under Snakemake, beside reading them alone.

    python benchmarks/workflow.py --eegmat FOLDER

FOLDER holds EEGMAT's EDF files (`snakemake data/math`). They go through signals and 256x256 spectrograms on 2
cores, the start of Snakemake and of its jobs included, batched and one process each. What many recordings cost:
benchmarks/scaling.py.
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
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "lib"))
from signal_diffusion.environment import set_up_jobs  # noqa: E402
from signal_diffusion.recordings.datasets import math  # noqa: E402
from signal_diffusion.recordings.formats import read, read_header  # noqa: E402

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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--eegmat", type=Path, required=True, help="folder of EEGMAT's EDF files")
    arguments = parser.parse_args()
    set_up_jobs()
    report_preprocessing(arguments.eegmat.resolve())


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
            took = measured(copy, "--cores", "2", "--until", "shards", "--", TARGET).seconds
        multiple = seconds / took
        print(f"  {label:<18}{took:6.2f} s {multiple:6.0f} times real time (target {target})", flush=True)


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


@dataclass(frozen=True)
class Cost:
    """Of one command with its children: wall and CPU seconds, and the GiB of its largest process."""

    seconds: float
    cpu_seconds: float
    memory: float
    said: str


def measured(folder: Path, *arguments: str) -> Cost:
    """A `snakemake` in that copy of the project."""
    environment = os.environ | {"SIGNAL_DIFFUSION_CONFIG": "config/local.toml", "PYTHONPATH": "lib"}
    begin = time.perf_counter()
    process = subprocess.Popen(
        ["snakemake", *arguments], cwd=folder, env=environment, stdout=-1, stderr=-2, text=True
    )
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(said)
    seconds = time.perf_counter() - begin
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20, said)


if __name__ == "__main__":
    main()
