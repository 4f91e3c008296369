"""Turn several recordings into their windows; those whose shards still hold are left alone."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_recipe
from signal_diffusion.recordings.batches import parse_jobs
from signal_diffusion.signals.batch import shard_batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help="recipe of config/dataset/, or a TOML file")
    parser.add_argument("--representation", default="db-only", help="what a window is; default: %(default)s")
    parser.add_argument(
        "--recordings",
        required=True,
        help="JSON in bzip2 in base64: a list of [id, file, reference or null, [start, stop] or null]",
    )
    parser.add_argument(
        "--verify",
        metavar="DIGEST",
        help="hold files against the checksums published with them, whose hash it is",
    )
    parser.add_argument(
        "--made-with", nargs="*", default=[], help="keys and code by which a shard is known to be up to date"
    )
    parser.add_argument("--out", required=True, type=Path, help="JSON file to write, the shards beside it")
    args = parser.parse_args()
    jobs = parse_jobs(args.recordings, bool(args.verify))
    shard_batch(jobs, load_recipe(args.recipe), args.out, args.made_with, args.representation)


if __name__ == "__main__":
    cli.run(main)
