"""Write config/README.md, the reference of every configuration key, from the typed sections."""

import argparse

from signal_diffusion import cli
from signal_diffusion.config.reference import write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    write(parser.parse_args().check)


if __name__ == "__main__":
    cli.run(main)
