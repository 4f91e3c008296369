"""The tables of docs/classification.md, which are made from the file beside it."""

import re
import sys
from pathlib import Path

import pytest
from signal_diffusion.files import read_json

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def made(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    yield __import__("make_classification")
    for name in ("make_classification", "pages"):
        sys.modules.pop(name, None)


def test_the_page_is_in_step_with_its_file(made):
    page = (DOCS / "classification.md").read_text()
    for name, text in made.texts(read_json(DOCS / "classification.json")).items():
        [found] = re.findall(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", page, re.DOTALL)
        assert found == text


def test_what_the_page_says_in_words_holds(made):
    """Chance and demographics are beaten; a label in no signal is not found; EEGMAT is level with band powers."""
    kept = read_json(DOCS / "classification.json")
    for task, found in kept["demo"]["tasks"].items():
        level = list(found["levels"].values())[-1]
        beaten = all(level["differences"][source]["better"] for source in ("demographics", "chance"))
        assert beaten == (task != "handedness")
    [windows, _] = kept["eegmat"]["tasks"]["activity"]["levels"].values()
    assert all(windows["differences"][name]["better"] for name in ("chance", "demographics", "eegmat-eegnet"))
    assert windows["differences"]["band_power"]["low"] < 0 < windows["differences"]["band_power"]["high"]
