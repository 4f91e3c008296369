"""Where the time and memory of a classifier's training go, step by step: JSON, and a figure of it."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.classification.profiling import profile_run
from signal_diffusion.files import write_json
from signal_diffusion.report.training_profile import draw_profile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/classification/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--steps", type=int, default=20, help="steps to measure; default: %(default)s")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    found = profile_run(load_run(args.run), args.dataset, args.steps)
    write_json(args.out / "profile.json", found)
    draw_profile(found, args.out / "profile.png")


if __name__ == "__main__":
    cli.run(main)
