"""EEGLAB `.set` (MATLAB 5 or 7.3) with its `.fdt`, or with the samples inside.

What a set says twice must agree: channels and samples with their names and with the data, the rate with the
times of first and last sample.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from signal_diffusion.recordings.formats.checks import (
    NOT_VOLTS,
    indices_of,
    refuse,
    samples_of,
    unique_names,
    what_failed,
)
from signal_diffusion.recordings.formats.matlab import Damaged, read_variables
from signal_diffusion.recordings.formats.names import unprintable
from signal_diffusion.recordings.recording import Header, Recording, Span

FIELDS = (
    "EEG", "nbchan", "pnts", "trials", "srate", "xmin", "xmax", "times", "data", "chanlocs", "labels", "type",
    "event", "latency",
)  # fmt: skip
BOUNDARIES = ("boundary", -99.0)  # the type of the event, the latter where types are numbers
BLOCK = 2**21  # bytes at a time: they stay in the processor's cache


@dataclass(frozen=True)
class Layout:
    """`data`: the samples themselves, float [channels, samples] in uV, or the file of float32 that holds them
    [samples, channels]. `volts` are the places of the channels that are measured in volts, `gaps` the seconds of the
    `boundary` events."""

    fs: float
    samples: int
    channels: tuple[str, ...]
    volts: tuple[int, ...]
    data: np.ndarray | Path
    gaps: tuple[float, ...] = ()


def read_header(path: Path, span: Span | None = None) -> Header:
    layout = _layout(path)
    samples_of(path, span, layout.fs, layout.samples)
    channels = tuple(layout.channels[i] for i in layout.volts)
    return Header(layout.fs, layout.samples / layout.fs, channels, "set", gaps=layout.gaps)


def read(path: Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    layout = _layout(path)
    known = tuple(layout.channels[i] for i in layout.volts)
    names = known if picks is None else tuple(picks)
    indices_of(path, list(names), known)
    chosen = indices_of(path, list(names), layout.channels)
    first, stop = samples_of(path, span, layout.fs, layout.samples)
    if isinstance(layout.data, np.ndarray):
        data = layout.data[chosen, first:stop].astype(np.float32)
    else:
        data = _from_file(layout.data, len(layout.channels), chosen, first, stop)
    return Recording(data, layout.fs, names)


def named_files(path: Path) -> list[Path]:
    """The `.fdt` that the set names, if another is in its folder than that of its own name."""
    if path.with_suffix(".fdt").is_file() or not _holds_orphans(path.parent):
        return []
    data = _fields(path)["data"]
    return [_other(path, data)] if isinstance(data, str) else []


def _holds_orphans(folder: Path) -> bool:
    """Whether a `.fdt` there has no set of its name, for then one of another name names it."""
    return _searched(folder, folder.stat().st_mtime_ns)


@lru_cache(4096)
def _searched(folder: Path, changed: int) -> bool:
    names = {Path(name) for name in os.listdir(folder)}
    sets = {name.stem for name in names if name.suffix.lower() == ".set"}
    return any(name.suffix.lower() == ".fdt" and name.stem not in sets for name in names)


def _from_file(path: Path, count: int, chosen: list[int], first: int, stop: int) -> np.ndarray:
    data = np.empty((len(chosen), stop - first), np.float32)
    step = max(1, BLOCK // (4 * count))
    with path.open("rb") as file:
        file.seek(4 * count * first)
        for at in range(0, stop - first, step):
            rows = min(step, stop - first - at)
            block = np.fromfile(file, "<f4", rows * count).reshape(rows, count)
            data[:, at : at + rows] = block[:, chosen].T
    return data


def _layout(path: Path) -> Layout:
    fields = _fields(path)
    count, samples, trials = (_integer(path, fields, name) for name in ("nbchan", "pnts", "trials"))
    if trials != 1:
        raise refuse(path, "trials", trials, "1, a continuous recording")
    fs = _number(path, fields, "srate")
    if not 1.0 <= fs <= 1e5:
        raise refuse(path, "srate", f"{fs:g} Hz", "1 to 100000 Hz")
    _check_times(path, fields, fs, samples)
    names, kinds = _channels(path, fields, count)
    volts = tuple(i for i, kind in enumerate(kinds) if kind not in NOT_VOLTS)
    if not volts:
        raise refuse(path, "channel types", "none in volts", "EEG channels")
    data = _data(path, fields, count, samples)
    return Layout(fs, samples, unique_names(names), volts, data, _gaps(path, fields, fs))


def _fields(path: Path) -> dict:
    """The fields of the set, which stand in the file by themselves or in a struct EEG."""
    try:
        found = read_variables(path, FIELDS)
    except Damaged as error:
        raise refuse(path, "MATLAB file", error, "an EEGLAB set of MATLAB 5 or 7.3") from None
    except Exception as error:  # a damaged file makes h5py raise nearly anything
        raise refuse(path, "MATLAB file", what_failed(error), "an EEGLAB set of MATLAB 5 or 7.3") from None
    inner = found.get("EEG", found)
    if not isinstance(inner, dict) or "data" not in inner:
        raise refuse(path, "fields", "no EEG with its data", "an EEGLAB set")
    return inner


def _integer(path: Path, fields: dict, name: str) -> int:
    value = _number(path, fields, name)
    if value != int(value) or value < 1:
        raise refuse(path, name, f"{value:g}", "an integer from 1 on")
    return int(value)


def _number(path: Path, fields: dict, name: str) -> float:
    value = fields.get(name)
    if not isinstance(value, float) or not np.isfinite(value):
        raise refuse(path, name, "no single number", "a finite number")
    return value


def _check_times(path: Path, fields: dict, fs: float, samples: int) -> None:
    """Seconds `xmin` and `xmax`, and milliseconds `times`, must be those of the first and the last sample.

    Some writers put the end one sample further.
    """
    length, slack = (samples - 1) / fs, 1.5 / fs
    if "xmax" in fields:
        stated = _number(path, fields, "xmax") - _number(path, fields, "xmin")
        if abs(stated - length) > slack:
            raise refuse(path, "xmin to xmax", f"{stated:g} s", f"{length:g} s from pnts and srate")
    times = np.asarray(fields.get("times", ()))
    if times.size and (times.size != samples or times.dtype.kind not in "iuf"):
        raise refuse(path, "times", f"{times.size} values", f"{samples} numbers, as pnts says")
    if times.size and not abs((times.flat[-1] - times.flat[0]) / 1e3 - length) <= slack:
        found = (float(times.flat[-1]) - float(times.flat[0])) / 1e3
        raise refuse(path, "times", f"{found:g} s", f"{length:g} s from pnts and srate")


def _channels(path: Path, fields: dict, count: int) -> tuple[list[str], list[str]]:
    """Names and types of the channels."""
    places = fields.get("chanlocs")
    if not isinstance(places, dict) or "labels" not in places:
        raise refuse(path, "chanlocs", "no labels", f"{count} named channels")
    names, kinds = (_texts(places.get(key), count) for key in ("labels", "type"))
    if names is None or not all(names):
        raise refuse(path, "chanlocs", "another number of labels", f"{count}, as nbchan says")
    strange = unprintable(names)
    if strange is not None:
        raise refuse(path, f"label of channel {strange + 1}", "unprintable characters", "printable ASCII")
    return names, [kind.lower() for kind in kinds or [""] * count]


def _gaps(path: Path, fields: dict, fs: float) -> tuple[float, ...]:
    """Latencies count samples from 1, and a boundary stands half-way between two."""
    events = fields.get("event")
    if not isinstance(events, dict) or not {"type", "latency"} <= set(events):
        return ()
    kinds, latencies = (
        each if isinstance(each, list) else [each] for each in (events["type"], events["latency"])
    )
    if len(kinds) != len(latencies):
        raise refuse(path, "event", "other numbers of types than of latencies", "as many")
    both = zip(kinds, latencies, strict=True)
    cuts = [latency for kind, latency in both if isinstance(kind, str | float) and kind in BOUNDARIES]
    if not all(isinstance(latency, float) and np.isfinite(latency) for latency in cuts):
        raise refuse(path, "latency of a boundary", "no single number", "a finite number")
    return tuple((latency - 0.5) / fs for latency in cuts)


def _texts(values, count: int) -> list[str] | None:
    """One text per channel, "" where there is none; None if their number is another."""
    values = [values] if count == 1 and isinstance(values, str) else values
    if not isinstance(values, list) or len(values) != count:
        return None
    return [value.strip() if isinstance(value, str) else "" for value in values]


def _data(path: Path, fields: dict, count: int, samples: int) -> np.ndarray | Path:
    data = fields["data"]
    if isinstance(data, str):
        return _data_file(path, data, count, samples)
    data = np.atleast_2d(np.asarray(data))
    if data.shape != (count, samples) or data.dtype.kind not in "iuf":
        shape = " x ".join(map(str, data.shape))
        raise refuse(path, "data", f"{shape} values", f"{count} x {samples} as nbchan and pnts say")
    return data


def _data_file(path: Path, named: str, count: int, samples: int) -> Path:
    """The `.fdt` beside the set and called like it, or like the set's field says; these must not be two."""
    beside = path.with_suffix(".fdt")
    both = dict.fromkeys((beside, _other(path, named)))
    found = [each for each in both if each.suffix.lower() == ".fdt" and each.is_file()]
    if len(found) != 1:
        what = f"{len(found) or 'none'} of {beside.name} and the one that the set names"
        raise refuse(path, "data file", what, "one of them")
    size, expected = found[0].stat().st_size, 4 * count * samples
    if size != expected:
        raise refuse(path, f"size of {found[0].name}", f"{size} bytes", f"{expected} from the set")
    return found[0]


def _other(path: Path, named: str) -> Path:
    return path.parent / Path(named.replace("\\", "/")).name
