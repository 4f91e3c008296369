"""How often an exported training window is repeated, for tools that cannot draw by weight."""

import numpy as np
import pandas as pd

from signal_diffusion.datasets.storage import IDS
from signal_diffusion.errors import UserError

MOST = 20  # times as many rows as windows
_ORDER = [*IDS, "window"]


def copies(metadata: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Whole numbers of copies, int64 [rows], in proportion to the weights: the least weight has one.

    Among the windows of one weight the fractions are spread by error diffusion in the order of their ids, so
    that their copies sum to their weights within a half, and a window has its weight rounded down or up.
    UserError when the copies would be more than 20 times the windows.
    """
    scaled = weights / weights.min()
    if scaled.mean() > MOST:
        raise UserError(
            f"[export] copies: {len(weights)} training windows would become {scaled.sum():.0f}; lower "
            "max_sampling_weight, or leave copies out and draw by the column weight"
        )
    order = metadata.reset_index(drop=True).sort_values(_ORDER, kind="stable").index.to_numpy()
    numbers = np.empty(len(weights), dtype=np.int64)
    # Weights of one cell are equal but for rounding.
    buckets = np.unique(np.round(scaled, 9), return_inverse=True)[1][order]
    for bucket in range(buckets.max() + 1):
        rows = order[buckets == bucket]
        numbers[rows] = _diffused(scaled[rows])
    return numbers


def _diffused(values: np.ndarray) -> np.ndarray:
    # The half makes the sum the nearest whole number; what rounding takes from an edge is given back.
    reached = np.floor(np.cumsum(values) + 0.5 + 1e-9).astype(np.int64)
    return np.diff(reached, prepend=0)
