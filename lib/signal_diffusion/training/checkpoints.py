"""Checkpoints that are whole or not there, in a folder that only their own config and code can find."""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from signal_diffusion.errors import UserError
from signal_diffusion.files import read_json, sha256, write_json
from signal_diffusion.training.lock import Lock
from signal_diffusion.training.weights import load_weights, write_tensors

MANIFEST = "manifest.json"
STATE = "state.json"
STAGING = ".staging"


class Checkpoints:
    """The checkpoints of one identity, `{folder}/{hash of identity}/step-{step}`, the newest `limit` of them.

    A checkpoint is staged in `step-{step}.staging`, described by a manifest of sizes and hashes, flushed and
    renamed; what is staged whole counts, whenever a process dies. Whoever writes holds the run's `Lock`.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], limit: int | None = 2):
        self.folder = Path(folder) / identity_hash(identity)
        self.identity, self.limit = identity, limit

    def save(self, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> Path:
        """Write one safetensors file for each entry of `tensors`, and `state` as JSON.

        Raises `UserError` if the disk will not have it; earlier checkpoints stay.
        """
        final = self.folder / f"step-{step:08d}"
        staging = final.with_name(final.name + STAGING)
        try:
            _stage(staging, tensors, {**state, "step": step})
            _promote(staging)
        except (OSError, SafetensorError) as error:
            if find_fault(staging) is not None:
                shutil.rmtree(staging, ignore_errors=True)
            raise UserError(
                f"{final}: checkpoint not written ({error}); make room and run the same command again,"
                " earlier checkpoints are intact"
            ) from error
        self._rotate(final)
        return final

    def latest(self) -> Path | None:
        """The newest checkpoint whose manifest holds; each newer one passed over is named on stderr."""
        for path in reversed(self.all()):
            fault = find_fault(path)
            if fault is None:
                return path
            print(f"checkpoint {path} is passed over: {fault}", file=sys.stderr)
        return None

    def all(self) -> list[Path]:
        """Every renamed checkpoint, whole or not, oldest first."""
        return sorted(p for p in self.folder.glob("step-*") if re.fullmatch(r"step-\d{8,}", p.name))

    def prepare(self) -> None:
        """Make the folder, say whose it is, and promote what a killed process left staged, or remove it if half."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "identity.json", self.identity)
        for path in sorted(self.folder.glob(f"step-*{STAGING}")):
            if find_fault(path) is None:
                _promote(path)
            else:
                shutil.rmtree(path)

    def _rotate(self, newest: Path) -> None:
        """Of those up to `newest`; a later one was passed over, and takes no other's place."""
        if self.limit is not None:
            for path in [path for path in self.all() if path <= newest][: -max(1, self.limit)]:
                shutil.rmtree(path)


def load_checkpoint(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The tensors, by file, and the state of the checkpoint at `path` (one that `latest` returned)."""
    tensors = {file.stem: load_weights(file)[0] for file in sorted(path.glob("*.safetensors"))}
    return tensors, read_json(path / STATE)


def find_fault(path: Path) -> str | None:
    """What is wrong with the checkpoint at `path`, or None if every file is as its manifest says."""
    try:
        files = read_json(path / MANIFEST)
    except (OSError, ValueError):
        return f"{MANIFEST} is missing or unreadable"
    for name, expected in files.items():
        file = path / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != expected["bytes"]:
            return f"{name} has {file.stat().st_size} bytes, its manifest says {expected['bytes']}"
        if sha256(file) != expected["sha256"]:
            return f"{name} differs from the hash in its manifest"
    return None


def discard(folder: Path) -> None:
    """Remove all checkpoints of a run, whatever their identity; `RunHeld` while somebody trains it."""
    folder = Path(folder)
    if not folder.exists():
        return
    with Lock(folder):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
    shutil.rmtree(folder)


def identity_hash(identity: Mapping[str, Any]) -> str:
    text = json.dumps(identity, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _stage(staging: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for name, values in tensors.items():
        write_tensors(staging / f"{name}.safetensors", values, {})
    (staging / STATE).write_text(json.dumps(state, sort_keys=True))
    files = sorted(staging.iterdir())
    manifest = {f.name: {"bytes": f.stat().st_size, "sha256": sha256(f)} for f in files}
    (staging / MANIFEST).write_text(json.dumps(manifest, indent=2))
    for path in [*files, staging / MANIFEST, staging]:
        _flush(path)


def _promote(staging: Path) -> None:
    """Let a whole staged checkpoint take its name from an older one; `prepare` finishes it after a kill."""
    final = staging.with_name(staging.name.removesuffix(STAGING))
    _flush(staging.parent)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(staging, final)
    _flush(staging.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
