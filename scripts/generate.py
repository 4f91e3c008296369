"""Generate a synthetic dataset with the label distribution of the reference split."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.diffusion.generate import generate_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/diffusion/")
    parser.add_argument("--model", required=True, type=Path, help="safetensors file of the trained model")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the real dataset")
    parser.add_argument("--captions", type=Path, help="embeddings of its captions, for caption runs")
    parser.add_argument("--latents", type=Path, help="its latents, for runs in latent space")
    parser.add_argument("--vae", help="folder or hub id of the VAE, for runs in latent space")
    parser.add_argument("--encoder", help="folder or hub id of the text encoders, where these train too")
    parser.add_argument("--untrained", action="store_true", help="use the model before its first step")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    run, read = load_run(args.run), (args.model, args.dataset, args.captions)
    generate_run(run, *read, args.out, args.untrained, args.latents, args.vae, args.encoder)


if __name__ == "__main__":
    cli.run(main)
