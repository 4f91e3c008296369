"""Where the public datasets are published, and what to do about a dataset that is not there."""

from __future__ import annotations

import re
from typing import NamedTuple


class Home(NamedTuple):
    """What is published, its page, and its files' address ("" where people have to apply for them).

    An address is a folder with a SHA256SUMS.txt (https://HOST/FOLDER/) or a part of a public bucket
    (s3+https://HOST/BUCKET/PREFIX/).
    """

    title: str
    page: str
    address: str


HOMES = {
    "math": Home(
        "EEGMAT 1.0.0 from PhysioNet",
        "physionet.org/content/eegmat/1.0.0",
        "https://physionet.org/files/eegmat/1.0.0/",
    ),
    "parkinsons": Home(
        "OpenNeuro ds004584",
        "openneuro.org/datasets/ds004584",
        "s3+https://s3.amazonaws.com/openneuro.org/ds004584/",
    ),
    "seed": Home("SEED-V at BCMI, Shanghai Jiao Tong University", "bcmi.sjtu.edu.cn/home/seed", ""),
    "longitudinal": Home(
        "OpenNeuro ds005385",
        "openneuro.org/datasets/ds005385",
        "s3+https://s3.amazonaws.com/openneuro.org/ds005385/",
    ),
    "mit": Home(
        "CHB-MIT 1.0.0 from PhysioNet",
        "physionet.org/content/chbmit/1.0.0",
        "https://physionet.org/files/chbmit/1.0.0/",
    ),
}
NO_ADDRESS = (
    "is no address of a dataset; expected https://HOST/FOLDER/ or s3+https://HOST/BUCKET/PREFIX/, with names "
    "and passwords in ~/.netrc alone"
)


def how_to_get(home: Home, command: str) -> str:
    """What to do about a published dataset; `command` downloads it."""
    if home.address:
        return f"download {home.title} ({home.page}) by `{command}`"
    return f"apply for {home.title} ({home.page})"


def is_address(text: str) -> bool:
    """Whether it is an address as `Home` describes them, without a name and password."""
    return bool(re.fullmatch(r"https?://[^/@\s]+/[^?#\s]*|s3\+https?://[^/@\s]+/[^/?#\s]+/[^?#\s]*", text))
