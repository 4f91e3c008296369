"""Refusals that every reader shares."""

from pathlib import Path

from signal_diffusion.errors import UserError


def refuse(path: Path, field: str, found, expected) -> UserError:
    """The one-line error of a bad file, to be raised by the caller."""
    return UserError(
        f"{path}: {field}: found {found}, expected {expected}; fetch the file again or leave it out"
    )


def indices_of(path: Path, picks: list[str], channels: tuple[str, ...]) -> list[int]:
    """Positions of `picks` in `channels`; raises UserError for a name that is absent or stands there twice."""
    absent = [name for name in picks if name not in channels]
    if absent:
        raise refuse(path, "channels", ", ".join(channels), "also " + ", ".join(absent))
    twice = [name for name in picks if channels.count(name) > 1]
    if twice:
        raise refuse(path, "channels", f"{', '.join(twice)} more than once", "each once")
    return [channels.index(name) for name in picks]
