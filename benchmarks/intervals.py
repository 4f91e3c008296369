"""How often the intervals of a classifier's scores hold the truth, for few and many subjects.

People differ: each has a share of right windows drawn from Beta(3.5, 1.5), whose mean of 0.7 is the truth that the
interval of the balanced accuracy must hold in 95 of 100 studies. Beside the expanded percentile interval stand the
plain percentiles over subjects and the binomial interval over windows that the field mostly prints.
"""

import argparse

import numpy as np
from signal_diffusion.markdown import table
from signal_diffusion.metrics.classification.scores import class_scores
from signal_diffusion.metrics.resampling import expanded_estimate, group_weights

TRUTH, WINDOWS = 0.7, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, nargs="+", default=[6, 12, 24, 48])
    parser.add_argument("--studies", type=int, default=1000)
    args = parser.parse_args()
    found = {
        number: coverage(number, args.studies, np.random.default_rng(number)) for number in args.subjects
    }
    rows = [(number, *(f"{share:.3f}" for share in shares)) for number, shares in found.items()]
    print(table(("subjects", "expanded percentile", "plain percentile", "binomial over windows"), rows))


def coverage(subjects: int, studies: int, rng: np.random.Generator) -> np.ndarray:
    """Shares of studies whose three intervals hold the truth."""
    weights = group_weights(np.arange(subjects), 1000, rng)
    return np.mean([study(subjects, weights, rng) for _ in range(studies)], axis=0)


def study(subjects: int, weights: np.ndarray, rng: np.random.Generator) -> tuple[bool, bool, bool]:
    """Whether each of the three intervals holds the truth, for people drawn anew with as many windows of each class."""
    owners = np.repeat(np.arange(subjects), WINDOWS)
    truth = np.tile(np.arange(2), len(owners) // 2)
    right = rng.uniform(size=len(owners)) < rng.beta(3.5, 1.5, subjects)[owners]
    scores = class_scores(truth, np.eye(2)[np.where(right, truth, 1 - truth)], owners, weights)
    values = scores["balanced_accuracy"]
    expanded = expanded_estimate(values, subjects)
    low, high = np.quantile(values[1:], [0.025, 0.975])
    margin = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / len(right))
    return (
        expanded["low"] <= TRUTH <= expanded["high"],
        low <= TRUTH <= high,
        abs(right.mean() - TRUTH) <= margin,
    )


if __name__ == "__main__":
    main()
