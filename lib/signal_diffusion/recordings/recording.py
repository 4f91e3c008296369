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

    `notes` is what a user should know of how it is read.
    """

    fs: float
    duration: float
    channels: tuple[str, ...]
    format: str
    notes: tuple[str, ...] = ()


def ended(span: Span, duration: float) -> Span:
    """The span with the end of a file of `duration` seconds in place of an infinite one."""
    start, stop = span
    return start, duration if math.isinf(stop) else stop
