"""Put a classification run's model, metrics, figures and card into the one folder that users look at."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.report.classifier_page import publish_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/classification/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--model", required=True, type=Path, help="safetensors file of the trained model")
    parser.add_argument("--metrics", required=True, type=Path, help="JSON file of the evaluation")
    parser.add_argument("--figures", required=True, type=Path, help="folder of the figures")
    parser.add_argument("--work", required=True, type=Path, help="folder of the run's trainings")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    run = load_run(args.run)
    publish_run(run, args.dataset, args.model, args.metrics, args.figures, args.work, args.out)


if __name__ == "__main__":
    cli.run(main)
