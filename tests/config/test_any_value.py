"""Whatever stands in a file, loading it ends in a typed object or in one line."""

import pytest
from signal_diffusion.config import load_recipe, load_run, load_settings
from signal_diffusion.config.diffusion import EXTRAS, DiffusionRun
from signal_diffusion.config.fields import Section
from signal_diffusion.config.messages import section_of
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.settings import Settings
from signal_diffusion.config.support import SupportRun
from signal_diffusion.errors import UserError

LITERALS = (
    '"x"',
    '""',
    "-1",
    "0",
    "1.5",
    "true",
    "[]",
    "[1]",
    '["x"]',
    "[[1]]",
    "{}",
    "{ x = 1 }",
    "nan",
    "1979-05-27",
)
FILES = {
    "config/default.toml": (Settings, load_settings),
    "config/dataset/tiny.toml": (Recipe, lambda: load_recipe("tiny")),
    "config/diffusion/tiny.toml": (DiffusionRun, lambda: load_run("config/diffusion/tiny.toml")),
    "config/support/words.toml": (SupportRun, lambda: load_run("config/support/words.toml")),
}


def keys(model: type[Section], prefix: str = ""):
    for name, field in model.model_fields.items():
        child = section_of(field)
        if child is None or "self_attns" in name:
            yield f"{prefix}{name}"
        else:
            entry = ".math" if name == "datasets" and model is Settings else ""
            yield from keys(child, f"{prefix}{name}{entry}.")
    yield from (f"{prefix}{alias}" for alias in model.aliases)


@pytest.mark.parametrize("file", FILES)
def test_any_value_of_any_key(project, file):
    model, load = FILES[file]
    original, outcomes = (project.root / file).read_text(), set()
    for key in keys(model):
        for literal in LITERALS:
            project.write(file, original)
            project.change(file, key, literal)
            outcomes.add(outcome(load, f"{key} = {literal}"))
    assert outcomes == {"loaded", "refused"}


@pytest.mark.parametrize("network", EXTRAS)
def test_any_value_of_any_key_of_a_network(project, network):
    file, outcomes = "config/diffusion/tiny.toml", set()
    original = project.change(file, "model.name", f'"{network}"').read_text()
    for key in keys(EXTRAS[network], "model.extras."):
        for literal in LITERALS:
            project.write(file, original)
            project.change(file, key, literal)
            outcomes.add(outcome(FILES[file][1], f"{key} = {literal}"))
    assert outcomes == {"loaded", "refused"}


@pytest.mark.parametrize("file", FILES)
def test_any_value_in_place_of_a_section(project, file):
    model, load = FILES[file]
    for section in [name for name, field in model.model_fields.items() if section_of(field)]:
        for literal in LITERALS:
            project.write(file, f"{section} = {literal}\n")
            assert outcome(load, f"{section} = {literal}") == "refused"


def outcome(load, what: str) -> str:
    try:
        load()
    except UserError as error:
        assert "\n" not in str(error) and "config/" in str(error) and len(str(error)) < 400, what
        return "refused"
    return "loaded"
