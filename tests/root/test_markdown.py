"""Tables hold what they are given, whatever stands in a cell."""

from markdown_it import MarkdownIt
from signal_diffusion.markdown import number, table


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


def test_a_large_number_has_no_exponent():
    assert [number(value) for value in (1234567, 12345.6, 9999.7, 0.001234, "demo")] == [
        "1,234,567", "12,346", "10,000", "0.001234", "demo",
    ]  # fmt: skip
    assert [number(value, 2) for value in (0.25, 12.0, 128.0)] == ["0.25", "12", "128"]
