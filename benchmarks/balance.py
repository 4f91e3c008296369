"""Weights on three datasets of 150, 500 and 1600 windows, in every order: what is reached, and what cannot be.

    python benchmarks/balance.py

The sizes are those of the old sampler's example; the counts of gender and health are chosen here, once with both
values of both in every dataset, once with Parkinson's disease in the smallest dataset alone. The last column is a
linear programme of its own: the least possible largest deviation of any label's share from its target, relative
to it, over all weights that the cap allows. Where it is above 2 %, no weights reach all targets.
"""

import itertools
import time

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from signal_diffusion.config.balance import Weights
from signal_diffusion.datasets.weights import sampling_weights

TASKS = ["dataset", "gender", "health"]
VALUES = list(itertools.product("FM", ("H", "PD")))
COUNTS = {
    "everything everywhere": {
        "small": (20, 30, 30, 70),
        "middle": (150, 100, 150, 100),
        "large": (700, 200, 500, 200),
    },
    "PD in one dataset": {
        "small": (20, 30, 30, 70),
        "middle": (250, 0, 250, 0),
        "large": (1000, 0, 600, 0),
    },
}


def main() -> None:
    print("windows: women healthy, women PD, men healthy, men PD")
    for name, counts in COUNTS.items():
        print(f"\n{name}: {', '.join(f'{key} {value}' for key, value in counts.items())}")
        print(
            f"{'cap':>5} {'method':>7} {'effective':>9} {'largest deviation from the target of':>44} {'seconds':>8}"
        )
        for cap, method in itertools.product((None, 10.0, 5.0), ("ipf", "legacy")):
            report(counts, cap, method)


def report(counts: dict, cap: float | None, method: str) -> None:
    config = Weights(tasks=TASKS, max_sampling_weight=cap, method=method)
    found, started = [], time.perf_counter()
    for order in itertools.permutations(counts):
        rows = table(counts, order)
        weights = sampling_weights(rows, config, order).weights
        effective = weights.sum() ** 2 / np.square(weights).sum()
        found.append(
            (
                effective,
                *(deviation(rows, weights, [task]) for task in TASKS),
                deviation(rows, weights, TASKS),
            )
        )
    seconds = (time.perf_counter() - started) / len(found)
    low, high = np.min(found, axis=0), np.max(found, axis=0)
    cells = [span(a, b, "{:.0f}") for a, b in zip(low[:1], high[:1], strict=True)]
    names = [*TASKS, "joint"]
    cells += [f"{task} {span(a, b, '{:.1%}')}" for task, a, b in zip(names, low[1:], high[1:], strict=True)]
    bound = f"  least possible {least(table(counts, tuple(counts)), cap):.1%}" if method == "ipf" else ""
    print(f"{cap or 'none':>5} {method:>7} {'  '.join(cells)}  {seconds:.2f} s{bound}")


def span(low: float, high: float, form: str) -> str:
    """One number where every order gives the same, else the two ends."""
    texts = [form.format(value) for value in (low, high)]
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)


def table(counts: dict, order: tuple[str, ...]) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"dataset": name, "gender": gender, "health": health}, index=range(n))
        for name in order
        for (gender, health), n in zip(VALUES, counts[name], strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def deviation(rows: pd.DataFrame, weights: np.ndarray, labels: list[str]) -> float:
    """The largest relative difference of a combination's share from equal shares of all combinations."""
    shares = pd.Series(weights).groupby([rows[label] for label in labels]).sum() / weights.sum()
    count = np.prod([rows[label].nunique() for label in labels])
    return 1.0 if len(shares) < count else float(np.abs(shares * count - 1).max())


def least(rows: pd.DataFrame, cap: float | None) -> float:
    """min e with |share - 1/n| <= e/n for every value of every label, shares within the cap, by HiGHS."""
    sizes = rows.groupby(TASKS).size()
    frame = sizes.index.to_frame(index=False)
    above, limits = [], []
    for task in TASKS:
        values = sorted(set(frame[task]))
        for value in values:
            row, target = (frame[task] == value).to_numpy(float), 1 / len(values)
            above += [np.append(row, -target), np.append(-row, -target)]
            limits += [target, -target]
    bounds = [(0, None if cap is None else cap * size / len(rows)) for size in sizes] + [(0, None)]
    cost, equal = np.append(np.zeros(len(sizes)), 1), np.append(np.ones(len(sizes)), 0)[None]
    return linprog(cost, np.array(above), limits, equal, [1], bounds).fun


if __name__ == "__main__":
    main()
