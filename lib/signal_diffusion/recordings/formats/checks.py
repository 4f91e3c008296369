"""Refusals and small questions that every reader shares."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from signal_diffusion.errors import Unreadable, UserError
from signal_diffusion.recordings.formats.names import shown
from signal_diffusion.recordings.recording import Span, ended

# Kinds of channel that are not measured in volts, as MNE names them.
NOT_VOLTS = ("stim", "misc", "resp", "temperature", "gsr", "exci", "syst", "ias")


def refuse(path: Path, field: str, found, expected) -> UserError:
    """The one-line error of a bad file, to be raised by the caller.

    `found` must not repeat a text of the header: in a damaged file it may be a part of a person's name.
    """
    return UserError(
        f"{path}: {field}: found {found}, expected {expected}; fetch the file again or leave it out"
    )


@contextmanager
def telling_of_unreadable(path: str | Path) -> Iterator[None]:
    """`Unreadable` of the recording `path` for what the system says when a file in the block cannot be read."""
    try:
        yield
    except OSError as error:
        said = error.strerror or type(error).__name__
        raise Unreadable(f"{path}: cannot be read ({said}); mend that or leave it out") from error


def indices_of(path: Path, picks: list[str], channels: tuple[str, ...]) -> list[int]:
    """Positions of `picks` in `channels`, whose names are unique; raises UserError for absent names."""
    absent = [name for name in picks if name not in channels]
    if absent:
        names = ", ".join(shown(name, i) for i, name in enumerate(channels))
        raise refuse(path, "channels", names, "also " + ", ".join(absent))
    return [channels.index(name) for name in picks]


def samples_of(path: Path, span: Span | None, fs: float, samples: int) -> tuple[int, int]:
    """First sample of the span, and the one after its last; UserError unless the file holds all of it."""
    if span is None:
        return 0, samples
    first, stop = (round(seconds * fs) for seconds in ended(span, samples / fs))
    if not 0 <= first < stop <= samples:
        held = f"a part of the {samples / fs:g} s that the file holds"
        raise refuse(path, "span", f"{span[0]:g} to {span[1]:g} s", held)
    return first, stop


def what_failed(error: Exception) -> str:
    """A foreign reader's complaint, which may quote the header, as no more than its kind."""
    return f"something that ends reading ({type(error).__name__})"


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names that stand twice get "-0", "-1" and so on, as MNE does."""
    names, seen = list(names), Counter()
    counts, unique = Counter(names), []
    for name in names:
        unique.append(f"{name}-{seen[name]}" if counts[name] > 1 else name)
        seen[name] += 1
    return tuple(unique)


def size_and_roughness(microvolts: np.ndarray) -> tuple[float, float]:
    """Medians over channels of the SD, and of the steps' SD relative to it; zeros if there are no samples.

    microvolts: [samples, channels]. White noise has a roughness of 1.41, an EEG well below 1.
    """
    if len(microvolts) < 2:
        return 0.0, 0.0
    size = microvolts.std(axis=0)
    steps = np.diff(microvolts, axis=0).std(axis=0)
    return float(np.median(size)), float(np.median(steps / np.maximum(size, np.finfo(float).tiny)))
