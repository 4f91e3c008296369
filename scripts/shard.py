"""Turn one recording into its windows, before any range or split."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_recipe
from signal_diffusion.recordings.checksums import published
from signal_diffusion.signals.representations import REPRESENTATIONS
from signal_diffusion.signals.shards import shard_recording


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help="recipe of config/dataset/, or a TOML file")
    parser.add_argument(
        "--recording", required=True, type=cli.there, help="raw EDF, BDF, CNT, SET or VHDR file"
    )
    parser.add_argument("--reference", help="electrode that was the recording's reference, if on the scalp")
    parser.add_argument("--start", type=float, help="second of the file where it starts; goes with --stop")
    parser.add_argument("--stop", type=float, help="second of the file where it stops")
    parser.add_argument(
        "--representation",
        default="db-only",
        choices=REPRESENTATIONS,
        help="what a window is; default: %(default)s",
    )
    parser.add_argument("--out", required=True, type=Path, help="safetensors file to write")
    args = parser.parse_args()
    if (args.start is None) != (args.stop is None):
        parser.error("--start and --stop go together")
    span = None if args.start is None else (args.start, args.stop)
    shard = shard_recording(
        args.recording,
        args.out,
        load_recipe(args.recipe),
        args.representation,
        args.reference,
        span,
        published(args.recording),
    )
    print(f"{args.recording}: {len(shard.starts)} windows {shard.meta['reason']}".rstrip())


if __name__ == "__main__":
    cli.run(main)
