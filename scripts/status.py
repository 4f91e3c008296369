"""Show the last line of each job's log that has not succeeded, the latest at the bottom."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.status import unfinished


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, default=Path("logs"), help="folder; default: %(default)s")
    for job, age, line in unfinished(parser.parse_args().logs):
        print(f"{job}  {age:.0f} s ago  {line}")


if __name__ == "__main__":
    cli.run(main)
