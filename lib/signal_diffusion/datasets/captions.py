"""Captions, from one template for every dataset, modality and stage.

a spectrogram image of a 62 year old, healthy, female subject
a spectrogram image of a 71 year old, male subject with Parkinson's disease at rest
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from signal_diffusion.datasets.labels import whole_years

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Captions

_WORDS = {
    "health": {"H": "healthy", "PD": ""},
    "gender": {"F": "female", "M": "male"},
}
_ENDINGS = {
    "health": {"PD": "with Parkinson's disease"},
    "activity": {"rest": "at rest", "arithmetic": "during mental arithmetic"},
}
VOCABULARY = {
    "health": ("", "H", "PD"),
    "gender": ("", "F", "M"),
    "activity": ("", "rest", "arithmetic"),
}

MODALITIES = {"timeseries": "time-series segment"}


def modality(representation: str) -> str:
    """What captions call a window."""
    return MODALITIES.get(representation, "spectrogram image")


def caption(row: Mapping[str, Any], config: "Captions", modality: str = "spectrogram image") -> str:
    """Caption of a metadata row, from those of `config.fields` that the row knows; nothing is guessed.

    `modality` is what a window is called unless `config` says it. The order of the words is the template's whatever
    the order of the fields.
    """
    known = {field: _value(row, field) for field in config.fields}
    bits = [f"{known['age']} year old"] if known.get("age") else []
    bits += [_WORDS[field].get(known.get(field, ""), "") for field in ("health", "gender")]
    bits = [bit for bit in bits if bit]
    subject = _with_article(f"{', '.join(bits)} {config.subject}" if bits else config.subject)
    endings = [_ENDINGS[field].get(known.get(field, ""), "") for field in ("health", "activity")]
    return " ".join([f"{_with_article(config.modality or modality)} of {subject}", *filter(None, endings)])


def _value(row: Mapping[str, Any], field: str) -> str:
    value = row.get(field, "")
    return whole_years(value) if field == "age" else str(value)


def _with_article(phrase: str) -> str:
    # "an 8 year old" and "an 11", "an 18", "an 80": the numbers whose spoken form starts with a vowel.
    number = phrase.split(" ", 1)[0]
    if number.isdigit():
        vowel = number.startswith("8") or number in ("11", "18")
    else:
        vowel = phrase[0].lower() in "aeiou"
    return f"{'an' if vowel else 'a'} {phrase}"
