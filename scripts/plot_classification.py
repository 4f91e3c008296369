"""Draw the figures of a classification run: scores, confusion, reliability, subjects, occlusion, training."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.report.classification import draw_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", required=True, type=Path, help="JSON file of the evaluation")
    parser.add_argument(
        "--stats", nargs="*", default=[], type=Path, help="stats.jsonl of each fold's training"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    draw_run(args.metrics, args.stats, args.out)


if __name__ == "__main__":
    cli.run(main)
