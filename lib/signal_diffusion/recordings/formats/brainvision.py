"""BrainVision `.vhdr` with its `.eeg` and `.vmrk`, read by MNE.

MNE takes the length from the data file; what the header and the markers say shows whether that was cut. It
takes the header's word for the width of a sample, where the samples show it: floats taken for integers are
noise, and integers taken for floats have wild exponents. `tiny_bids` of mne-bids says INT_16 and holds floats.
"""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from signal_diffusion.errors import UserError
from signal_diffusion.recordings.formats.checks import refuse
from signal_diffusion.recordings.formats.mne_raw import header_of, open_raw, recording_of
from signal_diffusion.recordings.recording import Header, Recording, Span

INTEGER, FLOAT = "INT_16", "IEEE_FLOAT_32"
BYTES = {INTEGER: 2, "INT_32": 4, FLOAT: 4}
FIELDS = {"DataFile": ".eeg", "MarkerFile": ".vmrk"}  # that name a file, and its usual suffix
SEGMENT = "New Segment/"  # as MNE spells the marker
PEEK = 2**16  # bytes that show what the samples are
MAGNITUDES = (1e-12, 1e9)  # of floats that measure something, in volts or microvolts; INT_16 gives 1 in 4
ROUGHEST = 1.2  # SD of steps over SD, for the halves of floats are noise; white noise has 1.41


def read_header(path: Path, span: Span | None = None) -> Header:
    raw, notes = _open(path)
    return replace(header_of(raw, path, span), notes=notes, gaps=_gaps(raw))


def _gaps(raw) -> tuple[float, ...]:
    """Seconds at which a segment begins; the first one is the recording's own begin."""
    marks = zip(raw.annotations.onset, raw.annotations.description, strict=True)
    return tuple(float(onset) for onset, said in marks if said.startswith(SEGMENT))


def read(path: Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    return recording_of(_open(path)[0], path, picks, span)


def named_files(path: Path) -> list[Path]:
    """The files that the header names, wherever they are and whether they are there."""
    header = path.read_bytes()
    return [_named(path, header, key) for key in FIELDS]


def _named(path: Path, header: bytes, key: str) -> Path:
    return path.parent / _value(header, key, path.stem + FIELDS[key]).replace("$b", path.stem)


def _checked(path: Path, header: bytes, key: str) -> Path:
    """The file that the header names; UserError if another, called like the header, is there as well."""
    named, beside = _named(path, header, key), path.with_suffix(FIELDS[key])
    if named.is_file() and beside.is_file() and not named.samefile(beside):
        raise refuse(path, key, f"another file than {beside.name}, which is there too", "one of them")
    return named


def _open(path: Path):
    """MNE's raw object, and what a user should know of the file."""
    header = path.read_bytes()
    data, _ = (_checked(path, header, key) for key in FIELDS)
    stated, count = _value(header, "BinaryFormat", INTEGER), _integer(path, header, "NumberOfChannels", 1)
    width = _width(path, data, stated, count) if data.is_file() and stated in (INTEGER, FLOAT) else stated
    raw = _raw(path) if width == stated else _raw_as(path, header, data, width)
    _check_length(path, data, header, count * BYTES.get(width, 1), raw.n_times)
    return raw, () if width == stated else (f"its header says {stated}, its samples are read as {width}",)


def _raw(path: Path):
    from mne.io.brainvision.brainvision import read_raw_brainvision

    # Of a cut data file whose header states no length, markers behind its end are the only trace.
    return open_raw(read_raw_brainvision, path, "a BrainVision header, its data and their markers", "Omitted")


def _raw_as(path: Path, header: bytes, data: Path, width: str):
    """The same through a copy of the header that states the other width."""
    markers = _named(path, header, "MarkerFile")
    fields = {"BinaryFormat": width, "DataFile": data.resolve(), "MarkerFile": markers.resolve()}
    for key, value in fields.items():
        line = f"{key}={value}".encode()
        header = re.sub(rf"(?m)^[ \t]*{key}[ \t]*=[^\r\n]*".encode(), lambda _, line=line: line, header)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(header)
        try:
            return _raw(copy)
        except UserError as error:
            raise UserError(str(error).replace(str(copy), str(path))) from error


def _width(path: Path, data: Path, stated: str, count: int) -> str:
    """What the first samples are, where they show it plainly; UserError for floats that are none."""
    with data.open("rb") as file:
        content = file.read(PEEK // (4 * count) * 4 * count)
    content = content[: len(content) // (4 * count) * 4 * count]
    with np.errstate(invalid="ignore"):
        floats = np.abs(np.frombuffer(content, "<f4").astype(np.float64))
    floats = floats[floats != 0.0]
    if not floats.size:
        return stated
    measured = np.mean((floats > MAGNITUDES[0]) & (floats < MAGNITUDES[1])) > 0.9
    if stated == FLOAT and not measured:
        raise refuse(path, "BinaryFormat", FLOAT, f"what the samples of {data.name} are")
    words = np.frombuffer(content, "<i2").reshape(-1, count).astype(np.float64)
    rough = np.diff(words, axis=0).std(axis=0) > ROUGHEST * words.std(axis=0)
    return FLOAT if measured and rough.any() else stated


def _check_length(path: Path, data: Path, header: bytes, row: int, samples: int) -> None:
    if data.is_file() and data.stat().st_size % row:
        raise refuse(path, f"size of {data.name}", f"{data.stat().st_size} bytes", f"a multiple of {row}")
    stated = _integer(path, header, "DataPoints", samples)
    if samples != stated:
        raise refuse(path, f"samples in {data.name}", samples, f"{stated} from the header")


def _integer(path: Path, header: bytes, key: str, default: int) -> int:
    text = _value(header, key, str(default))
    if not re.fullmatch(r"0*[1-9][0-9]{0,9}", text):
        raise refuse(path, key, "no such number", "an integer from 1 on")
    return int(text)


def _value(header: bytes, key: str, default: str) -> str:
    found = re.search(rf"(?m)^\s*{key}\s*=\s*(.+?)\s*$", _text(header))
    return found.group(1) if found else default


def _text(header: bytes) -> str:
    try:
        return header.decode("utf-8")
    except UnicodeDecodeError:  # as recorders wrote them that knew no UTF-8
        return header.decode("latin-1")
