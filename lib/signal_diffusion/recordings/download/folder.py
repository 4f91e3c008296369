"""A dataset's folder while it is downloaded, and what says that it is whole.

Files appear in it under their names once they are complete and verified. Meanwhile `.download/` holds the parts
that have arrived, and says by being there that the dataset is not whole; `.download.json`, with the size and
checksum of every file, is written last.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from signal_diffusion.errors import UserError
from signal_diffusion.files import read_json, write_json

if TYPE_CHECKING:
    from signal_diffusion.recordings.download.listing import Published

PARTS, RECORD, LOCK = ".download", ".download.json", "lock"
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


def unfinished(root: Path) -> bool:
    """Whether a download into `root` has begun and not ended."""
    return (root / PARTS).is_dir()


def unfinished_message(name: str, root: Path, command: str) -> str:
    """One line for a dataset of which only a part is there; `command` downloads it."""
    return (
        f"{name}: its download into {root} has not ended; `{command}` goes on with it, "
        f"or delete {root / PARTS} to take the files that are there"
    )


def complete(root: Path, address: str) -> bool:
    """Whether an earlier download from `address` ended and its files are there, by their sizes alone."""
    try:
        record = read_json(root / RECORD)
        found = record["address"] == address and all(
            (root / path).stat().st_size == size for path, (size, _) in record["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return found and not unfinished(root)


@contextmanager
def receiving(root: Path) -> Iterator[Path]:
    """The folder of the parts, which goes when the block succeeds; UserError while another process has it."""
    parts = root / PARTS
    try:
        parts.mkdir(parents=True, exist_ok=True)
        lock = os.open(parts / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UserError(f"{parts}: {error.strerror}; choose a folder that can be written to") from None
    try:
        _hold(lock, root)
        yield parts
    finally:
        os.close(lock)
    shutil.rmtree(parts, ignore_errors=True)  # what is left is taken away by the next attempt


def write_record(root: Path, address: str, files: Iterable["Published"]) -> None:
    """Say that all of `files` are there and verified."""
    found = {each.path: [(root / each.path).stat().st_size, each.checksum] for each in files}
    try:
        write_json(root / RECORD, {"address": address, "files": found})
    except OSError as error:
        raise UserError(
            f"{root / RECORD}: {error.strerror}; make the folder writable, and run it again"
        ) from None


def _hold(lock: int, root: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(f"{root}: another process downloads into it; wait for it, or stop it") from None
    except OSError as error:  # some shared disks have no such locks
        if error.errno not in NO_LOCKS:
            raise
