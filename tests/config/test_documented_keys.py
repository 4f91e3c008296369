"""No documented key is accepted and ignored: each is honoured, or refused with a reason."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from signal_diffusion.config import load_run, load_settings
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.fields import Section, metadata
from signal_diffusion.config.messages import section_of, sections_of
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.settings import Settings
from signal_diffusion.config.support import SupportRun
from signal_diffusion.errors import UserError

from .documented import (
    DIFFUSION,
    EXTRAS,
    KEPT_VALUES,
    PRETRAINED,
    REQUIRED,
    SETTINGS,
    Refused,
)
from .documented_classification import CLASSIFICATION

ROOT = Path(__file__).resolve().parents[2]
RUN = "config/diffusion/tiny.toml"
DOCUMENT = "reference/seeds/001_f8daf09946ce70d7.txt"


def at(model, dotted: str):
    for part in dotted.split("."):
        model = model[part] if isinstance(model, dict) else getattr(model, part)
    return model


def check(project, file: str, key: str, claim, load) -> None:
    for other, literal in getattr(claim, "also", {}).items():
        project.change(file, other, literal)
    project.change(file, key, claim.literal)
    if isinstance(claim, Refused):
        with pytest.raises(UserError) as caught:
            load()
        section, _, name = key.rpartition(".")
        assert f"{file} [{section}] {name}: " in str(caught.value)
        assert claim.reason in str(caught.value) and "\n" not in str(caught.value)
        return
    found = at(load(), claim.read_as or key)
    assert (str(found) if isinstance(found, Path) else found) == claim.value


@pytest.mark.parametrize(("key", "default", "claim"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_every_settings_key(project, key, default, claim):
    check(project, "config/default.toml", key, claim, load_settings)


@pytest.mark.parametrize(("key", "default", "claim"), DIFFUSION, ids=[row[0] for row in DIFFUSION])
def test_every_diffusion_key(project, key, default, claim):
    check(project, RUN, key, claim, lambda: load_run(RUN))


@pytest.mark.parametrize(
    ("network", "key", "claim"), [(name, *row) for name, rows in EXTRAS.items() for row in rows]
)
def test_every_key_of_the_other_networks(project, network, key, claim):
    project.change(RUN, "model.name", f'"{network}"')
    check(project, RUN, f"model.extras.{key}", claim, lambda: load_run(RUN))


@pytest.mark.parametrize("network", ["stable-diffusion", "stable-diffusion-35"])
@pytest.mark.parametrize(("key", "claim"), PRETRAINED)
def test_every_key_of_pretrained_weights(project, network, key, claim):
    start = {"name": f'"{network}"', "pretrained": '"a/b"', "lora.enabled": "true"}
    for name, literal in start.items():
        project.change(RUN, f"model.{name}", literal)
    check(project, RUN, key, claim, lambda: load_run(RUN))


@pytest.mark.parametrize(
    ("alias", "name"),
    [("stable-diffusion-v1-5", "stable-diffusion"), ("stable-diffusion-3.5-medium", "stable-diffusion-35")],
)
def test_other_names_of_networks(project, alias, name):
    project.change(RUN, "model.name", f'"{alias}"')
    assert load_run(RUN).model.name == name


@pytest.mark.parametrize(("key", "value"), KEPT_VALUES)
def test_values_that_are_kept(project, key, value):
    project.change(RUN, key, f'"{value}"')
    assert at(load_run(RUN), key) == value


def field_of(model: type[Section], dotted: str):
    *sections, name = dotted.split(".")
    for part in sections:
        model = section_of(model.model_fields[part])
    return model.model_fields[model.aliases.get(name, name)]


# The document gives extras no default, loader processes mean nothing here, the alias is tested below.
WITH_DEFAULT = [
    (key, default)
    for key, default, _ in DIFFUSION
    if key not in ("objective.scheduler", "dataset.num_workers") and not key.startswith("model.extras.")
]


@pytest.mark.parametrize(("key", "default"), WITH_DEFAULT)
def test_documented_defaults(key, default):
    field = field_of(DiffusionRun, key)
    assert field.is_required() == (default is REQUIRED)
    assert default is REQUIRED or field.default == default


def test_ddim_is_the_documented_name_of_the_default_solver(project):
    default = load_run(RUN).inference.solver
    project.change(RUN, "objective.scheduler", '"ddim"')
    assert load_run(RUN).inference.solver == default == "euler"


def documented(text: str) -> set[str]:
    """Return the keys of the document's tables: first cells, under the nearest heading's section."""
    found, part, section = set(), "", ""
    for line in text.split("## Complete Examples")[0].splitlines():
        if heading := re.match(r"## (\w+) Settings", line):
            part = heading[1].lower()
        elif heading := re.match(r"(?:###|\*\*)\s?`\[([\w.*]+)\]`", line):
            section = heading[1].replace("*", "math")
        elif (row := re.match(r"\| `(\w+)` \|", line)) and part:
            found.add(f"{part} {section}.{row[1]}")
    return found


def test_the_table_holds_every_key_of_the_document(shared):
    table = {f"common {row[0]}" for row in SETTINGS} | {f"diffusion {row[0]}" for row in DIFFUSION}
    # Task weights are named by the user: the document has a subsection for them, but no row.
    table |= {f"classification {key}" for key, *_ in CLASSIFICATION if key != "training.task_weights"}
    assert documented((shared / DOCUMENT).read_text()) == table


# Keys whose whole effect lies inside config: chosen, checked or resolved into others there.
RESOLVED_IN_CONFIG = {
    "extends",
    "data.output_root",
    "settings.config",
    "settings.trainer",
    "data.output_type",
    "data.data_type",
    "dataset.resolution",
    "dataset.caption_column",
    "model.sample_size",
    "model.extras.num_attention_heads",
    "model.extras.in_channels",
    "model.extras.out_channels",
    "model.extras.caption_projection_dim",
    "logging.run_name",
}
# Read by the name of the split that is being filled.
READ_BY_NAME = {"splits.train", "splits.val", "splits.test"}


def honoured(model: type[Section], prefix: str = ""):
    for name, field in model.model_fields.items():
        children = sections_of(field)
        for child in children:
            yield from honoured(child, f"{prefix}{name}.")
        if not children and metadata(field) and not metadata(field)["refused"]:
            yield f"{prefix}{name}"


@cache
def read_names() -> set[str]:
    """Return the attributes that code outside config reads, and the words of the rules."""
    names = set()
    for path in [*(ROOT / "lib").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        if "config" not in path.relative_to(ROOT).parts:
            tree = ast.parse(path.read_text())
            names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]:
        names |= set(re.findall(r"\.(\w+)", path.read_text())) if path.is_file() else set()
    return names


@pytest.mark.parametrize(
    "model", [Settings, Recipe, DiffusionRun, SupportRun], ids=lambda model: model.__name__
)
def test_every_accepted_key_is_read_by_code(model):
    read = read_names()
    ignored = [
        key
        for key in honoured(model)
        if key.rpartition(".")[2] not in read and key not in RESOLVED_IN_CONFIG | READ_BY_NAME
    ]
    assert not ignored, f"accepted, but nothing reads {', '.join(ignored)}: read them, or mark them refused"
