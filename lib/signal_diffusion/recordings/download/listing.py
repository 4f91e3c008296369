"""What a home publishes: the files of a dataset with their sizes and checksums."""

import hashlib
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.download.folder import PARTS, RECORD

if TYPE_CHECKING:
    from signal_diffusion.recordings.download.client import Client

SUMS = "SHA256SUMS.txt"
LONGEST_NAME = 240  # bytes; file systems take 255, and a part's name is longer than its file's


@dataclass(frozen=True)
class Published:
    """A file: its path in the dataset, its address, its size in bytes (None: not said) and its checksum.

    A checksum is `sha256:...` or `md5:...`; `etag:...` tells versions apart but cannot be computed from the
    bytes.
    """

    path: str
    url: str
    size: int | None
    checksum: str


def published(client: "Client", address: str) -> list[Published]:
    """The files at `address`, by path.

    Raises UserError when there is no list, a line of it is not understood, or a path would leave the
    dataset's folder.
    """
    if address.startswith("s3+"):
        files = _bucket(client, address.removeprefix("s3+"))
    else:
        files = _tree(client, address)
    if not files:
        raise UserError(f"{address}: holds no files; correct the address")
    _check_paths(address, [file.path for file in files])
    return sorted(files, key=lambda file: file.path)


def _tree(client: "Client", address: str) -> list[Published]:
    """The files that SHA256SUMS.txt names, as `sha256sum` or PhysioNet write it, and that list itself."""
    url = address + SUMS
    body = client.read(url)
    files = [Published(SUMS, url, len(body), f"sha256:{hashlib.sha256(body).hexdigest()}")]
    for number, line in enumerate(body.decode(errors="replace").splitlines(), 1):
        match = re.fullmatch(r"([0-9a-fA-F]{64}) [ *]?(?:\./)?(\S.*)", line)
        if not match and line.strip():
            raise UserError(f"{url}: line {number}: found {line[:60]!r}, expected a SHA-256 and a path")
        if match and match[2] != SUMS:
            path = match[2]
            files.append(Published(path, address + quote(path), None, f"sha256:{match[1].lower()}"))
    return files


def _bucket(client: "Client", address: str) -> list[Published]:
    """The objects below a prefix, over all pages of ListObjectsV2 of Amazon S3 and its likes."""
    scheme, _, host, bucket, prefix = address.split("/", 4)
    base, token, files = f"{scheme}//{host}/{bucket}", "", []
    while True:
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
        page = _page(base, client.read(base, query | ({"continuation-token": token} if token else {})))
        # Stores that do not know the encoding that was asked for list the keys as they are.
        decode = unquote_plus if page.findtext("{*}EncodingType") == "url" else str
        files += [_object(base, prefix, entry, decode) for entry in page.iterfind("{*}Contents")]
        before, token = token, page.findtext("{*}NextContinuationToken", "")
        if page.findtext("{*}IsTruncated") != "true":
            return [file for file in files if file.path and not file.path.endswith("/")]
        if token in ("", before):
            raise UserError(f"{base}: its list says that it goes on, but not where; try again later")


def _page(base: str, body: bytes) -> ElementTree.Element:
    try:
        page = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        page = None
    if page is None or not page.tag.endswith("ListBucketResult"):
        raise UserError(f"{base}: found {body[:60]!r}, expected the list of a bucket; correct the address")
    return page


def _object(base: str, prefix: str, entry: ElementTree.Element, decode: Callable[[str], str]) -> Published:
    key = decode(entry.findtext("{*}Key", ""))
    tag = entry.findtext("{*}ETag", "").strip('"')
    size = entry.findtext("{*}Size", "")
    # Of an object that was uploaded in several parts, the tag is a hash of their hashes.
    kind = "md5" if re.fullmatch(r"[0-9a-f]{32}", tag) else "etag"
    known = int(size) if size.isdecimal() else None
    return Published(key.removeprefix(prefix), f"{base}/{quote(key)}", known, f"{kind}:{tag}")


def _check_paths(address: str, paths: list[str]) -> None:
    times = Counter(paths)
    for path in paths:
        parts = path.split("/")
        folders = {"/".join(parts[:end]) for end in range(1, len(parts))}
        if not all(map(_is_name, parts)) or parts[0] in (PARTS, RECORD):
            raise UserError(f"{address}: names a file {path!r}, which has no place in a dataset's folder")
        if times[path] > 1 or folders & times.keys():
            raise UserError(f"{address}: names {path!r} twice, or a folder of it as a file; correct the list")


def _is_name(part: str) -> bool:
    plain = not re.search(r"[\x00-\x1f\x7f\\]", part)
    return plain and part not in ("", ".", "..") and len(part.encode()) <= LONGEST_NAME


def with_size(client: "Client", file: Published) -> Published:
    """The same file with its size, if its home tells that without sending it."""
    return file if file.size is not None else replace(file, size=client.size(file.url))
