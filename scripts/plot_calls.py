"""Show quality against network calls: a table, a figure and a page."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.report.calls import write_calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/diffusion/")
    parser.add_argument("--measured", required=True, type=Path, help="JSON file of measure_calls.py")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    write_calls(args.run.stem, args.measured, args.out)


if __name__ == "__main__":
    cli.run(main)
