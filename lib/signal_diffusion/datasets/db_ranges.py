"""Which decibels the recordings of a recipe fill, which range to clip them to, and what other ranges would cost.

Everything is counted in exact histograms of the training windows, shard by shard, so that memory does not
grow with their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from signal_diffusion.config.datasets import SIMULATED
from signal_diffusion.datasets.build import check_datasets, split_subjects
from signal_diffusion.datasets.ranges import DecibelHistogram
from signal_diffusion.datasets.scan import scan
from signal_diffusion.datasets.sources import check_alike, join_shards, read_indexes
from signal_diffusion.errors import UserError
from signal_diffusion.signals.images import dequantise, quantise

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe

ALL = "all"
BIN = 1.0  # dB, of the histograms that are drawn and compared
LOWER = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 49.0)
UPPER = (98.0, 99.0, 99.5, 99.75, 99.9, 100.0)


@dataclass(frozen=True)
class Clipping:
    """What becomes of a distribution that is clipped to a range and stored in 8 bits.

    clipped: share of values outside. entropy: of the 256 levels, bits. divergence: Jensen-Shannon, between
    the histograms of values before and after, bits (Kullback-Leibler would be infinite wherever values are
    clipped). distance: Wasserstein-1, dB. psnr: peak signal-to-noise ratio, the peak being the whole span of
    the values, dB.
    """

    min_db: float
    max_db: float
    clipped: float
    entropy: float
    divergence: float
    distance: float
    psnr: float


def measure_ranges(
    recipe: "Recipe", shards: Sequence[Path], indexes: Sequence[Path]
) -> dict[str, DecibelHistogram]:
    """The histogram of each dataset's training windows, and of `all` together.

    Shards are those of the representation db-only; the windows are those that a dataset would hold. UserError
    as in `build_dataset`.
    """
    rows = read_indexes(indexes)
    check_datasets(rows, recipe)
    used, _ = join_shards(rows, shards)
    split_subjects(rows, recipe, used)
    training = [source for source in used if source.split == "train"]
    if not training:
        raise UserError("no usable recording is left for training; see the recordings' index")
    check_alike(training, "db-only")
    found = {}
    for name in sorted({source.row["dataset"] for source in training}):
        found[name] = DecibelHistogram()
        own = [source for source in training if source.row["dataset"] == name]
        scan(own, found[name], recipe.signal.fs, recipe.quality.drop)
    together = DecibelHistogram()
    together.counts = sum(each.counts for each in found.values())
    return {**found, ALL: together}


def recommended(histogram: DecibelHistogram, recipe: "Recipe") -> tuple[float, float]:
    """The range between the recipe's percentiles (0.5 and 99.5 unless it says otherwise), dB."""
    config = recipe.spectrogram
    ends = (histogram.percentile(q) for q in (config.lower_percentile, config.upper_percentile))
    low, high = (round(end, 2) for end in ends)
    return low, high


def clipping(histogram: DecibelHistogram, low: float, high: float) -> Clipping:
    """What storing these values in 8 bits between `low` and `high` dB would do to them."""
    values, shares = histogram.distribution()
    levels = quantise(values, low, high)
    restored = dequantise(levels, low, high)
    error = restored - values
    noise = float(shares @ np.square(error))
    span = float(values[-1] - values[0])
    return Clipping(
        low,
        high,
        float(shares @ ((values < low) | (values > high))),
        entropy(np.bincount(levels, shares, 256)),
        jensen_shannon(*_binned(values, restored, shares)),
        # Clipping and rounding keep the order, so that each value's own shift is the cheapest transport.
        float(shares @ np.abs(error)),
        10 * np.log10(span**2 / noise) if noise > 0 else np.inf,
    )


def sweep(histogram: DecibelHistogram) -> pd.DataFrame:
    """`clipping` at every pair of percentiles of `LOWER` and `UPPER` that leaves a range; a row each."""
    ends = {q: round(histogram.percentile(q), 2) for q in (*LOWER, *UPPER)}
    rows = [
        {"lower": lower, "upper": upper} | vars(clipping(histogram, ends[lower], ends[upper]))
        for lower in LOWER
        for upper in UPPER
        if ends[lower] < ends[upper]
    ]
    return pd.DataFrame(rows)


def histogram_table(found: dict[str, DecibelHistogram]) -> pd.DataFrame:
    """Share of values per dataset in bins of `BIN` dB; `db` is a bin's lower end."""
    parts = {name: each.distribution() for name, each in found.items()}
    edges = _edges(np.concatenate([values for values, _ in parts.values()]))
    columns = {
        name: np.histogram(values, edges, weights=shares)[0] for name, (values, shares) in parts.items()
    }
    return pd.DataFrame({"db": edges[:-1], **columns})


def toml_lines(found: dict[str, DecibelHistogram], recipe: "Recipe") -> str:
    """The recommended ranges as they are pasted into the settings or the recipe."""
    low, high = recommended(found[ALL], recipe)
    parts = [
        f"# Into config/dataset/{recipe.name}.toml: one range for all of it.\n{_range('spectrogram', low, high)}"
    ]
    named = [name for name in found if name not in (ALL, SIMULATED)]
    if named:
        tables = [_range(f"datasets.{name}", *recommended(found[name], recipe)) for name in named]
        note = "# Or into the settings: recipes take the lowest min_db and the highest max_db of theirs."
        parts.append("\n\n".join([f"{note}\n{tables[0]}", *tables[1:]]))
    return "\n\n".join(parts) + "\n"


def entropy(shares: np.ndarray) -> float:
    """Of a distribution, bits."""
    shares = shares[shares > 0]
    return float(-np.sum(shares * np.log2(shares)))


def jensen_shannon(first: np.ndarray, second: np.ndarray) -> float:
    """Divergence of two distributions over the same bins, bits: 0 when equal, at most 1."""
    return entropy((first + second) / 2) - (entropy(first) + entropy(second)) / 2


def _binned(values: np.ndarray, restored: np.ndarray, shares: np.ndarray) -> list[np.ndarray]:
    edges = _edges(np.concatenate([values, restored]))
    return [np.histogram(each, edges, weights=shares)[0] for each in (values, restored)]


def _edges(values: np.ndarray) -> np.ndarray:
    first, last = np.floor(values.min() / BIN), np.floor(values.max() / BIN) + 1
    return np.arange(first, last + 1) * BIN


def _range(table: str, low: float, high: float) -> str:
    return f"[{table}]\nmin_db = {low}\nmax_db = {high}"
