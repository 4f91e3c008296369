"""Declare the present code equal in meaning to the code that made the results: nothing reruns for it."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config.params import accept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metadata", type=Path, default=Path(".snakemake/metadata"), help="%(default)s")
    changed = accept(parser.parse_args().metadata)
    print(f"{changed} outputs now count as made by the present code; changed config values still count")


if __name__ == "__main__":
    cli.run(main)
