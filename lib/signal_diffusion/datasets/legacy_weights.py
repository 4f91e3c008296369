"""The old sampler's weights (`method = "legacy"`), for people who need their old training distribution.

With f and m the fractions of females and males over all windows and d_k the share of dataset k, every
dataset has an entry per gender, [f + d_k, m + d_k], and a rank, the number of datasets with a smaller sum of
entries. A dataset takes the entries of dataset (n - 1) - rank, counted *in the order of the recipe*, not of
size: only an order from the smallest to the largest favours the small ones. Entries are at most 2, so that
a cap above 2 never binds, and the more frequent gender is favoured.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from signal_diffusion.errors import UserError

GENDERS = ("F", "M")


def legacy_weights(
    metadata: pd.DataFrame, datasets: Sequence[str], tasks: Sequence[str], cap: float | None
) -> np.ndarray:
    """Weights with mean 1, float64 [rows]; uniform unless gender is a task.

    `datasets` gives the order. UserError for a row of unknown gender, for which the old sampler had no rule.
    """
    if "gender" not in tasks:
        return np.ones(len(metadata))
    gender = metadata["gender"].to_numpy(dtype=str)
    if strange := sorted(set(gender) - set(GENDERS)):
        raise UserError(
            f'[weights] method = "legacy" needs the gender of every training window, found {strange[0]!r}; '
            "leave such recordings out, or use ipf"
        )
    dataset = metadata["dataset"].to_numpy(dtype=str)
    order = [name for name in datasets if name in set(dataset)]
    entries = _entries(dataset, gender, order)
    entries = entries if cap is None else np.minimum(entries, cap)
    places = {name: k for k, name in enumerate(order)}
    weights = entries[[places[name] for name in dataset], (gender == GENDERS[1]).astype(int)]
    return weights / weights.mean()


def _entries(dataset: np.ndarray, gender: np.ndarray, order: Sequence[str]) -> np.ndarray:
    """Entries after the exchange by rank, float64 [datasets, genders]."""
    fractions = np.array([np.mean(gender == one) for one in GENDERS])
    shares = np.array([np.mean(dataset == name) for name in order])
    entries = fractions[None] + shares[:, None]
    scores = entries.sum(axis=1)
    ranks = (scores[None] < scores[:, None]).sum(axis=1)
    return entries[len(order) - 1 - ranks]
