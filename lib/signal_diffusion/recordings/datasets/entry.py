"""One recording of a dataset, as known from file names and subject tables alone."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """`labels` holds gender F/M, health H/PD, age in years, each "" when unknown, then the dataset's own
    labels.

    `recording` is unique within the dataset. `reference` is the scalp electrode that was the recording's
    reference, None when the reference was off the scalp.
    """

    dataset: str
    subject: str
    session: str
    recording: str
    path: Path
    labels: dict[str, str | int] = field(default_factory=dict)
    reference: str | None = None
