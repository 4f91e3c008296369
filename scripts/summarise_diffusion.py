"""Set diffusion runs side by side: what each cost and how good it is, in one table and one figure."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.report.diffusion_summary import write_summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", nargs="*", default=[], type=Path, help="published folders")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    write_summary(args.runs, args.out)


if __name__ == "__main__":
    cli.run(main)
