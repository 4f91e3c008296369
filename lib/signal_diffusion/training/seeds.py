"""Randomness as a function of (seed, rank, step), so that nothing about it need be saved."""

import hashlib

import torch


def derive(*parts: int | str) -> int:
    """A 63-bit seed from `parts`; neighbouring parts give unrelated seeds."""
    text = "/".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def seed_everything(*parts: int | str) -> None:
    """Seed torch's global generators (dropout and initialisation draw from them)."""
    torch.manual_seed(derive("global", *parts))
