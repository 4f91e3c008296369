"""Draw the figures of a diffusion run: samples, spectra, distances, effects, training."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.report.diffusion_figures import draw_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/diffusion/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the real dataset")
    parser.add_argument("--synthetic", required=True, type=Path, help="folder of the generated set")
    parser.add_argument("--metrics", required=True, type=Path, help="JSON file of the evaluation")
    parser.add_argument("--curves", required=True, type=Path, help="safetensors file of the evaluation")
    parser.add_argument(
        "--stats", required=True, type=Path, help="stats.jsonl of the training, if it is there"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    run = load_run(args.run)
    draw_run(run, args.dataset, args.synthetic, args.metrics, args.curves, args.stats, args.out)


if __name__ == "__main__":
    cli.run(main)
