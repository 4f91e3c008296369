"""Train a classification run on a split or fold; stopped at any step, the same command goes on from there."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.classification.train import train_fold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/classification/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--fold", default="split", help="split, or fold-01 and so on; default: %(default)s")
    parser.add_argument(
        "--labels",
        default="true",
        choices=("true", "shuffled"),
        help="shuffled: permuted between training subjects; default: %(default)s",
    )
    parser.add_argument("--selection", type=Path, help="file of select_classifier.py: the candidate to train")
    parser.add_argument("--checkpoints", type=Path, help="folder of the checkpoints; default: beside --out")
    parser.add_argument("--out", type=Path, help="weights file to write; default: in training.output_dir")
    args = parser.parse_args()
    run = load_run(args.run)
    train_fold(run, args.dataset, args.out, args.checkpoints, args.fold, args.labels, args.selection)


if __name__ == "__main__":
    cli.run(main)
