"""Write down what a job finds where it runs: node, partition, cores, GPU, software."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.files import write_text
from signal_diffusion.report.machine import machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, type=Path, help="text file to write")
    args = parser.parse_args()
    write_text(args.out, "".join(f"{what:>24}  {found}\n" for what, found in machine().items()))


if __name__ == "__main__":
    cli.run(main)
