"""A synthetic dataset that its run cannot make, or a run cannot read, is refused before anything is trained."""

import pytest
from signal_diffusion.config import (
    check_run,
    check_source,
    check_synthetic,
    load_recipe,
    load_run,
    load_synthetic,
    source_recipe,
)
from signal_diffusion.errors import UserError

RUN, SET = "config/diffusion/tiny.toml", "config/synthetic/made.toml"
NONE = {"model.conditioning": '"none"', "model.extras.cfg_dropout": "0.0"}

CLASSIFIER = """
[settings]
trainer = "classification"
[dataset]
name = "tiny"
tasks = ["health"]
[model]
backbone = "cnn_light"
"""


def test_a_set_that_can_be_made_and_read_is_taken(project):
    project.change(SET, "generation.cfg_scale", "3.0")
    check_synthetic(load_synthetic("made"))
    project.change("config/support/eyes.toml", "dataset.name", '"made"')
    project.change("config/support/words.toml", "dataset.name", '"made"')
    for name in ("eyes", "words"):
        check_source(load_run(f"config/support/{name}.toml"))
    assert source_recipe("made").name == "tiny"


@pytest.mark.parametrize(
    ("run", "wanted", "says"),
    [
        (NONE | {"dataset.name": '"./pics"'}, {}, "made.toml run: tiny is trained on images from elsewhere"),
        (
            NONE,
            {"conditions.distribution": '"balanced"'},
            r"\[conditions\] distribution: tiny is told nothing",
        ),
        (NONE, {"generation.cfg_scale": "3.0"}, r"\[generation\] cfg_scale: tiny has no condition"),
        (
            {"model.extras.cfg_dropout": "0.0", "inference.cfg_scale": "1.0"},
            {"generation.cfg_scale": "3.0"},
            r"\[generation\] cfg_scale: tiny was never without its condition",
        ),
    ],
)
def test_a_set_that_its_run_cannot_make_is_refused(project, run, wanted, says):
    for path, keys in ((RUN, run), (SET, wanted)):
        for dotted, value in keys.items():
            project.change(path, dotted, value)
    with pytest.raises(UserError, match=says):
        check_synthetic(load_synthetic("made"))


def test_an_encoder_of_decibels_is_not_made_from_a_set_of_time_series(project):
    project.change(RUN, "data.data_type", '"timeseries"')
    project.change("config/support/eyes.toml", "dataset.name", '"made"')
    with pytest.raises(UserError, match=r"\[dataset\] name: made holds timeseries, this run reads db-only"):
        check_source(load_run("config/support/eyes.toml"))


def test_a_set_drawn_from_a_run_on_that_set_ends_in_one_line(project):
    project.change(RUN, "dataset.name", '"made"')
    with pytest.raises(UserError, match=r"made.toml run: tiny is trained on made, which is drawn from it"):
        source_recipe("made")


def test_a_set_of_time_series_has_no_images_to_export(project):
    project.change(RUN, "data.data_type", '"timeseries"')
    project.change(SET, "export.parquet", "true")
    check_synthetic(load_synthetic("made"))
    project.change(SET, "export.imagefolder", "true")
    with pytest.raises(
        UserError, match=r"\[export\] imagefolder: tiny makes time series, which are no images"
    ):
        check_synthetic(load_synthetic("made"))


@pytest.mark.parametrize(
    ("shares", "key", "split"),
    [
        ("train = 0.9\nval = 0.1\ntest = 0.0\n", "evaluation.reference_split", "test"),
        ("train = 0.9\nval = 0.0\ntest = 0.1\n", "dataset.val_split", "val"),
    ],
)
def test_a_run_reads_no_split_that_its_recipe_leaves_empty(project, shares, key, split):
    recipe = project.root / "config/dataset/tiny.toml"
    recipe.write_text(f"{recipe.read_text()}[splits]\n{shares}")
    project.change(RUN, key, f'"{split}"')
    section, name = key.split(".")
    with pytest.raises(
        UserError, match=rf"\[{section}\] {name}: the run reads '{split}', but recipe tiny has"
    ):
        check_run(load_run(RUN), load_recipe("tiny"))
    recipe.write_text(recipe.read_text() + 'splits_file = "pinned.csv"\n')
    check_run(load_run(RUN), load_recipe("tiny"))


@pytest.mark.parametrize(("split", "keys"), [("val", {}), ("test", {"training.keep": '"last"'})])
def test_a_classifier_has_somebody_to_choose_by_and_to_hold_out(project, split, keys):
    recipe, path = project.root / "config/dataset/tiny.toml", "config/classification/read.toml"
    shares = {"train": 0.9, "val": 0.1, "test": 0.1, split: 0.0}
    lines = "".join(f"{name} = {share}\n" for name, share in shares.items())
    recipe.write_text(f"{recipe.read_text()}[splits]\n{lines}")
    project.write(path, CLASSIFIER)
    for dotted, value in keys.items():
        project.change(path, dotted, value)
    with pytest.raises(UserError, match=f"the run reads '{split}', but recipe tiny has"):
        check_run(load_run(path), load_recipe("tiny"))
    project.change(path, "training.keep", '"last"')
    project.change(path, "evaluation.folds", '"loso"')
    check_run(load_run(path), load_recipe("tiny"))
