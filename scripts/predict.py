"""Predict a raw recording with a published classifier; prints the mean over its windows."""

import argparse
from pathlib import Path

from signal_diffusion import cli
from signal_diffusion.datasets.storage import write_table
from signal_diffusion.families.classification.classifier import Classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of a published run, results/classification/NAME")
    parser.add_argument("recording", type=cli.there, help="raw EDF, BDF, CNT, SET or VHDR file")
    parser.add_argument("--reference", help="electrode that was the recording's reference, if on the scalp")
    parser.add_argument("--start", type=float, help="second of the file to start at; goes with --stop")
    parser.add_argument("--stop", type=float, help="second of the file to stop at")
    parser.add_argument("--windows", type=Path, help="CSV file to write, a row for each window")
    args = parser.parse_args()
    if (args.start is None) != (args.stop is None):
        parser.error("--start and --stop go together")
    span = None if args.start is None else (args.start, args.stop)
    prediction = Classifier.load(args.folder).predict(args.recording, args.reference, span)
    print(f"{args.recording}: {len(prediction.starts)} windows", *prediction.lines(), sep="\n")
    if args.windows:
        write_table(args.windows, prediction.table())


if __name__ == "__main__":
    cli.run(main)
