"""Building a dataset and reading it back: memory against the number of windows, and images a second.

    python benchmarks/dataset.py [--sizes 64:25000,50000,100000 256:5000,10000,20000] [--representation db-only]
                                 [--folder TEMPORARY]

Shards of 100 random windows stand for recordings; each dataset is built by a process of its own, whose largest
resident memory is told. Of the largest one of each size, batches of 64 are then read in the training's order, beside
copying the same memory map from end to end. The folder needs about 5 GB; memory is told on Linux alone.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "lib"))
from signal_diffusion.config import load_recipe  # noqa: E402
from signal_diffusion.datasets.batches import BatchOrder  # noqa: E402
from signal_diffusion.datasets.build import build_dataset  # noqa: E402
from signal_diffusion.datasets.storage import Windows  # noqa: E402
from signal_diffusion.environment import keep_freed_memory  # noqa: E402
from signal_diffusion.equipment import CHANNEL_SETS  # noqa: E402
from signal_diffusion.files import save_tensors  # noqa: E402
from signal_diffusion.recordings.index import COLUMNS, write_index  # noqa: E402
from signal_diffusion.signals.representations import PLANES, REPRESENTATIONS  # noqa: E402

PER_RECORDING, BATCH, NSAMPS = 100, 64, 2048
CHANNEL_SET = {64: "1020-8", 256: "1020-19"}
RECIPE = """
[recipe]
datasets = ["demo"]
[channels]
set = "{channels}"
[spectrogram]
resolution = {resolution}
"""


def main() -> None:
    arguments = parsed()
    keep_freed_memory()  # as every script does
    if arguments.build:
        return build(arguments.build, arguments.representation)
    for size in arguments.sizes:
        resolution, numbers = size.split(":")
        counts = sorted(map(int, numbers.split(",")))
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            report(Path(folder), int(resolution), counts, arguments.representation)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = ["64:25000,50000,100000", "256:5000,10000,20000"]
    parser.add_argument(
        "--sizes", nargs="+", default=sizes, help="resolution:numbers of windows; default: %(default)s"
    )
    parser.add_argument("--representation", choices=REPRESENTATIONS, default="db-only")
    parser.add_argument(
        "--folder", type=Path, help="where to work; default: the system's folder for temporary files"
    )
    parser.add_argument(
        "--build", type=Path, help=argparse.SUPPRESS
    )  # what the processes are told that build
    return parser.parse_args()


def report(folder: Path, resolution: int, counts: list[int], representation: str) -> None:
    channels = CHANNEL_SET[resolution]
    (folder / "many.toml").write_text(RECIPE.format(channels=channels, resolution=resolution))
    write_shards(folder, CHANNEL_SETS[channels], resolution, counts[-1] // PER_RECORDING, representation)
    size = f"{resolution}x{resolution}" if representation in PLANES else f"{NSAMPS} samples"
    print(f"{representation}, {size}, {len(CHANNEL_SETS[channels])} channels", flush=True)
    for count in counts:
        write_index(rows(count // PER_RECORDING), folder / "demo.csv")
        command = [sys.executable, __file__, "--build", folder, "--representation", representation]
        begin = time.perf_counter()
        peak = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - begin
        print(f"  {count:>7} windows: {seconds:6.1f} s, {peak.stdout.strip()} MiB at most", flush=True)
    print("  target: under 1024 MiB, flat in the number of windows")
    if representation in PLANES:
        read_back(folder / "out")


def rows(count: int) -> list[dict]:
    """An index of `count` recordings, two of each subject."""
    empty = dict.fromkeys(COLUMNS, "") | {"dataset": "demo", "format": "edf", "status": "ok"}
    people = [
        {"subject": f"sub-{k // 2:05d}", "gender": "FM"[k // 2 % 2], "age": 20 + k // 2 % 60}
        for k in range(count)
    ]
    names = [{"recording": f"r{k:06d}", "file": f"r{k:06d}.edf"} for k in range(count)]
    return [empty | person | name | {"health": "H"} for person, name in zip(people, names, strict=True)]


def write_shards(folder: Path, channels: list[str], resolution: int, count: int, representation: str) -> None:
    """Shards of random windows, no two alike."""
    frames = resolution // len(channels)
    image = (len(channels), resolution, frames)
    shape = {"db-only": image, "timeseries": (len(channels), NSAMPS)}.get(representation, (3, *image))
    kind = np.float32 if representation == "timeseries" else np.float16
    windows = np.random.default_rng(0).normal(0, 10, (PER_RECORDING, *shape)).astype(kind)
    marks = windows.reshape(PER_RECORDING, -1)
    meta = {
        "status": "ok",
        "reason": "",
        "warning": "",
        "representation": representation,
        "channels": channels,
    }
    meta["quality"] = {"bad_channels": {}, "bad_seconds": {}, "windows": {}}
    if representation in PLANES:
        meta |= {"frequencies": np.linspace(0.5, 62.5, resolution).tolist(), "frames": frames}
    starts = np.arange(PER_RECORDING, dtype=np.int64) * NSAMPS // 2
    for k in range(count):
        marks[:, :2] = np.float32([k % 1000, k // 1000])
        path = folder / "shards" / "demo" / f"r{k:06d}.safetensors"
        save_tensors(path, {"windows": windows, "starts": starts}, meta)


def build(folder: Path, representation: str) -> None:
    """Build the dataset of `folder` in this process; print the largest resident memory in MiB."""
    recordings = pd.read_csv(folder / "demo.csv")["recording"]
    shards = [folder / "shards" / "demo" / f"{name}.safetensors" for name in recordings]
    build_dataset(
        load_recipe(folder / "many.toml"), representation, shards, [folder / "demo.csv"], folder / "out"
    )
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(round(int(status["VmHWM"].split()[0]) / 1024))


def read_back(dataset: Path) -> None:
    windows = Windows(dataset, "train")
    order = BatchOrder(len(windows), BATCH, seed=0)
    steps = len(windows) // BATCH
    array = np.load(dataset / "train.npy", mmap_mode="r")
    copied = np.empty((BATCH, *array.shape[1:]), array.dtype)
    raw = best(lambda k: np.copyto(copied, array[k * BATCH : (k + 1) * BATCH]), steps)
    read = best(lambda k: windows.images(order.indices(k)), steps)
    size = array[0].nbytes
    print(
        f"  end to end  {raw * BATCH:9.0f} images/s, {raw * BATCH * size / 1e9:5.2f} GB/s: the memory map alone"
    )
    print(
        f"  in training {read * BATCH:9.0f} images/s, {read * BATCH * size / 1e9:5.2f} GB/s: {read / raw:.0%} of that"
    )
    print("  target: 200,000 images/s at 64x64, half of the memory map at 256x256", flush=True)


def best(function, steps: int, repeats: int = 4) -> float:
    """Steps a second of the fastest of several passes; the first one fills the page cache."""
    rates = []
    for _ in range(repeats):
        begin = time.perf_counter()
        for step in range(steps):
            function(step)
        rates.append(steps / (time.perf_counter() - begin))
    return max(rates[1:])


if __name__ == "__main__":
    main()
