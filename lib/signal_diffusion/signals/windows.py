"""Cutting a recording into windows."""

import numpy as np

from signal_diffusion.errors import UserError


def window_starts(n_samples: int, nsamps: int, ovr_perc: float) -> np.ndarray:
    """First samples of all windows that lie wholly inside a recording.

    The first of them is 0, and they follow each other at `nsamps - floor(nsamps * ovr_perc)` samples. Returns
    int64 [n]; a recording shorter than a window has none.
    """
    if not 0 <= ovr_perc < 1:
        raise UserError(f"signal.ovr_perc = {ovr_perc}: windows must overlap by 0 or more and less than 1")
    shift = nsamps - int(nsamps * ovr_perc)
    return np.arange(0, n_samples - nsamps + 1, shift, dtype=np.int64)
