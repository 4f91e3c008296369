"""Checksums that datasets publish: in a SHA256SUMS.txt (PhysioNet), as the key by which git-annex links a file
(OpenNeuro), or as the download of a bucket has noted them. They give away what no reader can know: a changed sample,
a plausible digit of a calibration.
"""

import json
import os
import re
from functools import lru_cache
from pathlib import Path

from signal_diffusion.files import digest
from signal_diffusion.recordings.download.folder import RECORD
from signal_diffusion.recordings.formats import files
from signal_diffusion.recordings.formats.checks import refuse, telling_of_unreadable

SUMS = "SHA256SUMS.txt"
LEVELS = 4  # folders from a recording up: BIDS has subject/session/eeg
LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(?:\./)?(.+)")
ANNEX_KEY = re.compile(r"(SHA256|MD5)E?-s\d+(?:-[a-zA-Z]\d+)*--([0-9a-f]+)(?:\..*)?")


def published(path: Path) -> dict[str, str]:
    """Name -> "sha256:..." or "md5:..." of the recording's file and of those that belong to it.

    A name is relative to the file's folder. Those without a published checksum are left out. No file is read but
    the list of checksums and what names the others (`formats.files`).
    """
    found = {file: _annexed(file) or _listed(file) for file in files(path)}
    return {os.path.relpath(file, path.parent): said for file, said in found.items() if said}


def check_published(path: Path, digests: dict[str, str]) -> None:
    """Raise UserError for the first of the recording's files that is not the published one.

    digests: as `published` gives them. Each file is read whole, once in a process.
    """
    for name, expected in digests.items():
        file = path.parent / name
        algorithm, _, wanted = expected.partition(":")
        if not os.path.isfile(file):
            raise refuse(path, name, "no such file", "the one that the dataset publishes")
        with telling_of_unreadable(path):
            facts = file.stat()
            found = _digest(file, algorithm, facts.st_size, facts.st_mtime_ns)
        if found != wanted:
            raise refuse(path, f"{algorithm} of {name}", f"{found[:12]}...", f"{wanted[:12]}... as published")


@lru_cache(64)
def _digest(path: Path, algorithm: str, size: int, changed: int) -> str:
    return digest(path, algorithm)


def _annexed(path: Path) -> str | None:
    """What the key says to which git-annex links the file."""
    try:
        target = Path(os.readlink(path))
    except OSError:
        return None
    key = ANNEX_KEY.fullmatch(target.name) if "annex" in target.parts else None
    return f"{key[1].lower()}:{key[2]}" if key else None


def _listed(path: Path) -> str | None:
    for folder in list(path.parents)[:LEVELS]:
        lists = [each for each in (_sums(folder), _noted(folder)) if each]
        name = path.relative_to(folder).as_posix() if lists else ""
        if found := next((each[name] for each in lists if name in each), None):
            return found
    return None


@lru_cache(1024)
def _sums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = (LINE.fullmatch(line.strip()) for line in lines)
    return {match[2]: f"sha256:{match[1].lower()}" for match in found if match}


@lru_cache(1024)
def _noted(folder: Path) -> dict[str, str]:
    """What the finished download of a dataset says of its files; tags that are no hash are left out."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        found = {name: checksum for name, (_, checksum) in record["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: said for name, said in found.items() if said and said.startswith(("sha256:", "md5:"))}
