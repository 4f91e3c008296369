"""One file from its home into its place: resumed where it stopped, checked, and fetched again once when wrong."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from signal_diffusion.errors import UserError
from signal_diffusion.files import digest, put
from signal_diffusion.progress import size
from signal_diffusion.recordings.download.client import Client, Passing, Refused, Stopped
from signal_diffusion.recordings.download.listing import Published

if TYPE_CHECKING:
    from requests import Response

CHUNK = 1 << 18  # bytes at most
Count = Callable[[int], None]


def part_of(file: Published, parts: Path) -> Path:
    """Where its bytes gather; another version of the file gathers elsewhere."""
    version = file.checksum.partition(":")[2][:8]
    return parts / f"{file.path}.{version}.part"


def fetch(client: Client, file: Published, root: Path, parts: Path, count: Count) -> None:
    """Put a verified file into `root`; `count` hears of the bytes, and of lost ones as less than nothing.

    Raises Refused when its home does not give it, or gives wrong bytes twice; UserError when it cannot be
    written.
    """
    part, place = part_of(file, parts), root / file.path
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _receive_right(client, file, part, count)
        place.parent.mkdir(parents=True, exist_ok=True)
        put(part, place)
    except OSError as error:
        what = f"{error.filename or place}: {error.strerror}"
        raise UserError(f"{what}; make room or give rights there, and run it again: it goes on") from None


def fault_of(path: Path, file: Published) -> str:
    """What of the file at `path` is not as published, or ""."""
    found = path.stat().st_size
    if file.size is not None and found != file.size:
        return f"found {found} bytes, expected {file.size}"
    kind, _, expected = file.checksum.partition(":")
    if kind in ("sha256", "md5") and (found := digest(path, kind)) != expected:
        return f"found {kind} {found[:12]}, expected {expected[:12]}"
    return ""


def _receive_right(client: Client, file: Published, part: Path, count: Count) -> None:
    for last in (False, True):
        client.persist(partial(_receive, client, file, part, count), partial(length, part))
        fault = fault_of(part, file)
        if not fault:
            return
        _drop(part, count)
        if not last:
            client.note(f"{file.path}: {fault}; fetched once more")
    raise Refused(f"{file.url}: {fault}, twice; tell its home, or try another one with --from")


def _receive(client: Client, file: Published, part: Path, count: Count) -> None:
    """Add what is missing; raises Passing when the connection ends too early."""
    start = length(part)
    if file.size is not None and start > file.size:
        start = _drop(part, count)
    if start == file.size:
        part.touch()
        return
    with client.open(file.url, start) as response:
        _agree(response, file, part, start, count)
        with part.open("ab") as target:
            while chunk := response.raw.read1(CHUNK, decode_content=False):  # whatever has come, at once
                target.write(chunk)
                target.flush()
                count(len(chunk))
                if client.stopped.is_set():
                    raise Stopped
                if file.size is not None and target.tell() > file.size:
                    return
    if file.size is not None and (have := length(part)) < file.size:
        raise Passing(f"{file.url}: ended after {size(have)} of {size(file.size)}")


def _agree(response: "Response", file: Published, part: Path, start: int, count: Count) -> None:
    """Drop a part that the server does not go on with: it sends the whole file, or says that it cannot."""
    if response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
        f"bytes {start}-"
    ):
        return
    _drop(part, count)
    if response.status_code != 200:
        raise Passing(f"{file.url}: does not go on from byte {start}")


def length(part: Path) -> int:
    """Bytes that have arrived."""
    return part.stat().st_size if part.exists() else 0


def _drop(part: Path, count: Count) -> int:
    count(-length(part))
    part.unlink(missing_ok=True)
    return 0
