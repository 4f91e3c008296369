"""Predict the windows of the subjects that a trained classifier has held out, as one table."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.classification.prediction import predict_fold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/classification/")
    parser.add_argument(
        "--model", required=True, type=Path, help="safetensors file of the trained classifier"
    )
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--out", required=True, type=Path, help="CSV file to write")
    args = parser.parse_args()
    predict_fold(load_run(args.run), args.model, args.dataset, args.out)


if __name__ == "__main__":
    cli.run(main)
