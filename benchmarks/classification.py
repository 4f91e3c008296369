"""Training a classifier from a dataset's arrays against the same network fed by a folder of PNG files.

    python benchmarks/classification.py [RUN.toml] [--windows 2000] [--steps 20] [--workers 2]

Without RUN.toml it is config/classification/demo-cnn.toml. Both feeds hold the same random images and train by the same
step, in one run. Prints windows a second of each, in float32 and under bfloat16, and where each millisecond of a step
goes.
"""

import argparse
import itertools
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from PIL import Image
from signal_diffusion.config import load_recipe, load_run
from signal_diffusion.environment import keep_freed_memory
from signal_diffusion.families.classification.model import describe, initial
from signal_diffusion.families.classification.profiling import PHASES, Stepper, phases
from signal_diffusion.families.classification.targets import Target
from signal_diffusion.families.classification.task import ClassificationTask
from torch.utils.data import DataLoader, Dataset

TARGETS = [Target("gender", ("M", "F")), Target("age", (), "years", 40.0, 10.0)]


class Arrays:
    """Random images in one memory-mapped array, as `datasets.pool.Part` gives them."""

    def __init__(self, folder: Path, count: int, size: int):
        rng = np.random.default_rng(0)
        np.save(folder / "windows.npy", rng.integers(0, 256, (count, 1, size, size), np.uint8))
        self._array = np.load(folder / "windows.npy", mmap_mode="r")
        self.shape, self.metadata = self._array.shape, pd.DataFrame(index=range(count))
        self.spec = dict(representation="db-only", resolution=size, channels=["C3"], frames=size, fs=125.0)

    def __len__(self) -> int:
        return len(self._array)

    def array(self, rows) -> np.ndarray:
        return np.ascontiguousarray(self._array[np.asarray(rows, np.int64)])

    def blocks(self):
        yield self.array(range(min(len(self), 256)))


class Pictures(Dataset):
    """The same images, a PNG file each, decoded one at a time."""

    def __init__(self, folder: Path, arrays: Arrays, labels: dict[str, np.ndarray]):
        self._folder, self._labels, self._count = folder, labels, len(arrays)
        for row in range(len(arrays)):
            Image.fromarray(arrays.array([row])[0, 0]).save(folder / f"{row:06d}.png")

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> dict:
        windows = np.asarray(Image.open(self._folder / f"{row:06d}.png"))[None]
        return {
            "windows": torch.from_numpy(windows.copy()),
            "labels": {k: v[row] for k, v in self._labels.items()},
        }


class FedByPictures:
    """A task whose batches come from a DataLoader, whatever the step."""

    def __init__(self, task: ClassificationTask, loader: DataLoader):
        self._task, self._batches = task, itertools.chain.from_iterable(itertools.repeat(loader))

    def __getattr__(self, name: str):
        return getattr(self._task, name)

    def batch(self, step: int, micro: int) -> dict:
        return next(self._batches)


def make_task(run, arrays: Arrays, labels: dict[str, np.ndarray]) -> ClassificationTask:
    net = initial(describe(run, arrays, TARGETS), arrays, run.training.seed)
    return ClassificationTask(run, net, arrays, labels, None, arrays, labels)


def measured(run, task, precision: str, steps: int) -> tuple[float, dict[str, float]]:
    """Windows a second by the wall clock, and the median seconds of each phase."""
    step = Stepper(task, run, precision)
    found = phases(step, steps)
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return steps * run.dataset.batch_size / (time.perf_counter() - start), found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", type=Path, default=Path("config/classification/demo-cnn.toml"))
    parser.add_argument("--windows", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2, help="of the DataLoader; default: %(default)s")
    args = parser.parse_args()
    keep_freed_memory()  # as every script does
    run = load_run(args.run)
    torch.set_num_threads(run.training.threads)
    size = load_recipe(run.dataset.name).spectrogram.resolution
    with tempfile.TemporaryDirectory() as folder:
        arrays = Arrays(Path(folder), args.windows, size)
        rng = np.random.default_rng(1)
        labels = {
            "gender": rng.integers(0, 2, args.windows).astype(np.float32),
            "age": rng.normal(40, 10, args.windows).astype(np.float32),
        }
        pictures = Pictures(Path(folder), arrays, labels)
        compare(run, arrays, labels, pictures, SimpleNamespace(**vars(args)))


def fed(run, arrays: Arrays, labels, pictures: Pictures, args) -> dict[str, object]:
    """A fresh task for each feed."""
    loader = DataLoader(
        pictures, run.dataset.batch_size, shuffle=True, num_workers=args.workers, drop_last=True
    )
    return {
        "arrays": make_task(run, arrays, labels),
        "PNG files": FedByPictures(make_task(run, arrays, labels), loader),
    }


def read_alone(run, task, batches: int) -> float:
    """Windows a second that a feed gives when nobody trains on them."""
    task.batch(0, 0)
    start = time.perf_counter()
    for step in range(1, 1 + batches):
        task.batch(step, 0)
    return batches * run.dataset.batch_size / (time.perf_counter() - start)


def compare(run, arrays: Arrays, labels, pictures: Pictures, args) -> None:
    tasks = fed(run, arrays, labels, pictures, args)
    alone = {feed: read_alone(run, task, 3 * args.steps) for feed, task in tasks.items()}
    for feed, speed in alone.items():
        print(f" read {feed:>9}: {speed:8.1f} windows/s, without a network")
    print(f" read ratio: {alone['arrays'] / alone['PNG files']:.2f}")
    for precision in ("no", "bf16"):
        speeds = {}
        for feed, task in fed(run, arrays, labels, pictures, args).items():
            speeds[feed], found = measured(run, task, precision, args.steps)
            parts = "  ".join(f"{name} {1e3 * found[name]:.2f}" for name in PHASES)
            print(f"{precision:>5} {feed:>9}: {speeds[feed]:8.1f} windows/s   ms a step: {parts}")
        print(f"{precision:>5} ratio: {speeds['arrays'] / speeds['PNG files']:.2f}")


if __name__ == "__main__":
    main()
