"""Measure a synthetic dataset: distances, effects of the labels, memorisation, each beside its floor."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.diffusion.evaluate import evaluate_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/diffusion/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the real dataset")
    parser.add_argument("--synthetic", required=True, type=Path, help="folder of the generated set")
    parser.add_argument("--untrained", required=True, type=Path, help="the untrained model's generated set")
    parser.add_argument("--encoder", type=Path, help="folder of a trained feature encoder")
    parser.add_argument("--vae", help="folder or hub id of the VAE, for runs in latent space")
    parser.add_argument("--out", required=True, type=Path, help="JSON file to write")
    parser.add_argument("--curves", required=True, type=Path, help="safetensors file of the figures' arrays")
    args = parser.parse_args()
    run = load_run(args.run)
    sets = args.dataset, args.synthetic, args.untrained
    evaluate_run(run, *sets, args.encoder, args.out, args.curves, args.vae)


if __name__ == "__main__":
    cli.run(main)
