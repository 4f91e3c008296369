"""Choose a configuration for a split or fold by inner folds of those it trains on; stopped, it goes on from there."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.classification.select import select_fold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/classification/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--fold", default="split", help="split, or fold-01 and so on; default: %(default)s")
    parser.add_argument("--work", type=Path, help="folder of the checkpoints; default: beside --out")
    parser.add_argument("--out", required=True, type=Path, help="JSON file to write")
    args = parser.parse_args()
    select_fold(load_run(args.run), args.dataset, args.out, args.fold, args.work)


if __name__ == "__main__":
    cli.run(main)
