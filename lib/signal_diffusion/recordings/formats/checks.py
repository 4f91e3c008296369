"""Refusals that every reader shares."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from signal_diffusion.errors import UserError


def refuse(path: Path, field: str, found, expected) -> UserError:
    """The one-line error of a bad file, to be raised by the caller."""
    return UserError(
        f"{path}: {field}: found {found}, expected {expected}; fetch the file again or leave it out"
    )


def indices_of(path: Path, picks: list[str], channels: tuple[str, ...]) -> list[int]:
    """Positions of `picks` in `channels`, whose names are unique; raises UserError for absent names."""
    absent = [name for name in picks if name not in channels]
    if absent:
        raise refuse(path, "channels", ", ".join(channels), "also " + ", ".join(absent))
    return [channels.index(name) for name in picks]


def what_failed(error: Exception) -> str:
    """A foreign reader's complaint as the start of one line, without what it quotes.

    That is the file's path, or a field that in a damaged header may hold a part of a person's name.
    """
    complaint = re.sub(r"(['\"]).*?\1", "...", " ".join(str(error).split()))
    return complaint[:160] or type(error).__name__


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names that stand twice get "-0", "-1" and so on, as MNE does."""
    names, seen = list(names), Counter()
    counts, unique = Counter(names), []
    for name in names:
        unique.append(f"{name}-{seen[name]}" if counts[name] > 1 else name)
        seen[name] += 1
    return tuple(unique)
