"""What channels are called, so that a damaged name is known as one and no stranger's text is repeated."""

import re
from functools import lru_cache
from string import ascii_letters, digits

from signal_diffusion.recordings.channels import canonical

# Rows of the 10-5 system (Oostenveld and Praamstra, 2001) and the reference sites, as `canonical` spells them.
_ROWS = (
    "nfp|fp|afp|aff|af|ffc|fft|ftt|fcc|fc|ft|f|ttp|tpp|tp|t|ccp|cpp|cp|c|ppo|poo|po|p|oi|o|i|n|a|m|cb|sp|pg"
)
_ELECTRODE = re.compile(rf"({_ROWS})(z|10|[1-9]h?)")
_OTHER = re.compile(
    r"[vh]?eo(g|gl|gr|gu|gd|gv|gh|l|u)?\d*|e[ck]g\d*[lr]?|emg\d*|chin\d*|resp\w*|status|trig\w*|stim?\w*|"
    r"sti \d+|dc\d+|aux\d*|bip\d*|[xyz]|e\d+|[a-h]\d+|\d+|ref|gnd|loc|roc|luc|temp\w*|gsr|eda|spo2|osat|pr|"
    r"pulse\w*|plet\w*|photic|marker|events?|[eb]df annotations( \d+)?|"
)
_SUBSTITUTES = ascii_letters + digits + " -"


@lru_cache(4096)
def is_electrode(name: str) -> bool:
    """Whether this is an electrode of the 10-5 system, however it is spelled, or a pair of them."""
    return all(_ELECTRODE.fullmatch(end) for end in canonical(name).split("-"))


def is_known(name: str) -> bool:
    """Whether the name is an electrode's or one that recorders give to other channels."""
    return is_electrode(name) or all(_OTHER.fullmatch(end) for end in canonical(name).split("-"))


def shown(name: str, index: int) -> str:
    """A known name, or the channel's place: of a damaged header any text may be a part of a person's name."""
    return name if is_known(name) else f"(channel {index + 1})"


def unprintable(names: list[str] | tuple[str, ...]) -> int | None:
    """Place of the first name that is empty or holds anything but printable ASCII."""
    return next(
        (i for i, name in enumerate(names) if not (name.isascii() and name.isprintable() and name)), None
    )


def damaged(names: list[str] | tuple[str, ...]) -> int | None:
    """Place of the first name that one changed character has made of an electrode which is now absent.

    Only a file that names nearly all of its channels by the 10-5 system says so much.
    """
    unknown = [i for i, name in enumerate(names) if not is_known(name)]
    electrodes = {canonical(name) for name in names if is_electrode(name)}
    if len(unknown) > 2 or 2 * len(electrodes) < len(names):
        return None
    return next((i for i in unknown if _was_electrode(names[i], electrodes)), None)


def _was_electrode(name: str, present: set[str]) -> bool:
    spelled = (name[:i] + letter + name[i + 1 :] for i in range(len(name)) for letter in _SUBSTITUTES)
    return any(is_electrode(each) and canonical(each) not in present for each in spelled)
