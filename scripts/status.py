"""Show how far a build is: jobs done by stage, what each running job last said, what failed, and the queue."""

import argparse
import shutil
import time
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.status.view import view

CLEAR = "\x1b[H\x1b[J"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(), help="of the Snakefile; default: this one")
    parser.add_argument(
        "--watch",
        type=float,
        nargs="?",
        const=3.0,
        metavar="SECONDS",
        help="show it anew, by default every 3 s",
    )
    args = parser.parse_args()
    while True:
        text = view(args.folder, shutil.get_terminal_size((160, 0)).columns)
        print(text if args.watch is None else f"{CLEAR}{text}", flush=True)
        if args.watch is None:
            break
        time.sleep(args.watch)


if __name__ == "__main__":
    cli.run(main)
