"""Count parameters, operations and memory of every preset of diffusion runs; nothing is computed."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.families.diffusion.costs import preset_costs, write_costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, type=Path, help="folder for README.md and costs.csv")
    parser.add_argument("--condition", type=int, default=2048, help="width of the condition vector")
    parser.add_argument("--electrodes", type=int, default=19, help="of a window of time series")
    parser.add_argument("--samples", type=int, default=2048, help="of a window of time series")
    args = parser.parse_args()
    print(write_costs(preset_costs(args.condition, args.electrodes, args.samples), args.out))


if __name__ == "__main__":
    cli.run(main)
