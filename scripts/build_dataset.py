"""Build a dataset from the shards of all its recordings: splits, dB range, arrays, captions, card."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_recipe, load_settings
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.sources import listed_shards
from signal_diffusion.report.dataset import draw_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help="recipe of config/dataset/, or a TOML file")
    parser.add_argument("--representation", default="db-only", help="what a window is; default: %(default)s")
    parser.add_argument("--index", required=True, nargs="+", type=Path, help="index tables of its datasets")
    parser.add_argument("--shards", required=True, type=Path, help="folder of DATASET/RECORDING.safetensors")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    shards = listed_shards(args.index, args.shards)
    recipe = load_recipe(args.recipe, load_settings())
    build_dataset(recipe, args.representation, shards, args.index, args.out, draw_dataset)


if __name__ == "__main__":
    cli.run(main)
