"""What becomes of damaged copies of real recordings: read identically, refused, or read wrongly in silence.

    python benchmarks/corruption.py FILE.edf FILE.cnt FILE.set [--copies 1000] [--seed 0] [--mne] [--show]

Copies of each file are damaged at random: bytes of the header (half of them where layout, rate, names and
calibration stand), truncated, swapped, lost, inserted, appended, flipped among the samples. A copy is

    identical       what is read equals what the intact file gives
    refused         one line that names file, field, found and expected
    at the pick     a channel lost its name, so asking for it by name is refused
    unknowable      bytes of samples or digits of a calibration changed, and exactly these differ in what is read
    shifted         so many bytes were lost among the samples as were added behind them
    exchanged       two channels exchanged their names or parts of them, and nothing else in the file says so
    rate            of a plain EDF, whose records state no times: another whole number of Hz
    checksum        those of the last four that the intact file's SHA-256 gives away
    misread         anything else: other samples, length, rate or names than the file held, without a word
    bad error       not a line, or without file, field, found or expected

and with --mne the same for MNE's reader alone. Ends with status 1 if a copy is misread or ends in a bad error.
"""

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from damage import damage
from signal_diffusion.errors import UserError
from signal_diffusion.markdown import table
from signal_diffusion.recordings.channels import canonical
from signal_diffusion.recordings.formats import cnt_layout, edf_header, read, read_header

SECRET = ("unknowable", "shifted", "exchanged", "rate")
VERDICTS = ("identical", "refused", "at the pick", *SECRET, "checksum", "misread", "bad error")
MEMORY, SECONDS = 12 * 2**30, 60  # what a reader may take of a damaged file's own idea of its size


@dataclass(frozen=True)
class Intact:
    """A real recording: its files' bytes (the header's first), where its header matters most, how its samples
    decode by its own layout from bytes that may be another's, and what is read from it."""

    path: Path
    parts: tuple[Path, ...]
    header: int
    hot: tuple[slice, ...]
    decode: Callable[[Path], np.ndarray]
    timeless: bool = False

    @property
    def bytes(self) -> list[bytes]:
        return [part.read_bytes() for part in self.parts]


def intact(path: Path) -> Intact:
    return {".edf": intact_edf, ".cnt": intact_cnt, ".set": intact_set}[path.suffix.lower()](path)


def intact_edf(path: Path) -> Intact:
    layout = edf_header.read_layout(path)
    count, chosen = len(layout.labels), layout.measured
    columns = ((0, 16), (96, 8), (104, 8), (112, 8), (120, 8), (128, 8), (216, 8))
    hot = [slice(184, 256)] + [slice(256 + count * at, 256 + count * (at + width)) for at, width in columns]

    def decode(copy: Path) -> np.ndarray:
        content = copy.read_bytes()
        fields = [[content[256 + count * at + 8 * i :][:8] for i in chosen] for at in (104, 112, 120, 128)]
        low, high, bottom, top = (
            np.array([float(field.replace(b",", b".")) for field in row]) for row in fields
        )
        units = [content[256 + count * 96 + 8 * i :][:8].decode("latin-1").strip() for i in chosen]
        gain = (high - low) / (top - bottom)
        records = np.frombuffer(content, "<i2", layout.records * layout.row // 2, layout.size)
        records = records.reshape(layout.records, -1)
        starts = [sum(layout.counts[:i]) for i in chosen]
        digital = np.stack([records[:, at : at + layout.counts[chosen[0]]].ravel() for at in starts])
        volts = np.array([edf_header.VOLTS[unit] for unit in units])[:, None]
        return volts * ((digital - bottom[:, None]) * gain[:, None] + low[:, None])

    return Intact(path, (path,), layout.size, tuple(hot), decode, timeless=layout.start is None)


def intact_cnt(path: Path) -> Intact:
    layout = cnt_layout.read_layout(path)
    count = len(layout.channels)
    electrodes = [slice(900 + 75 * i, 900 + 75 * i + 10) for i in range(count)]
    gains = [slice(900 + 75 * i + at, 900 + 75 * i + at + 4) for i in range(count) for at in (47, 59, 71)]

    def decode(copy: Path) -> np.ndarray:
        content = copy.read_bytes()
        entry = np.dtype(
            {
                "names": ["base", "sens", "cal"],
                "formats": ["<i2", "<f4", "<f4"],
                "offsets": [47, 59, 71],
                "itemsize": 75,
            }
        )
        table = np.frombuffer(content, entry, count, 900)
        digital = np.frombuffer(content, f"<i{layout.width}", layout.samples * count, layout.offset).reshape(
            -1, count
        )
        return (
            (digital - table["base"].astype(int)) * (table["sens"].astype(float) * table["cal"] / 204.8)
        ).T

    hot = (slice(0, 12), slice(368, 380), slice(505, 513), slice(864, 900), *electrodes, *gains)
    return Intact(path, (path,), layout.offset, hot, decode)


def intact_set(path: Path) -> Intact:
    header, data = read_header(path), path.with_suffix(".fdt")
    content = path.read_bytes()
    labels = [content.find(name.encode()) for name in header.channels]

    def decode(copy: Path) -> np.ndarray:
        samples = round(header.duration * header.fs)
        return np.fromfile(copy.with_suffix(".fdt"), "<f4").reshape(samples, -1).T[: len(header.channels)]

    hot = (slice(0, 2500), *(slice(max(at - 40, 0), at + 40) for at in labels))
    return Intact(path, (path, data), path.stat().st_size, hot, decode)


def ours(source: Intact, truth, copy: Path) -> tuple[str, str]:
    """Verdict on our reader, and its error."""
    try:
        header, found = read_header(copy), read(copy)
    except UserError as error:
        line = str(error)
        whole = "\n" not in line and str(copy) in line and ": found " in line and ", expected " in line
        return ("refused" if whole else "bad error"), line
    if header.channels != found.channels or header.fs != found.fs:
        return "misread", "header and samples differ"
    verdict, why = judge(source, truth, copy, found.data, found.fs, found.channels)
    if verdict == "at the pick" and picked(copy, truth.channels):
        return "misread", "a channel that lost its name is found by it"
    return verdict, why


def picked(copy: Path, names: Sequence[str]) -> bool:
    """Whether channels of these names are read."""
    try:
        return bool(read(copy, list(names)))
    except UserError:
        return False


def judge(source: Intact, truth, copy: Path, data: np.ndarray, fs: float, channels) -> tuple[str, str]:
    if data.shape != truth.data.shape:
        return "misread", f"{data.shape} at {fs} Hz"
    if fs != truth.fs:
        return ("rate" if source.timeless and fs == round(fs) >= 50 else "misread"), f"{fs} Hz"
    if tuple(channels) != truth.channels:
        lost = set(map(canonical, truth.channels)) - set(map(canonical, channels))
        return ("at the pick" if lost else "exchanged"), "names"
    if np.array_equal(data, truth.data):
        return "identical", ""
    sizes = [(copy.parent / part.name).stat().st_size for part in source.parts]
    if sizes != [part.stat().st_size for part in source.parts]:
        return "misread", "samples, though the file has another size"
    largest = np.abs(data[np.isfinite(data)]).max(initial=0.0)
    with np.errstate(all="ignore"):
        stored = source.decode(copy)
    if np.allclose(data, stored, rtol=1e-5, atol=1e-3 + 1e-6 * largest, equal_nan=True):
        return "unknowable", ""
    return "misread", "samples"


def mne_alone(source: Intact, truth, copy: Path) -> tuple[str, str]:
    """Verdict on MNE's reader with its default arguments."""
    import mne

    reader = {".edf": mne.io.read_raw_edf, ".cnt": mne.io.read_raw_cnt, ".set": mne.io.read_raw_eeglab}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw = reader[copy.suffix](copy, preload=True, verbose="critical")
            data, channels = 1e6 * raw.get_data(), [name for name in raw.ch_names]
    except Exception as error:
        return ("refused" if copy.name in str(error) else "bad error"), str(error)
    if data.shape == truth.data.shape and np.allclose(data, truth.data, rtol=1e-5, atol=1e-3):
        data = truth.data  # but for the rounding of its other arithmetic
    return judge(source, truth, copy, data, raw.info["sfreq"], channels)


def guarded(function: Callable, *arguments) -> tuple[str, str]:
    """The function's verdict, from a process of its own: readers may end it, or not end at all."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(SECONDS)
        try:
            answer = function(*arguments)
        except BaseException as error:
            answer = "bad error", f"{type(error).__name__}: {error}"
        os.write(theirs, json.dumps(answer).encode()[:60000])
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        answer = pipe.read()
    status = os.waitpid(child, 0)[1]
    return tuple(json.loads(answer)) if answer else ("bad error", f"the process ended, status {status}")


def run(path: Path, copies: int, seed: int, with_mne: bool, show: bool) -> dict[str, Counter]:
    """Counts of the verdicts on copies of one file, by reader."""
    source, truth = intact(path), read(path)
    readers = {"ours": ours} | ({"MNE": mne_alone} if with_mne else {})
    if with_mne:
        mne_alone(source, truth, path)  # so that no copy's process has to import it
    counts, originals = {name: Counter() for name in readers}, source.bytes
    for number in range(copies):
        parts = [bytearray(content) for content in originals]
        kind = damage(source.header, source.hot, parts, np.random.default_rng([seed, number]))
        with tempfile.TemporaryDirectory() as folder:
            for part, content in zip(source.parts, parts, strict=True):
                (Path(folder) / part.name).write_bytes(content)
            for name, reader in readers.items():
                verdict, why = guarded(reader, source, truth, Path(folder) / path.name)
                verdict = kind if (verdict, kind) == ("unknowable", "shifted") else verdict
                counts[name][verdict] += 1
                counts[name]["checksum"] += verdict in SECRET and parts != originals
                if show and name == "ours" and verdict in ("misread", "bad error"):
                    print(f"  {path.name} {number}, {kind}: {verdict}: {why[:300]}", file=sys.stderr)
    return counts


def verdicts(found: dict[str, dict[str, Counter]]) -> str:
    columns = {
        f"{file}, {reader}": counts for file, readers in found.items() for reader, counts in readers.items()
    }
    rows = [(verdict, *(counts[verdict] for counts in columns.values())) for verdict in VERDICTS]
    return table(("", *columns), rows, numbers=len(columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, help="intact EDF, CNT or SET (with its .fdt)")
    parser.add_argument("--copies", type=int, default=1000, help="damaged copies of each (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the damage (default 0)")
    parser.add_argument("--mne", action="store_true", help="judge MNE's readers on the same copies too")
    parser.add_argument("--show", action="store_true", help="print what was misread, and every bad error")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    found = {
        path.name: run(path, arguments.copies, arguments.seed, arguments.mne, arguments.show)
        for path in arguments.files
    }
    print(verdicts(found))
    counts = [readers["ours"] for readers in found.values()]
    sys.exit(any(count["misread"] + count["bad error"] for count in counts))


if __name__ == "__main__":
    main()
