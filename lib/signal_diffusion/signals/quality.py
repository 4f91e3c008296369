"""Which channels and seconds of a recording hold no usable signal, told from the covariances of its seconds.

The criteria are those of the PREP pipeline (Bigdely-Shamlo et al., 2015, Front. Neuroinform. 9:16): no
signal, a deviating amplitude, too much at high frequencies, too little correlation with other channels, each
by robust statistics. Clipping is added; RANSAC, which would take longer than all the rest of a shard, is left
out. docs/quality.md says more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from signal_diffusion.signals.extremes import Extremes, blocks

if TYPE_CHECKING:
    from signal_diffusion.config.quality import Quality

GOOD, FLAT, CLIPPED, OUTLYING = range(4)
REASONS = ("good", "flat", "clipped", "outlying")  # by the codes above
NOISY, DISCONNECTED = "noisy", "disconnected"  # only of channels
FEWEST_CHANNELS = 5  # that can tell what is usual among channels
FEWEST_SECONDS = 30  # below, chance alone correlates channels by about `quality.correlation`
MAD_TO_SD = 1.4826  # of a normal distribution; holds until half of the values are outliers


@dataclass(frozen=True)
class Findings:
    """What was found in whole seconds of a recording.

    codes: uint8 [channels, seconds], the places in `REASONS`. amplitude: float32 uV, of the same shape,
    standard deviations against the mean of the good channels, of flat channels against nothing. bad: reasons
    by row.
    """

    codes: np.ndarray
    amplitude: np.ndarray
    bad: dict[int, str]

    @property
    def good(self) -> np.ndarray:
        """Rows of the channels that are not bad, int64."""
        return np.setdiff1d(np.arange(len(self.codes)), list(self.bad))

    def good_seconds(self, bad_share: float) -> int:
        """Seconds in which no more than this share of the good channels is bad."""
        bad = np.count_nonzero(self.codes[self.good] != GOOD, axis=0)
        return int(np.count_nonzero(bad <= bad_share * len(self.good)))


def inspect(
    data: np.ndarray, raw: Extremes, fs: float, limits: "Quality", exempt: Sequence[int] = ()
) -> Findings:
    """Judge every second and every channel.

    data: [channels, samples] uV at `fs` Hz, before a reference is subtracted. raw: the `extremes` of the
    samples from which they were made. exempt: rows that are zero because they were the recording's reference.
    """
    covariance = covariances(data, fs)[: raw.ranges.shape[1]]
    own = np.sqrt(_variances(covariance))
    seconds = slice(own.shape[1])
    codes = np.zeros(own.shape, np.uint8)
    codes[raw.clipped[:, seconds] > limits.clipped_share] = CLIPPED
    # The resampler rings into a flat second from those beside it, so its recorded range counts as well.
    codes[(own < limits.flat_uv) | (raw.ranges[:, seconds] < limits.flat_uv)] = FLAT
    codes[list(exempt)] = GOOD
    heard = _heard(codes, limits)
    fast = _fast(data, fs)[:, heard]
    bad = _bad_channels(covariance[heard], own[:, heard], fast, codes[:, heard], limits, exempt)
    amplitude = _referenced(covariance, bad)
    _mark_outlying(codes, amplitude, heard, _left(codes, bad, exempt), limits)
    flat = [row for row, reason in bad.items() if reason == REASONS[FLAT]]
    amplitude[flat] = own[flat]
    return Findings(codes, amplitude, bad)


def window_faults(
    findings: Findings, starts: np.ndarray, nsamps: int, fs: float, bad_share: float
) -> dict[str, list[int]]:
    """The windows of which more than `bad_share` is bad, by what most of it is: reason -> numbers of windows.

    starts: first samples of windows of `nsamps` samples at `fs` Hz. Counted are the seconds that a window
    touches, in good channels.
    """
    codes = findings.codes[findings.good]
    kinds = np.arange(1, len(REASONS))[:, None]
    counts = (codes[:, None] == kinds).sum(axis=0)
    reached = np.concatenate([np.zeros((len(kinds), 1), np.int64), counts.cumsum(axis=1)], axis=1)
    edges = np.floor(starts / fs), np.ceil((starts + nsamps) / fs)
    first, last = (np.minimum(edge.astype(np.int64), codes.shape[1]) for edge in edges)
    found = reached[:, last] - reached[:, first]
    bad = found.sum(axis=0) > bad_share * len(codes) * (last - first)
    worst = found.argmax(axis=0)
    faults = {REASONS[kind]: np.flatnonzero(bad & (worst == kind - 1)).tolist() for kind in kinds[:, 0]}
    return {reason: windows for reason, windows in faults.items() if windows}


def covariances(data: np.ndarray, fs: float) -> np.ndarray:
    """float32 [seconds, channels, channels]: whatever is subtracted later, these tell what it would leave."""
    seconds = blocks(data, fs)
    seconds = seconds - seconds.mean(axis=2, keepdims=True)
    return np.matmul(seconds.transpose(1, 0, 2), seconds.transpose(1, 2, 0)) / np.float32(seconds.shape[2])


def _variances(covariance: np.ndarray) -> np.ndarray:
    """float32 [channels, seconds]"""
    return np.ascontiguousarray(np.diagonal(covariance, axis1=1, axis2=2).T)


def _fast(data: np.ndarray, fs: float) -> np.ndarray:
    """Root mean square of the steps from sample to sample, which grow with frequency: [channels, seconds]."""
    seconds = blocks(data, fs)
    steps = seconds[:, :, 1:] - seconds[:, :, :-1]
    return np.sqrt(np.einsum("cst,cst->cs", steps, steps) / max(steps.shape[2], 1))


def _referenced(covariance: np.ndarray, bad: dict[int, str]) -> np.ndarray:
    """Standard deviations [channels, seconds] without the mean over the channels that are not bad."""
    weights = np.ones(covariance.shape[1], np.float32)
    weights[list(bad)] = 0
    weights /= max(weights.sum(), 1)
    shared = covariance @ weights
    left = _variances(covariance) - 2 * shared.T + shared @ weights
    return np.sqrt(np.maximum(left, 0))


def _left(codes: np.ndarray, bad: dict[int, str], exempt: Sequence[int]) -> np.ndarray:
    return np.setdiff1d(np.arange(len(codes)), [*bad, *exempt])


def _heard(codes: np.ndarray, limits: "Quality") -> np.ndarray:
    """Seconds in which most channels have a signal: a break of the whole recording speaks against no channel.

    All of them when so few are left that nothing could be told from these.
    """
    heard = np.count_nonzero(codes, axis=0) <= len(codes) / 2
    enough = heard.sum() >= min(FEWEST_SECONDS, limits.bad_share * len(heard))
    return np.flatnonzero(heard | ~enough)


def _bad_channels(
    covariance: np.ndarray,
    own: np.ndarray,
    fast: np.ndarray,
    codes: np.ndarray,
    limits: "Quality",
    exempt: Sequence[int],
) -> dict[int, str]:
    """Reasons by row: those that no reference makes good, then those that stand out without them."""
    bad = _bad_throughout(codes, limits)
    bad |= _deviating(own, _left(codes, bad, exempt), limits)
    rows = _left(codes, bad, exempt)
    bad |= {row: NOISY for row in _deviating(fast, rows, limits, below=False)}
    bad |= _disconnected(covariance, _left(codes, bad, exempt), limits)
    while more := _outlying(_referenced(covariance, bad), _left(codes, bad, exempt), limits):
        bad |= more
    return bad


def _bad_throughout(codes: np.ndarray, limits: "Quality") -> dict[int, str]:
    """Channels of which too large a share is flat or clipped, by what most of it is."""
    if not codes.shape[1]:
        return {}
    shares = [(codes == code).mean(axis=1) for code in (FLAT, CLIPPED)]
    rows = np.flatnonzero(np.sum(shares, axis=0) > limits.bad_share)
    return {int(row): REASONS[FLAT + int(shares[1][row] > shares[0][row])] for row in rows}


def _deviating(
    amplitude: np.ndarray, rows: np.ndarray, limits: "Quality", below: bool = True
) -> dict[int, str]:
    """Those of the rows whose typical amplitude [channels, seconds] is far above the others', or below."""
    if len(rows) < FEWEST_CHANNELS or not amplitude.shape[1]:
        return {}
    levels = np.log(np.maximum(np.median(amplitude[rows], axis=1), np.float32(1e-9)))
    levels -= np.median(levels)
    far = (np.abs(levels) if below else levels) > _reach(levels, limits)
    return {int(row): REASONS[OUTLYING] for row in rows[far]}


def _reach(levels: np.ndarray, limits: "Quality") -> float:
    """How far from 0, their median, log amplitudes may be: `deviation` robust SDs, or `factor` if more."""
    return max(limits.deviation * MAD_TO_SD * float(np.median(np.abs(levels))), float(np.log(limits.factor)))


def _disconnected(covariance: np.ndarray, rows: np.ndarray, limits: "Quality") -> dict[int, str]:
    """Those of the rows that follow no other, where most channels do follow another."""
    if len(rows) < FEWEST_CHANNELS or len(covariance) < FEWEST_SECONDS:
        return {}
    alone = closest_correlations(covariance, rows) < limits.correlation
    return {int(row): DISCONNECTED for row in rows[alone]} if 2 * alone.sum() < len(rows) else {}


def closest_correlations(covariance: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How closely each row follows another: its largest absolute correlation, in the median over seconds."""
    spread = np.sqrt(np.maximum(_variances(covariance)[rows], np.float32(1e-9)))
    one, other = np.triu_indices(len(rows), 1)
    pairs = covariance[:, rows[one], rows[other]].T / (spread[one] * spread[other])
    middle = len(covariance) // 2
    typical = np.abs(np.partition(pairs, middle, axis=1)[:, middle])
    closest = np.zeros(len(rows), np.float32)
    np.maximum.at(closest, one, typical)
    np.maximum.at(closest, other, typical)
    return closest


def _outlying(amplitude: np.ndarray, rows: np.ndarray, limits: "Quality") -> dict[int, str]:
    """Those of the rows that are too large too often, or deviate, once the others' mean is subtracted."""
    if not amplitude.shape[1]:
        return {}
    extreme = rows[(amplitude[rows] > limits.extreme_uv).mean(axis=1) > limits.bad_share]
    found = {int(row): REASONS[OUTLYING] for row in extreme}
    return found or _deviating(amplitude, rows, limits)


def _mark_outlying(
    codes: np.ndarray, amplitude: np.ndarray, heard: np.ndarray, rows: np.ndarray, limits: "Quality"
) -> None:
    """Seconds that are unlike the usual ones of their channel, or larger than any EEG."""
    if not len(rows) or not len(heard):
        return
    levels = np.log(np.maximum(amplitude[rows], np.float32(1e-9)))
    levels -= np.median(levels[:, heard], axis=1, keepdims=True)
    levels -= np.median(levels[:, heard])
    unusual = (np.abs(levels) > _reach(levels[:, heard], limits)) | (amplitude[rows] > limits.extreme_uv)
    codes[rows] = np.where(unusual & (codes[rows] == GOOD), OUTLYING, codes[rows])
