"""Shards and datasets of every representation, on so many cores and from files in some order: run as a program.

python made_on_cores.py CORES SEED RAW OUT
"""

import os
import random
import sys
from pathlib import Path

from signal_diffusion.config import load_recipe
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.recordings.batches import Job
from signal_diffusion.recordings.index import index_dataset, write_index
from signal_diffusion.signals.batch import shard_batch
from signal_diffusion.signals.representations import REPRESENTATIONS


def main(cores: int, seed: int, raw: Path, out: Path) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    recipe = load_recipe(raw / "tiny.toml")
    rows = index_dataset("demo", raw / "recordings", recipe.simulation)
    shuffle = random.Random(seed).shuffle
    shuffle(rows)
    write_index(rows, out / "demo.csv")
    for kind in REPRESENTATIONS:
        jobs = [Job(row["recording"], raw / "recordings" / row["file"]) for row in rows]
        shuffle(jobs)
        folder = out / "shards" / kind / "demo"
        shard_batch(jobs, recipe, folder / "batch-0-of-1.json", [], kind)
        shards = [folder / f"{job.recording}.safetensors" for job in jobs]
        shuffle(shards)
        build_dataset(recipe, kind, shards, [out / "demo.csv"], out / "datasets" / kind)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
