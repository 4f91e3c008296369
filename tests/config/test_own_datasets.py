"""Datasets of one's own in the settings: what goes together, and recipes that name them."""

import pytest
from signal_diffusion.config import load_recipe, load_settings
from signal_diffusion.errors import UserError

SETTINGS = "config/default.toml"
LAB = {
    "kind": '"folder"',
    "files": '"{subject}_{task}.set"',
    "table": '"people.csv"',
    "id": '"Code"',
    "columns": '{ gender = "Sex", age = "Years" }',
    "values": '{ gender = { woman = "F", man = "M" }, task = { r = "rest" } }',
    "reference": '"Cz"',
}


def lab(project, name: str = "lab", **changes: str):
    for key, literal in reversed((LAB | changes).items()):
        if literal:
            project.change(SETTINGS, f"datasets.{name}.{key}", literal)
    return load_settings()


def test_a_folder_as_the_settings_describe_it(project):
    found = lab(project).datasets["lab"]
    assert (found.kind, found.files, found.table, found.id) == (
        "folder",
        "{subject}_{task}.set",
        "people.csv",
        "Code",
    )
    assert found.columns == {"gender": "Sex", "age": "Years"} and found.reference == "Cz"
    assert found.values == {"gender": {"woman": "F", "man": "M"}, "task": {"r": "rest"}}
    assert found.root == project.root / "data" / "lab"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kind": '"folders"'}, "[datasets.lab] kind: found 'folders', expected"),
        ({"kind": '""'}, '[datasets.lab] files: is for datasets of kind = "folder"'),
        ({"files": '"{task}.set"', "values": ""}, "[datasets.lab] files: has no {subject}"),
        ({"id": ""}, "[datasets.lab] table: goes with id"),
        ({"table": "", "columns": "", "values": ""}, "[datasets.lab] id: goes with table"),
        ({"table": "", "id": "", "values": ""}, "[datasets.lab] columns: there is no table"),
        (
            {"columns": '{ task = "Task" }', "values": ""},
            "[datasets.lab.columns] task: the file names give it too",
        ),
        (
            {"values": '{ hand = { r = "right" } }'},
            "[datasets.lab.values] hand: is no label of columns or files",
        ),
        ({"columns": '"Sex"'}, "[datasets.lab] columns: found 'Sex', expected"),
    ],
)
def test_what_does_not_go_together_is_refused(project, changes, complaint):
    with pytest.raises(UserError) as error:
        lab(project, **changes)
    assert f"{SETTINGS} {complaint}" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ['"my-lab"', '"a b"', "demo"])
def test_a_name_that_no_file_could_have_is_refused(project, name):
    with pytest.raises(UserError, match="cannot be a dataset's name: letters, digits and _"):
        lab(project, name=name)


def test_recipes_name_it_alone_or_beside_others(project):
    settings = lab(project)
    project.change("config/dataset/tiny.toml", "recipe.datasets", '["math", "lab"]')
    assert load_recipe("tiny", settings).recipe.datasets == ["math", "lab"]
    project.change("config/dataset/tiny.toml", "recipe.datasets", '["math", "lap"]')
    with pytest.raises(UserError, match=r"lap has no \[datasets.lap\] in the settings; did you mean lab\?"):
        load_recipe("tiny", settings)


def test_bipolar_channels_have_no_common_reference(project):
    for key, literal in (("recipe.datasets", '["mit"]'), ("channels.set", '"chb-mit-bipolar"')):
        project.change("config/dataset/tiny.toml", key, literal)
    with pytest.raises(UserError, match=r"\[signal\] reference: mit is bipolar"):
        load_recipe("tiny")
    project.change("config/dataset/tiny.toml", "signal.reference", '"none"')
    assert load_recipe("tiny").signal.reference == "none"
