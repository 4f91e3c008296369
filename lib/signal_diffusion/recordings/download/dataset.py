"""A whole dataset from its home, over a few connections at once."""

import shutil
import threading
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from signal_diffusion.errors import UserError
from signal_diffusion.progress import Progress, size
from signal_diffusion.recordings.download import folder
from signal_diffusion.recordings.download.client import Client, Patience, Refused
from signal_diffusion.recordings.download.listing import Published, published, with_size
from signal_diffusion.recordings.download.parallel import in_parallel
from signal_diffusion.recordings.download.transfer import fault_of, fetch, length, part_of

MOST_REFUSED = 10


def download(
    name: str, address: str, root: str | Path, connections: int = 4, patience: Patience | None = None
) -> None:
    """Bring the dataset `name` from `address` into `root`, or what is missing there.

    Files that are there are compared with the published checksums and left as they are. When all are there,
    `.download.json` says so, and a further call asks nobody. The progress goes to stderr, a line per event to
    stdout. Raises UserError when a file that is there differs, the disk is too small or files were refused;
    what has arrived stays for the next call.
    """
    root = Path(root)
    if folder.complete(root, address):
        print(f"{name}: is complete in {root}")
        return
    client = Client(partial(print, flush=True), patience)
    files = published(client, address)
    print(f"{name}: {address} publishes {len(files)} files", flush=True)
    _compare(name, files, root, connections)
    if folder.unfinished(root) or _absent(files, root):
        with folder.receiving(root) as parts:
            _fetch_all(name, client, _absent(files, root), root, parts, connections)
    folder.write_record(root, address, files)
    print(f"{name}: complete in {root}; {_how_checked(files)}")


class Meter:
    """Counts bytes and files for several threads."""

    def __init__(self, progress: Progress, files: int):
        self._progress, self._files, self._done = progress, files, 0
        self._lock = threading.Lock()

    def count(self, received: int) -> None:
        with self._lock:
            self._progress.update(received)

    def note(self, text: str) -> None:
        with self._lock:
            self._progress.note(text)

    def file_done(self) -> None:
        with self._lock:
            self._done += 1
            self._progress.update(0, files=f"{self._done}/{self._files}")


def _absent(files: Sequence[Published], root: Path) -> list[Published]:
    return [file for file in files if not (root / file.path).exists()]


def _compare(name: str, files: Sequence[Published], root: Path, threads: int) -> None:
    """Refuse a file that is there under a published name with other bytes: it is not ours to replace."""

    def fault(file: Published) -> str:
        try:
            return fault_of(root / file.path, file)
        except OSError as error:
            return f"cannot be read: {error.strerror}"

    present = [file for file in files if (root / file.path).exists()]
    if not present:
        return
    odd = {}
    with Progress(len(present), f"{name}: comparing what is there", "files") as progress:
        for file, found in in_parallel(fault, present, threads):
            odd |= {file.path: found} if found else {}
            progress.update()
    if odd:
        first = min(odd)
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        raise UserError(f"{root / first}: {odd[first]} as published{more}; move it away and run it again")


def _fetch_all(
    name: str, client: Client, files: Sequence[Published], root: Path, parts: Path, connections: int
) -> None:
    files = _with_sizes(name, client, files, connections)
    total, have = sum(file.size or 0 for file in files), sum(length(part_of(file, parts)) for file in files)
    _check_room(name, total - have, root)
    with Progress(total, name, "B", done=have) as progress:
        meter = Meter(progress, len(files))
        client.note = meter.note
        try:
            refused = _fetch_each(client, files, root, parts, connections, meter)
        finally:
            client.stopped.set()
    if refused:
        more = f" (and {len(refused) - 1} more files, named above)" if len(refused) > 1 else ""
        raise UserError(f"{name}: {refused[0]}{more}; run it again, it goes on from what is here")


def _fetch_each(
    client: Client, files: Sequence[Published], root: Path, parts: Path, connections: int, meter: Meter
) -> list[Refused]:
    """The refusals; so many of them in one go mean that the rest is refused too."""
    refused: list[Refused] = []
    work = partial(fetch, client, root=root, parts=parts, count=meter.count)
    for _, error in in_parallel(work, files, connections):
        if isinstance(error, Refused):
            refused.append(error)
            meter.note(f"refused: {error}")
        elif error is not None:
            raise error
        else:
            meter.file_done()
        if len(refused) == MOST_REFUSED:
            break
    return refused


def _with_sizes(name: str, client: Client, files: Sequence[Published], connections: int) -> list[Published]:
    if all(file.size is not None for file in files):
        return list(files)
    with Progress(len(files), f"{name}: asking for sizes", "files") as progress:
        found = {}
        for file, sized in in_parallel(partial(with_size, client), files, connections):
            if isinstance(sized, BaseException):
                raise sized
            found[file.path] = sized
            progress.update()
    return [found[file.path] for file in files]


def _check_room(name: str, needed: int, root: Path) -> None:
    free = shutil.disk_usage(root).free
    if needed > free:
        raise UserError(
            f"{root}: {size(needed)} are still to come and {size(free)} are free; make room, or set "
            f"[datasets.{name}] root in the settings to a folder on a larger disk"
        )


def _how_checked(files: Sequence[Published]) -> str:
    kinds = Counter(file.checksum.partition(":")[0] for file in files)
    words = {
        "sha256": "by SHA-256",
        "md5": "by MD5",
        "etag": "by size alone, for want of a published checksum",
    }
    return "verified " + ", ".join(f"{kinds[kind]} {word}" for kind, word in words.items() if kinds[kind])
