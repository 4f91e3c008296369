"""What happens to files: bytes lost, cut, changed, exchanged, added. A function of the generator alone."""

from collections.abc import Sequence

import numpy as np


def damage(header: int, hot: Sequence[slice], parts: list[bytearray], rng: np.random.Generator) -> str:
    """Change the bytes of one copy, whose first part begins with `header` bytes that matter most in the slices
    `hot`; returns what was done."""
    kinds = {
        "header": lambda: write(parts[0], places(header, hot, rng), rng),
        "digits": lambda: digits(parts[0], places(header, hot, rng), rng),
        "bits": lambda: flip(parts[0], places(header, hot, rng), rng),
        "swapped in header": lambda: swap(parts[0], places(header, hot, rng), rng),
        "truncated": lambda: cut(chosen(parts, rng), rng),
        "appended": lambda: chosen(parts, rng).extend(rng.bytes(int(rng.integers(1, 1000)))),
        "lost": lambda: lose(chosen(parts, rng), rng),
        "inserted": lambda: insert(chosen(parts, rng), rng),
        "shifted": lambda: parts[-1].extend(lose(parts[-1], rng)),
        "swapped": lambda: swap(parts[-1], rng.integers(len(parts[-1]) - 16, size=2), rng),
        "samples": lambda: write(parts[-1], rng.integers(header % len(parts[-1]), len(parts[-1]), 4), rng),
    }
    kind = str(rng.choice(list(kinds), p=[0.2, 0.2, 0.1, 0.1, *[0.4 / (len(kinds) - 4)] * (len(kinds) - 4)]))
    kinds[kind]()
    return kind


def places(header: int, hot: Sequence[slice], rng: np.random.Generator) -> list[int]:
    """Up to four places in the header, half of them where it matters most."""
    found = []
    for _ in range(rng.integers(1, 5)):
        near = hot[rng.integers(len(hot))] if rng.random() < 0.5 else slice(0, header)
        found.append(int(rng.integers(near.start, near.stop)))
    return found


def chosen(parts: list[bytearray], rng: np.random.Generator) -> bytearray:
    return parts[rng.integers(len(parts))]


def write(content: bytearray, at: list[int], rng: np.random.Generator) -> None:
    for place in at:
        content[place] = rng.integers(256)


def digits(content: bytearray, at: list[int], rng: np.random.Generator) -> None:
    """Letters and digits become others, as a plausible header has them."""
    for place in at:
        content[place] = rng.choice(np.frombuffer(b"0123456789.- ABCFOPTVmuz", np.uint8))


def flip(content: bytearray, at: list[int], rng: np.random.Generator) -> None:
    for place in at:
        content[place] ^= 1 << rng.integers(8)


def swap(content: bytearray, at: list[int], rng: np.random.Generator) -> None:
    size = int(rng.integers(1, 17))
    first, second = int(at[0]), int(at[-1] if len(at) > 1 else max(at[0] - size, 0))
    one, other = content[first : first + size], content[second : second + size]
    if abs(first - second) >= size:
        content[first : first + size], content[second : second + size] = other, one


def cut(content: bytearray, rng: np.random.Generator) -> None:
    del content[int(rng.integers(len(content))) :]


def lose(content: bytearray, rng: np.random.Generator) -> bytes:
    at, size = int(rng.integers(len(content) - 5000)), int(rng.integers(1, 5000))
    gone = bytes(content[at : at + size])
    del content[at : at + size]
    return gone


def insert(content: bytearray, rng: np.random.Generator) -> None:
    at = int(rng.integers(len(content)))
    content[at:at] = rng.bytes(int(rng.integers(1, 5000)))
