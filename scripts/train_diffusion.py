"""Train a diffusion run; stopped at any step, the same command goes on from its last checkpoint."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.diffusion.train import train_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/diffusion/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--captions", type=Path, help="embeddings of its captions, for caption runs")
    parser.add_argument("--latents", type=Path, help="its latents, for runs in latent space")
    parser.add_argument("--vae", help="folder or hub id of the VAE, for runs in latent space")
    parser.add_argument("--encoder", help="folder or hub id of the text encoders, where these train too")
    parser.add_argument(
        "--checkpoints",
        type=Path,
        help="folder of the checkpoints; default: training.resume, or beside --out",
    )
    parser.add_argument("--out", type=Path, help="weights file to write; default: in training.output_dir")
    args = parser.parse_args()
    run, places = load_run(args.run), (args.out, args.checkpoints)
    train_run(run, args.dataset, args.captions, *places, args.latents, args.vae, args.encoder)


if __name__ == "__main__":
    cli.run(main)
