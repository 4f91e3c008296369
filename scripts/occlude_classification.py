"""Measure which channels and frequencies the classifiers of a run look at."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.classification.occlude import occlude_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/classification/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument(
        "--models",
        required=True,
        nargs="+",
        type=Path,
        help="model.safetensors of every fold, predictions.csv beside it",
    )
    parser.add_argument("--out", required=True, type=Path, help="JSON file to write")
    args = parser.parse_args()
    occlude_run(load_run(args.run), args.dataset, args.models, args.out)


if __name__ == "__main__":
    cli.run(main)
