"""Draw a synthetic dataset from a published diffusion model, for labels as the real ones, balanced or given."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.config import load_run, source_recipe, source_run
from signal_diffusion.families.diffusion.synthesise import generate_synthetic_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", required=True, type=Path, help="TOML file of config/synthetic/")
    parser.add_argument("--model", required=True, type=Path, help="folder of the published run")
    parser.add_argument(
        "--dataset", required=True, type=Path, help="folder of the dataset that it was trained on"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    synthetic = load_run(args.set)
    run = source_run(synthetic)
    read = source_recipe(run.dataset.name), args.model, args.dataset
    generate_synthetic_dataset(synthetic, *read, run.training.threads, args.out)


if __name__ == "__main__":
    cli.run(main)
