"""Which recordings one process takes together, for starting it costs more than a recording does."""

import base64
import bz2
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.checksums import published
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.formats import files, why_unreadable
from signal_diffusion.recordings.recording import Span

FEW, SMALL = 8, 16  # batches for the cores of one machine to share, of so many recordings or more
DOUBLINGS = (2, 4, 8)
A_MINUTES_WORK = 2 * 10**9  # bytes of recordings; beside it a cluster's 7 s for the start of a job are little


def batches(entries: Iterable[Entry], size: int, stored: int = 0) -> dict[str, list[Entry]]:
    """Batches by the names "0-of-4", "1-of-4" and so on, empty ones left out.

    Up to eight of about 16 recordings; more recordings make the batches larger, until they hold about `size`, or a
    minute's work of the bytes that are `stored` in all. A subject's batch follows from its id and from the number of
    batches, a power of two: a subject more changes one batch, unless the number doubles.
    """
    entries = sorted(entries, key=lambda entry: entry.recording)
    enough = max(len(entries) / size, min(stored / A_MINUTES_WORK, len(entries)))
    count = max(_power_of_two(enough), min(_power_of_two(len(entries) / SMALL), FEW))
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(f"{crc32(entry.subject.encode()) % count}-of-{count}", []).append(entry)
    return found


def stored_bytes(paths: Iterable[Path]) -> int:
    """Of those files that are there."""
    return sum(path.stat().st_size for path in paths if path.is_file())


def _power_of_two(least: float) -> int:
    return 1 << max(math.ceil(least) - 1, 0).bit_length()


def kin(batch: str) -> list[str]:
    """The batch itself, and those that its recordings are in with fewer batches, or with up to eight times as many."""
    number, count = map(int, batch.split("-of-"))
    halvings = [count >> times for times in range(1, count.bit_length())]
    fewer = [f"{number % less}-of-{less}" for less in halvings]
    more = [f"{number + place * count}-of-{times * count}" for times in DOUBLINGS for place in range(times)]
    return [batch, *fewer, *more]


@dataclass(frozen=True)
class Job:
    """A recording to be read: its id, its file, the electrode that was its reference, its part of the file, the
    published checksums (`checksums.published`) that its files must have."""

    recording: str
    path: Path
    reference: str | None = None
    span: Span | None = None
    digests: dict[str, str] = field(default_factory=dict)

    def made_from(self, made_with: Sequence[str]) -> str:
        """Hash of what its shard depends on: its files by size and time, how it is read, and `made_with`.

        UserError if one cannot be opened: planning leaves such recordings out, so it could be a moment ago.
        """
        if why := why_unreadable(self.path):
            raise UserError(why)
        sizes = [[file.st_size, file.st_mtime_ns] for file in (path.stat() for path in files(self.path))]
        facts = [str(self.path), sizes, self.reference, self.span, self.digests, *made_with]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def jobs_text(entries: Iterable[Entry]) -> str:
    """The jobs of a batch as one word for a command line, which has room for 128 kB: JSON in bzip2 in base64."""
    jobs = [[each.recording, str(each.path), each.reference, each.span] for each in entries]
    return base64.b64encode(bz2.compress(json.dumps(jobs).encode())).decode()


def parse_jobs(text: str, verify: bool = False) -> list[Job]:
    """What `jobs_text` wrote; with the published checksums if `verify`, which would not compress."""
    jobs = json.loads(bz2.decompress(base64.b64decode(text)))
    return [
        Job(
            name,
            Path(path),
            reference,
            tuple(span) if span else None,
            published(Path(path)) if verify else {},
        )
        for name, path, reference, span in jobs
    ]


def checksums_digest(entries: Iterable[Entry]) -> str:
    """Hash of the published checksums of a batch, by which planning knows that one has changed."""
    return hashlib.sha256(json.dumps([published(each.path) for each in entries]).encode()).hexdigest()
