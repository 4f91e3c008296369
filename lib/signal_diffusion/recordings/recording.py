"""What every reader returns, whatever the file's format."""

import math
from dataclasses import dataclass

import numpy as np

Span = tuple[float, float]  # seconds of a file, from its start; an infinite end is the end of the file


@dataclass(frozen=True)
class Recording:
    """Signals in microvolts, float32 [channels, samples], at `fs` samples per second, with their names."""

    data: np.ndarray
    fs: float
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Header:
    """What a file says of itself, read without its signals. `duration` is in seconds.

    `notes` is what a user should know of how it is read. `gaps` are the seconds at which something was cut out, or
    recording was paused, by the file's own account.
    """

    fs: float
    duration: float
    channels: tuple[str, ...]
    format: str
    notes: tuple[str, ...] = ()
    gaps: tuple[float, ...] = ()


def ended(span: Span, duration: float) -> Span:
    """The span with the end of a file of `duration` seconds in place of an infinite one."""
    start, stop = span
    return start, duration if math.isinf(stop) else stop


def gaps_within(header: Header, span: Span | None) -> list[float]:
    """The file's gaps in seconds of its part `span`, in order, without those within a sample of the part's ends."""
    start, stop = ended(span or (0.0, math.inf), header.duration)
    edge = 1.5 / header.fs
    return [gap - start for gap in sorted(set(header.gaps)) if start + edge < gap < stop - edge]
