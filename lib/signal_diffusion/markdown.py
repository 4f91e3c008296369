"""Tables of cards and pages."""

from collections.abc import Iterable, Sequence
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], numbers: int = 0) -> str:
    """A Markdown table, without a line break at its end; of its columns the last `numbers` stand to the right."""
    rules = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in (header, rules, *rows))


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
