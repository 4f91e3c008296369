"""Build a dataset from images that are no recipe's: a folder of files, Parquet files, or a dataset of the hub."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.datasets.images import Reading, build_images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--run", required=True, type=Path, help="TOML file of the run whose dataset.name they are"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    run = load_run(args.run)
    build_images(run.dataset.name, Reading.of(run), args.out)


if __name__ == "__main__":
    cli.run(main)
