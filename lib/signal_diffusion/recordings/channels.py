"""Channels by name: what electrodes are called elsewhere, and the pick."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from signal_diffusion.equipment import CHANNEL_SETS
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.recording import Recording

OLD_NAMES = {"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8"}
EARS = ("a1", "a2", "m1", "m2")
REFERENCES = ("ref", "le", "avg", *EARS, "a1a2", "m1m2")


def channel_names(wanted: str | Iterable[str]) -> list[str]:
    """A named set's channels, or the list itself; raises UserError for an unknown set or a repeated name."""
    if isinstance(wanted, str):
        if wanted not in CHANNEL_SETS:
            raise UserError(
                f"channel set {wanted!r} is unknown; use one of {', '.join(CHANNEL_SETS)} or a list of names"
            )
        return list(CHANNEL_SETS[wanted])
    names = list(wanted)
    twice = repeated(names)
    if twice or not names:
        raise UserError(f"channels.set: {', '.join(twice) or 'no channel'}: name each channel once")
    return names


def repeated(names: Sequence[str]) -> list[str]:
    """Those of one channel, perhaps under two names such as T3 and T7."""
    keys = [canonical(name) for name in names]
    return sorted({name for name, key in zip(names, keys, strict=True) if keys.count(key) > 1})


@lru_cache(4096)
def canonical(name: str) -> str:
    """One spelling for one electrode: "EEG T3-REF", "t7" and "T7." are all "t7"; "FP1-F7" stays a pair."""
    ends = _ends(name)
    if len(ends) == 2 and ends[1] in REFERENCES and ends[0] not in REFERENCES:
        ends = ends[:1]
    return "-".join(ends)


def check_one_reference(channels: Iterable[str]) -> None:
    """UserError where names say that some were recorded against one ear and some against the other.

    What is subtracted from all of them would leave the ears' difference, with one sign on the left and the other on
    the right.
    """
    pairs = {name: ends for name in channels if len(ends := _ends(name)) == 2}
    ears = {ear: name for name, (end, ear) in pairs.items() if ear in EARS and end not in REFERENCES}
    if len(ears) > 1:
        raise UserError(
            f"channels {' and '.join(ears.values())} were recorded against different electrodes, whose difference a "
            'common reference leaves in them; set signal.reference = "none"'
        )


def match(channels: Iterable[str], wanted: Iterable[str]) -> dict[str, list[str]]:
    """For each wanted name, the recording's own names for it, in the recording's order."""
    spelled: dict[str, list[str]] = {}
    for name in channels:
        spelled.setdefault(canonical(name), []).append(name)
    return {name: spelled.get(canonical(name), []) for name in wanted}


def picks(channels: Iterable[str], wanted: str | Iterable[str], reference: str | None = None) -> list[str]:
    """The recording's names of the wanted channels, to be read; raises UserError that lists the absent ones.

    A channel that stands twice gives both of its names, and `pick` compares their samples.
    """
    names = channel_names(wanted)
    channels = list(channels)
    if missing := absent(channels, names, reference):
        raise UserError(f"channels missing: {', '.join(missing)}; use a channel set that all recordings have")
    return [spelling for spellings in match(channels, names).values() for spelling in spellings]


def absent(channels: Iterable[str], wanted: Iterable[str], reference: str | None = None) -> list[str]:
    """The wanted names that a recording of these channels and this reference electrode does not have."""
    found = match(channels, wanted)
    return [name for name, spellings in found.items() if not (spellings or _is_reference(name, reference))]


def pick(recording: Recording, wanted: str | Iterable[str], reference: str | None = None) -> Recording:
    """The wanted channels in the wanted order and spelling, float32 [channels, samples], perhaps not copied.

    An absent channel that was the recording's `reference` is added as zeros, which is its potential against
    itself; take the average reference afterwards. A channel that stands twice must have the same samples
    twice (CHB-MIT's T8-P8 does). Raises UserError that lists what is missing or differs.
    """
    names = channel_names(wanted)
    picks(recording.channels, names, reference)
    found = match(recording.channels, names)
    if [[name] for name in recording.channels] == list(found.values()):
        return Recording(recording.data, recording.fs, tuple(names))
    data = np.zeros((len(names), recording.data.shape[1]), np.float32)
    for row, name in enumerate(names):
        rows = [recording.channels.index(spelling) for spelling in found[name]]
        if any(not np.array_equal(recording.data[rows[0]], recording.data[other]) for other in rows[1:]):
            raise UserError(f"channels {', '.join(found[name])} are all {name} but differ; name them apart")
        if rows:
            data[row] = recording.data[rows[0]]
    return Recording(data, recording.fs, tuple(names))


def _ends(name: str) -> list[str]:
    """An electrode, or the two of a pair, in lower case and by their new names."""
    key = re.sub(r"^(eeg|ecg)[\s:_-]+", "", name.strip().lower()).strip(" .")
    ends = [OLD_NAMES.get(end, end) for end in re.split(r"\s*-\s*", key)]
    if len(ends) > 1 and ends[-1].isdigit():  # the readers number channels that stand twice
        ends.pop()
    return ends


def _is_reference(name: str, reference: str | None) -> bool:
    return reference is not None and canonical(name) == canonical(reference)
