"""Score the predictions of a classification run beside nulls and baselines, with intervals over subjects."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.classification.evaluate import evaluate_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/classification/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--indexes", nargs="*", default=[], type=Path, help="CSV tables of the recordings")
    parser.add_argument(
        "--predictions", required=True, nargs="+", type=Path, help="predictions.csv of every fold"
    )
    parser.add_argument("--shuffled", nargs="*", default=[], type=Path, help="the same of shuffled labels")
    parser.add_argument("--baselines", required=True, type=Path, help="folder of the fitted baselines")
    parser.add_argument("--occlusion", type=Path, help="JSON file of the occlusion")
    parser.add_argument(
        "--selections", nargs="*", default=[], type=Path, help="selection.json of every fold, if any"
    )
    parser.add_argument(
        "--beside", nargs="*", default=[], type=Path, help="predictions.csv of runs to set beside this one"
    )
    parser.add_argument("--out", required=True, type=Path, help="JSON file to write")
    args = parser.parse_args()
    evaluate_run(
        load_run(args.run),
        args.dataset,
        args.predictions,
        args.shuffled,
        args.baselines,
        args.occlusion,
        args.indexes,
        args.out,
        args.selections,
        args.beside,
    )


if __name__ == "__main__":
    cli.run(main)
