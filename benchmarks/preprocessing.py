"""Preprocessing one recording end to end on one core, in multiples of real time.

    python benchmarks/preprocessing.py [RECORDING] [--repeats 30]

Without a recording, one like EEGMAT's is simulated (20 channels, 500 Hz, 182 s). The shard is what
`config/dataset` recipes make by default: 19 channels, 125 Hz, 256x256, log bins, float16 dB, written to disk.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is imported
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

from signal_diffusion.config.recipe import Recipe, RecipeTable, Simulation  # noqa: E402
from signal_diffusion.environment import keep_freed_memory  # noqa: E402
from signal_diffusion.files import save_tensors, sha256  # noqa: E402
from signal_diffusion.recordings.channels import pick  # noqa: E402
from signal_diffusion.recordings.formats import read, read_header  # noqa: E402
from signal_diffusion.recordings.simulate import simulate_subject  # noqa: E402
from signal_diffusion.signals.extremes import extremes  # noqa: E402
from signal_diffusion.signals.quality import inspect  # noqa: E402
from signal_diffusion.signals.representations import spectrogram_windows  # noqa: E402
from signal_diffusion.signals.resample import average_reference, resample  # noqa: E402
from signal_diffusion.signals.shards import shard_recording  # noqa: E402
from signal_diffusion.signals.stft import Stft  # noqa: E402
from signal_diffusion.signals.verdict import mean_spectra  # noqa: E402
from signal_diffusion.signals.windows import window_starts  # noqa: E402

TARGET = 2500
RECIPE = Recipe(name="default", path=Path("default.toml"), recipe=RecipeTable(datasets=["math"]))
CHANNELS, SIGNAL, SPECTROGRAM = RECIPE.channels.set, RECIPE.signal, RECIPE.spectrogram


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", nargs="?", type=Path, help="any readable recording with the 19 channels")
    parser.add_argument("--repeats", type=int, default=30, help="runs of each measurement (default 30)")
    arguments = parser.parse_args()
    keep_freed_memory()  # as every script does
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.recording or simulated(Path(folder))
        shards = (Path(folder) / f"{number}.safetensors" for number in count())
        report(path, shards, arguments.repeats)


def simulated(folder: Path) -> Path:
    simulation = Simulation(seconds=182.0, rate=500.0)
    return simulate_subject(simulation, 0, folder)[0]


def report(path: Path, shards: Iterator[Path], repeats: int) -> None:
    header = read_header(path)
    print(f"{path.name}: {len(header.channels)} channels, {header.fs:g} Hz, {header.duration:g} s, one core")
    for label, stage in stages(path, shards).items():
        print(f"  {label:<34} {1e3 * best(stage, repeats):7.1f} ms")
    seconds = best(lambda: shard_recording(path, next(shards), RECIPE), repeats)
    multiple = header.duration / seconds
    print(f"  {'recording to shard, end to end':<34} {1e3 * seconds:7.1f} ms")
    print(f"  {'SHA-256, where one is published':<34} {1e3 * best(lambda: sha256(path), repeats):7.1f} ms")
    print(f"{multiple:.0f} times real time (target {TARGET}), best of {repeats}")
    print(f"start of a job: {start_up():.2f} s of imports")


def stages(path: Path, shards: Iterator[Path]) -> dict:
    """The parts of `shard_recording`, each ready to run alone."""
    raw = read(path)
    data = pick(raw, CHANNELS).data
    resampled = resample(data, raw.fs, SIGNAL.fs)
    found = extremes(data, raw.fs)
    starts = window_starts(resampled.shape[1], SIGNAL.nsamps, SIGNAL.ovr_perc)

    def transform() -> Stft:
        return Stft(SPECTROGRAM.resolution, len(data), SIGNAL.nsamps, SIGNAL.fs)

    stft = transform()
    arrays = {"windows": spectrogram_windows(stft, resampled, starts)[0], "starts": starts}
    return {
        "read": lambda: read(path),
        "pick": lambda: pick(raw, CHANNELS),
        "offset": lambda: data - data.mean(axis=1, keepdims=True),
        "extremes": lambda: extremes(data, raw.fs),
        "resample": lambda: resample(data, raw.fs, SIGNAL.fs),
        "bad seconds and channels": lambda: inspect(resampled, found, SIGNAL.fs, RECIPE.quality),
        "spectra to look at": lambda: mean_spectra(resampled, SIGNAL.fs),
        "average reference": lambda: average_reference(resampled),
        "rows and basis": lambda: transform().factors,
        f"{len(starts)} windows: STFT, dB, float16": lambda: spectrogram_windows(stft, resampled, starts),
        "write": lambda: save_tensors(next(shards), arrays, {}),
    }


def best(function, repeats: int) -> float:
    """Shortest of several runs, in seconds: other processes can only make a run longer."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)


def start_up() -> float:
    command = [sys.executable, "-c", "import signal_diffusion.signals.shards"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return best(lambda: subprocess.run(command, check=True, env=environment), 3)


if __name__ == "__main__":
    main()
