"""Embed each distinct caption of a dataset once with the two CLIP text encoders of a run."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run
from signal_diffusion.datasets.storage import read_metadata
from signal_diffusion.families.diffusion.prompts import READERS, cache_prompts
from signal_diffusion.families.diffusion.text import DualTextEncoder, cache_embeddings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, type=Path, help="TOML file of config/diffusion/")
    parser.add_argument("--dataset", required=True, type=Path, help="folder of the dataset")
    parser.add_argument("--encoder", required=True, help="folder or hub id of the text encoders")
    parser.add_argument("--out", required=True, type=Path, help="safetensors file to write")
    args = parser.parse_args()
    run = load_run(args.run)
    captions = read_metadata(args.dataset / "metadata.csv")[run.dataset.caption_column]
    if run.model.name in READERS:
        cache_prompts(run, captions, args.encoder, args.out)
    else:
        cache_embeddings(captions, DualTextEncoder.load(args.encoder).encode, args.out)


if __name__ == "__main__":
    cli.run(main)
