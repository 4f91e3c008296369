"""One recording of a dataset, as known from file names and subject tables alone."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path

from signal_diffusion.recordings.recording import Span


@dataclass(frozen=True)
class Entry:
    """`labels` holds gender F/M, health H/PD, age in years, each "" when unknown, then the dataset's own
    labels.

    `recording` is unique within the dataset. `reference` is the scalp electrode that was the recording's
    reference, None when the reference was off the scalp. `span` is the part of the file that is this
    recording, in seconds; None is the whole file. `events` names what happens during it, such as seizures:
    onsets and ends in seconds of the recording, none at all when nobody looked. `refused` is the reason why
    names and tables alone say that it cannot be used; such a recording is only listed. `warning` is what they
    say that a user should know. `sidecars` is a hash of the BIDS sidecars beside the file, which the index
    compares with it; "" elsewhere. `rate` is the sampling rate that the dataset documents, in Hz, None where it
    documents none or several; the index refuses a file of another.
    """

    dataset: str
    subject: str
    session: str
    recording: str
    path: Path
    labels: dict[str, str | int] = field(default_factory=dict)
    reference: str | None = None
    span: Span | None = None
    events: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    refused: str = ""
    warning: str = ""
    sidecars: str = ""
    rate: float | None = None


def listing(entries: Iterable[Entry], root: Path) -> str:
    """Hash of all that is known of a dataset's recordings without opening them, wherever `root` lies."""
    names = [each.name for each in fields(Entry)]
    facts = [
        tuple(
            getattr(entry, name) if name != "path" else entry.path.relative_to(root).as_posix()
            for name in names
        )
        for entry in entries
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
