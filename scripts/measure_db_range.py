"""Measure the decibels of a recipe's recordings, recommend a range to clip them to, show what others cost."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_recipe, load_settings
from signal_diffusion.datasets.sources import listed_shards
from signal_diffusion.report.db_range import write_db_range


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help="recipe of config/dataset/, or a TOML file")
    parser.add_argument("--index", required=True, nargs="+", type=Path, help="index tables of its datasets")
    parser.add_argument("--shards", required=True, type=Path, help="folder of DATASET/RECORDING.safetensors")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    shards = listed_shards(args.index, args.shards)
    write_db_range(load_recipe(args.recipe, load_settings()), shards, args.index, args.out)


if __name__ == "__main__":
    cli.run(main)
