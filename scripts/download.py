"""Download a public dataset: resumed where an earlier attempt ended, and verified as far as it is published."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import dataset_address, load_settings
from signal_diffusion.recordings.download.dataset import download


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="name of the dataset in the settings, such as math")
    parser.add_argument(
        "--from",
        dest="address",
        metavar="URL",
        help="where it is published: https://HOST/FOLDER/ with a SHA256SUMS.txt, or s3+https://HOST/BUCKET/PREFIX/;"
        " default: url of the dataset in the settings, or its home",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to put it; default: root in the settings"
    )
    parser.add_argument(
        "--connections", type=int, default=4, choices=range(1, 17), metavar="N", help="at once, 1 to 16 (4)"
    )
    args = parser.parse_args()
    settings = load_settings()
    address = dataset_address(settings, args.dataset, args.address)
    download(args.dataset, address, args.out or settings.datasets[args.dataset].root, args.connections)


if __name__ == "__main__":
    cli.run(main)
