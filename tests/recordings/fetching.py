"""What the downloader's tests publish, and how they fetch it."""

from pathlib import Path

import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.download.client import Client, Patience
from signal_diffusion.recordings.download.dataset import download
from signal_diffusion.recordings.download.listing import published
from signal_diffusion.recordings.download.transfer import part_of

from .publisher import Publisher

NOISE = np.random.default_rng(0)
BIG, LARGE = "chb01/chb01_03.edf", 1_000_000
FILES = {
    "subject-info.csv": b"Subject,Age\n",
    BIG: NOISE.bytes(LARGE),
    "chb02/chb02_16+.edf": NOISE.bytes(70_000),
    "notes/what is it, \xe9 %41&.txt": b"odd names",
    "empty.tsv": b"",
}
SWIFT = Patience(attempts=3, pause=0.01, longest=0.05, silence=5)


def fetch(address: str, out: Path, connections: int = 4) -> None:
    download("mit", address, out, connections, SWIFT)


def refusal(address: str, out: Path) -> str:
    with pytest.raises(UserError) as caught:
        fetch(address, out)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def found(out: Path) -> dict[str, bytes]:
    """The files that a dataset's module sees."""
    paths = (path for path in out.rglob("*") if path.is_file())
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in paths
        if not str(path.relative_to(out)).startswith(".download") and path.name != "SHA256SUMS.txt"
    }


def part(home: Publisher, out: Path, body: bytes) -> None:
    """What an earlier attempt would have left of the big file."""
    [big] = [file for file in published(Client(print, SWIFT), home.tree) if file.path == BIG]
    path = part_of(big, out / ".download")
    path.parent.mkdir(parents=True)
    path.write_bytes(body)
