"""Bring the table of all diffusion runs, and one run's samples and quality against calls, into the README and docs/.

    snakemake results/diffusion-summary results/diffusion-calls/demo
    python docs/make_results.py --calls demo

No number is typed in: docs/results.csv and docs/calls.json are copies, and the README's tables are made from them.
"""

import argparse
import shutil
from pathlib import Path

from pages import fill
from signal_diffusion.files import read_json
from signal_diffusion.report.calls import sentence
from signal_diffusion.report.diffusion_summary import read_summary, tables

DOCS = Path(__file__).resolve().parent
README = DOCS.parent / "README.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=DOCS.parent / "results", help="folder of the results")
    parser.add_argument("--calls", required=True, help="run whose quality against network calls is shown")
    args = parser.parse_args()
    bring(args.results, args.calls)
    fill(README, "results", results_text(DOCS / "results.csv"))
    fill(README, "calls", calls_text(DOCS / "calls.json"))


def bring(results: Path, run: str) -> None:
    """Copy tables and figures to docs/, the samples of the run among them."""
    summary, calls = results / "diffusion-summary", results / "diffusion-calls" / run
    for source, name in (
        (summary / "diffusion.csv", "results.csv"),
        (summary / "diffusion.png", "results.png"),
        (calls / "calls.json", "calls.json"),
        (calls / "calls.png", "calls.png"),
        (results / "diffusion" / run / "figures" / "samples.png", "demo.png"),
    ):
        shutil.copyfile(source, DOCS / name)


def results_text(path: Path) -> str:
    return tables(read_summary(path))


def calls_text(path: Path) -> str:
    return sentence(read_json(path))


if __name__ == "__main__":
    main()
