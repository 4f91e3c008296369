"""Atomic files: a reader sees the old file or the new one, never half of one."""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signal_diffusion.errors import RunHeld, UserError
from signal_diffusion.lock import flock

if TYPE_CHECKING:
    import numpy as np

# What the system says of a full disk, what NumPy says instead, and what it says of space that it reserves ahead.
FULL = re.compile(
    "|".join(map(os.strerror, (errno.ENOSPC, errno.EDQUOT)))
    + r"|\d+ requested and \d+ written|Not enough free space"
)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that replaces it, flushed to disk, if the block succeeds.

    It keeps the suffix of `path`, for writers that choose a format by it. `UserError` when the disk is full.
    What a killed process left under the temporary name is written over, and another writer's left alone.
    """
    path = Path(path)
    with telling_of_full_disks(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _temporary(path)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            put(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)


@contextmanager
def replaced_folder(out: str | Path) -> Iterator[Path]:
    """An empty folder beside `out` that takes its place if the block succeeds, so that `out` is whole or absent.

    What a killed process left is cleared. Raises `RunHeld` while another process writes `out`, `UserError` when
    the disk is full.
    """
    out = Path(out)
    staging = out.parent / f".{out.name}.partial"
    with telling_of_full_disks(out):
        handle = _staging(staging, out)
        try:
            yield staging
            shutil.rmtree(out, ignore_errors=True)
            os.replace(staging, out)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        finally:
            os.close(handle)


@contextmanager
def telling_of_full_disks(path: Path) -> Iterator[None]:
    """`UserError` for whatever the libraries raise in the block when the disk of `path` is full."""
    try:
        yield
    except Exception as error:
        said = FULL.search(str(error))
        if said is None or isinstance(error, UserError):
            raise
        raise UserError(
            f"{path}: not written ({said[0]}); make room and run the same command again"
        ) from error


def _temporary(path: Path) -> tuple[int, Path]:
    """A file beside `path`, and the open handle by whose lock its writer is known to live."""
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if flock(handle) is not False and _is_at(handle, temporary):
        os.truncate(handle, 0)
        return handle, temporary
    os.close(handle)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    return handle, Path(name)


def _staging(staging: Path, out: Path) -> int:
    """Make the folder empty and hold it by the kernel's lock of the handle returned."""
    while True:
        staging.mkdir(parents=True, exist_ok=True)
        handle = os.open(staging, os.O_RDONLY | os.O_CLOEXEC)
        if flock(handle) is False:
            os.close(handle)
            raise RunHeld(
                f"{out} is being written by another process; wait for it, or stop it and start again"
            )
        if _is_at(handle, staging):
            break
        os.close(handle)
    for path in staging.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return handle


def _is_at(handle: int, path: Path) -> bool:
    """Whether the open file still has that name; its last writer may have renamed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


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
