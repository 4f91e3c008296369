"""List a dataset's recordings with their labels and what their headers say, as CSV."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_recipe, load_settings
from signal_diffusion.recordings.index import index_dataset, write_index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="name of the dataset, such as math")
    parser.add_argument("--root", required=True, type=Path, help="folder of its raw recordings")
    parser.add_argument("--recipe", help="recipe whose [simulation] made them (dataset demo only)")
    parser.add_argument("--out", required=True, type=Path, help="CSV file to write")
    args = parser.parse_args()
    simulation = load_recipe(args.recipe).simulation if args.recipe else None
    options = load_settings().datasets.get(args.dataset)
    write_index(index_dataset(args.dataset, args.root, simulation, options), args.out)


if __name__ == "__main__":
    cli.run(main)
