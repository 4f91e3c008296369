"""Where the recordings of a recipe come from: titles, licences, what to cite."""

from typing import TYPE_CHECKING, NamedTuple

from signal_diffusion.config.homes import HOMES
from signal_diffusion.recordings.citations import CITATIONS, Citation

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe

UNKNOWN = "unknown"
_BARE = Citation("", UNKNOWN, "")


class Origin(NamedTuple):
    """One dataset; `license` is the Hub's identifier, empty fields are unknown."""

    dataset: str
    title: str
    license: str
    terms: str
    url: str
    citation: str


def origins(recipe: "Recipe", datasets: list[str]) -> list[Origin]:
    """Those of the datasets; what the recipe's `[origins.NAME]` says comes before what this project knows."""
    return [_origin(recipe, name) for name in datasets]


def _origin(recipe: "Recipe", name: str) -> Origin:
    known = CITATIONS.get(name, _BARE)
    page = f"https://{HOMES[name].page}" if name in HOMES else ""
    stated = recipe.origins.get(name)
    if stated is None:
        return Origin(name, known.title, known.license, known.terms, page, known.citation)
    license = known.license if stated.license == UNKNOWN else stated.license
    return Origin(
        name,
        stated.title or known.title,
        license,
        known.terms if license == known.license else "",
        stated.url or page,
        stated.citation or known.citation,
    )
