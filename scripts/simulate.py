"""Write the recordings of simulated subjects, as real EDF or CNT files."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_recipe
from signal_diffusion.recordings.simulate import simulate_subjects


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help="recipe of config/dataset/, or a TOML file")
    parser.add_argument("--subjects", required=True, type=int, nargs="+", help="their numbers, from 0")
    parser.add_argument("--out", required=True, type=Path, help="folder of the recordings")
    args = parser.parse_args()
    simulate_subjects(load_recipe(args.recipe).simulation, args.subjects, args.out)


if __name__ == "__main__":
    cli.run(main)
