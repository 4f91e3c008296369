"""Sample a trained run with several solvers in few and many network calls, and judge each set."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.families.diffusion.calls import measure_calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/diffusion/")
    parser.add_argument("--model", required=True, type=Path, help="safetensors file of the trained model")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the real dataset")
    parser.add_argument("--captions", type=Path, help="embeddings of its captions, for caption runs")
    parser.add_argument("--untrained", required=True, type=Path, help="the untrained model's generated set")
    parser.add_argument("--encoder", type=Path, help="folder of a trained feature encoder")
    parser.add_argument("--latents", type=Path, help="its latents, for runs in latent space")
    parser.add_argument("--vae", help="folder or hub id of the VAE, for runs in latent space")
    parser.add_argument("--out", required=True, type=Path, help="JSON file to write")
    args = parser.parse_args()
    run, read = load_run(args.run), (args.model, args.dataset, args.captions)
    measure_calls(run, *read, args.untrained, args.encoder, args.out, args.latents, args.vae)


if __name__ == "__main__":
    cli.run(main)
