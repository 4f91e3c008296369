"""Atomic files: a reader sees the old file or the new one, never half of one."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that replaces it, flushed to disk, if the block succeeds.

    It keeps the suffix of `path`, for writers that choose a format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        put(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def put(temporary: Path, path: Path) -> None:
    """Flush the file `temporary` to disk and let it replace `path`, on the same disk."""
    _flush(temporary)
    os.replace(temporary, path)


def write_text(path: str | Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Indented JSON; NaN and infinity are refused, for other tools cannot read them."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256(path: str | Path) -> str:
    return digest(path, "sha256")


def digest(path: str | Path, algorithm: str) -> str:
    """Hex digits of a file's hash; of "md5" too, which guards against accidents alone."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, partial(hashlib.new, algorithm, usedforsecurity=False)).hexdigest()


def save_tensors(path: str | Path, tensors: Mapping[str, "np.ndarray"], meta: Mapping[str, Any]) -> None:
    """Arrays in safetensors, `meta` as its one metadata entry `json` (several would land in random order)."""
    from safetensors.numpy import save_file

    with atomic_path(path) as temporary:
        save_file(dict(tensors), temporary, metadata={"json": json.dumps(meta, sort_keys=True)})


def load_tensors(path: str | Path) -> tuple[dict[str, "np.ndarray"], dict[str, Any]]:
    """The arrays and the metadata that `save_tensors` wrote."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        return tensors, json.loads((file.metadata() or {}).get("json", "{}"))


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
