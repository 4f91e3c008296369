"""Tables of cards and pages."""

from collections.abc import Iterable, Sequence
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], numbers: int = 0) -> str:
    """A Markdown table, without a line break at its end; of its columns the last `numbers` stand to the right."""
    rules = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in (header, rules, *rows))


def number(value: Any, digits: int = 4) -> str:
    """A number as cards write it: all digits before the point, and no more than `digits` where there are others."""
    if isinstance(value, float) and abs(value) < 10**digits - 0.5:
        return f"{value:.{digits}g}"
    if isinstance(value, float):
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
