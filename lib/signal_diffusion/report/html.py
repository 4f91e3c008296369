"""Pages that hold all they show, and so can be sent, opened offline and put into Snakemake's report."""

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from signal_diffusion.report.style import FAINT, INK, MUTED

CSS = f"""
body {{ font: 15px/1.5 system-ui, sans-serif; color: {INK}; max-width: 76em; margin: 2em auto; padding: 0 1em }}
table {{ border-collapse: collapse; margin: 0.8em 0 }}
th, td {{ text-align: left; vertical-align: top; padding: 0.2em 0.9em 0.2em 0 }}
th, td {{ border-bottom: 1px solid {FAINT} }}
th {{ font-weight: 600 }}
h2 {{ margin-top: 1.8em; border-bottom: 2px solid {FAINT} }}
p.note {{ color: {MUTED} }}
img {{ max-width: 100%; margin: 0.6em 0 }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; background: #f5f7f9; padding: 0.6em }}
summary {{ color: {MUTED}; cursor: pointer }}
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page; `parts` are HTML already."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{CSS}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Words in rows and columns, or that there are none."""
    if not rows:
        return note("None.")
    lines = [_line("th", heads), *(_line("td", row) for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def note(text: str) -> str:
    return f"<p class=note>{escape(text)}</p>"


def picture(path: Path, words: str) -> str:
    """A PNG file as part of the page."""
    image = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{image}">'


def from_markdown(path: Path) -> str:
    """A card without its front matter, its pictures within it."""
    from markdown_it import MarkdownIt

    text = re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return re.sub(r'<img src="([^":]+\.png)" alt="([^"]*)"[^>]*>', lambda match: _inside(path, match), body)


def _inside(card: Path, match: re.Match[str]) -> str:
    file = card.parent / match[1]
    return picture(file, match[2]) if file.is_file() else match[0]


def _line(tag: str, cells: Iterable[Any]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
