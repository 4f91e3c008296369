"""Encode the images of a dataset once with the VAE of a run."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.families.diffusion.latents import encode_latents


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, type=Path, help="folder of a dataset of images")
    parser.add_argument("--vae", required=True, help="folder or hub id of the VAE")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    encode_latents(args.dataset, args.vae, args.out)


if __name__ == "__main__":
    cli.run(main)
