"""Randomness as a function of (seed, rank, step), so that nothing about it need be saved."""

import hashlib

import torch


def derive(*parts: int | str) -> int:
    """A 63-bit seed from `parts`; neighbouring parts give unrelated seeds."""
    text = "/".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def seed_global(device: torch.device, *parts: int | str) -> None:
    """Seed the global generators that code on `device` draws from (dropout, initialisation).

    `torch.manual_seed` does this for every kind of device, at 1 ms a call: it formats tracebacks.
    """
    seed = derive("global", *parts)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
