"""Train a small VAE in whose latent space a diffusion run may work."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.support.vae import train_vae


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/support/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    train_vae(load_run(args.run), args.dataset, args.out)


if __name__ == "__main__":
    cli.run(main)
