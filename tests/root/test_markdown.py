"""Tables hold what they are given, whatever stands in a cell."""

from markdown_it import MarkdownIt
from signal_diffusion.markdown import table


def cells(text: str) -> list[list[str]]:
    """The cells of the only table of a page, as an independent reader of Markdown finds them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    rows: list[list[str]] = []
    for token, content in zip(tokens, tokens[1:], strict=False):
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("th_open", "td_open"):
            rows[-1].append(content.content)
    return rows


def test_bars_and_line_breaks_stay_in_their_cell():
    text = table(("name", "value"), [("a|b", "two\nlines"), ("none", 1.5)])
    assert cells(text) == [["name", "value"], ["a|b", "two lines"], ["none", "1.5"]]


def test_numbers_stand_to_the_right():
    assert table(("name", "a", "b"), [("x", 1, 2)], numbers=2).splitlines()[1] == "| --- | ---: | ---: |"
