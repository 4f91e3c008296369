"""Write the pages that tell how a published run was made: stages, settings, time and memory, its cards."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.report.overview import write_overview


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--run", required=True, type=Path, help="published run, such as results/diffusion/demo"
    )
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset it was made from")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    write_overview(args.run, args.dataset, args.out)


if __name__ == "__main__":
    cli.run(main)
