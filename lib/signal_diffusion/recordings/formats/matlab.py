"""MATLAB files of version 5 (MathWorks, "MAT-File Format", 2019) and 7.3 (HDF5): those variables that are asked for.

Every length of a version 5 file is checked before it is used: of a damaged one, scipy's reader ends the process.
"""

import math
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

HEADER = 128
COMPRESSED, MATRIX = 15, 14
STRUCT, CHAR, NUMERIC = 2, 4, range(6, 16)  # classes of arrays
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {1: "latin-1", 2: "latin-1", 3: "utf-16", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
NAMED = 1024  # bytes within which a variable says its name


class Damaged(ValueError):
    """What is wrong with a file, without a word of its content."""


def read_variables(path: Path, wanted: Collection[str]) -> dict:
    """Name -> value: a float, a text, an array in MATLAB's shape, or for a struct a dict of its wanted fields.

    The fields of a struct array are lists with one value per element. What is of another class is None. Raises
    Damaged, and OSError, zlib.error and the like, for a file that cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEADER)
    if head[:10] == b"MATLAB 7.3":
        return _read_hdf5(path, wanted)
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
    if order is None:
        raise Damaged("neither MATLAB 5 nor 7.3")
    found = {}
    for kind, content in _elements(memoryview(path.read_bytes())[HEADER:], order):
        whole = content
        if kind == COMPRESSED:
            kind, content = _inflated(content, order, NAMED)
        if kind == MATRIX and (name := _name(content, order)) in wanted:
            if whole is not content:
                content = _inflated(whole, order)[1]
            found[name] = _value(content, order, wanted)
    return found


def _elements(content: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Types and contents of the data elements, one after the other; Damaged if they do not fit."""
    at = 0
    while at < len(content):
        if at + 8 > len(content):
            raise Damaged("a data element is cut")
        kind, size = np.frombuffer(content, order + "u4", 2, at).tolist()
        start = at + 8
        if kind >> 16:  # at most 4 bytes stand in the tag itself
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
        stop = start + size
        if stop > len(content) or (start == at + 4 and size > 4):
            raise Damaged("a data element is longer than what holds it")
        yield kind, content[start:stop]
        at = at + 8 if start == at + 4 else stop if kind == COMPRESSED else stop + -stop % 8


def _inflated(content: memoryview, order: str, most: int = 0) -> tuple[int, memoryview]:
    """Type and content of a compressed element; of its content at most `most` bytes, if that is not 0."""
    if not most:
        return next(_elements(memoryview(zlib.decompress(content)), order))
    start = zlib.decompressobj().decompress(content, most)
    return int(np.frombuffer(start, order + "u4", 1)[0]), memoryview(start)[8:]


def _name(content: memoryview, order: str) -> str:
    elements = _elements(content[:NAMED], order)
    _, _, (_, name) = (next(elements) for _ in range(3))
    return bytes(name).decode("latin-1")


def _value(content: memoryview, order: str, wanted: Collection[str]):
    """The value of a matrix element."""
    elements = _elements(content, order)
    (_, flags), (_, shape), _ = (next(elements, (0, b"")) for _ in range(3))
    if len(flags) != 8 or len(shape) < 8:
        raise Damaged("an array has no flags or shape")
    kind = int(np.frombuffer(flags, order + "u4", 1)[0]) & 0xFF
    shape = np.frombuffer(shape, order + "i4").tolist()
    if min(shape) < 0:
        raise Damaged("an array has a negative size")
    if kind == STRUCT:
        return _struct(elements, order, shape, wanted)
    if kind == CHAR:
        return _text(elements, order, shape)
    return _numbers(elements, order, shape) if kind in NUMERIC else None


def _struct(elements: Iterator, order: str, shape: list[int], wanted: Collection[str]) -> dict:
    (_, width), (_, letters) = (next(elements) for _ in range(2))
    (width,) = np.frombuffer(width, order + "i4").tolist()
    if width < 1 or len(letters) % width:
        raise Damaged("a struct's field names are cut")
    names = [
        bytes(letters[at : at + width]).split(b"\0")[0].decode("latin-1")
        for at in range(0, len(letters), width)
    ]
    fields, cells = {name: [] for name in names if name in wanted}, list(elements)
    if len(cells) != len(names) * math.prod(shape) or any(kind != MATRIX for kind, _ in cells):
        raise Damaged("a struct has another number of values than its shape and fields")
    for name, (_, content) in zip(names * math.prod(shape), cells, strict=True):
        if name in fields:
            fields[name].append(_value(content, order, wanted) if len(content) else None)
    return {name: values[0] if math.prod(shape) == 1 else values for name, values in fields.items()}


def _text(elements: Iterator, order: str, shape: list[int]) -> str:
    kind, content = next(elements, (2, b""))
    encoding = TEXTS[kind] + ("" if kind in (1, 2, 16) else {"<": "-le", ">": "-be"}[order])
    text = bytes(content).decode(encoding)
    if len(text) != math.prod(shape):
        raise Damaged("a text has another length than its shape")
    return text


def _numbers(elements: Iterator, order: str, shape: list[int]) -> np.ndarray | float:
    kind, content = next(elements)
    if len(content) != math.prod(shape) * np.dtype(NUMBERS[kind]).itemsize:
        raise Damaged("an array has another size than its shape")
    values = np.frombuffer(content, order + NUMBERS[kind])
    return float(values[0]) if values.size == 1 else values.reshape(shape, order="F")


def _read_hdf5(path: Path, wanted: Collection[str]) -> dict:
    import h5py

    with h5py.File(path, "r") as file:
        return _group(file, file, wanted)


def _group(file, group, wanted: Collection[str]) -> dict:
    return {name: _stored(file, group[name], wanted) for name in group if name in wanted}


def _stored(file, item, wanted: Collection[str]):
    """The value of an HDF5 object, whose arrays are transposed and whose struct arrays hold references."""
    import h5py

    if isinstance(item, h5py.Group):
        return _group(file, item, wanted)
    if item.dtype == h5py.ref_dtype:
        values = [_stored(file, file[reference], wanted) for reference in item[()].ravel()]
        return values[0] if len(values) == 1 else values
    if item.attrs.get("MATLAB_empty"):
        return "" if item.attrs.get("MATLAB_class") == b"char" else np.empty(0)
    values = item[()]
    if item.attrs.get("MATLAB_class") == b"char":
        return "".join(map(chr, np.ravel(values).tolist()))
    return float(np.ravel(values)[0]) if np.size(values) == 1 else np.transpose(values)
