"""Where a recording stuck at the limit of its amplifier; only the samples as they were recorded can tell."""

import numpy as np

from signal_diffusion.signals.quality import blocks

NEAR = 0.01  # of a channel's range: a peak passes there on its way, a clipped one does not


def clipped_shares(data: np.ndarray, fs: float) -> np.ndarray:
    """How much of each second lies at the highest or lowest value of its channel: float32 [channels, seconds].

    data: [channels, samples] at `fs` Hz as recorded, in any unit. A limit counts when it is met in two seconds or
    more, and in twice as many samples as lie in the hundredth of the range next to it; other extremes are peaks.
    """
    seconds = blocks(data, fs)
    shares = np.zeros(seconds.shape[:2], np.float32)
    if not shares.size:
        return shares
    tops, bottoms = seconds.max(axis=2), seconds.min(axis=2)
    ranges = tops.max(axis=1) - bottoms.min(axis=1)
    for sign, edges in ((1, tops), (-1, -bottoms)):
        limits = edges.max(axis=1)
        met = np.count_nonzero(edges == limits[:, None], axis=1)
        for row in np.flatnonzero((met > 1) & (ranges > 0)):
            distance = limits[row] - sign * seconds[row]
            at = distance == 0
            beside = np.count_nonzero(distance <= NEAR * ranges[row]) - at.sum()
            if at.sum() > 2 * beside:
                shares[row] += at.mean(axis=1)
    return shares
