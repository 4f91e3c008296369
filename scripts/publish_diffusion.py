"""Put a run's model, samples, metrics, figures and card into the one folder that users look at."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.report.diffusion import publish_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/diffusion/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the real dataset")
    parser.add_argument("--encoder", help="folder or hub id of the text encoders, for caption runs")
    parser.add_argument("--vae", help="folder or hub id of the VAE, for runs in latent space")
    parser.add_argument("--model", required=True, type=Path, help="safetensors file of the trained model")
    parser.add_argument("--synthetic", required=True, type=Path, help="folder of the generated set")
    parser.add_argument("--metrics", required=True, type=Path, help="JSON file of the evaluation")
    parser.add_argument("--figures", required=True, type=Path, help="folder of the figures")
    parser.add_argument("--checkpoints", required=True, type=Path, help="folder of the checkpoints to let go")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    publish_run(
        load_run(args.run),
        args.dataset,
        args.encoder,
        args.model,
        args.synthetic,
        args.metrics,
        args.figures,
        args.checkpoints,
        args.out,
        args.vae,
    )


if __name__ == "__main__":
    cli.run(main)
