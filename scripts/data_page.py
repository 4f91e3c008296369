"""Show what was read for a dataset, what was refused and why, with a picture of every recording."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.report.data_page import write_data_page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--shards", required=True, type=Path, help="folder of DATASET/RECORDING.safetensors")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    write_data_page(args.dataset, args.shards, args.out)


if __name__ == "__main__":
    cli.run(main)
