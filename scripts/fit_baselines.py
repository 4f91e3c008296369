"""Fit the regressions that a classification run is held against, for each of its folds."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.classification.evaluate import fit_run_baselines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/classification/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument(
        "--predictions", required=True, nargs="+", type=Path, help="predictions.csv of every fold"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    fit_run_baselines(load_run(args.run), args.dataset, args.predictions, args.out)


if __name__ == "__main__":
    cli.run(main)
