"""Synthetic datasets: what is asked of the model, and the folder that comes out, which classifiers and tools read."""

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config import check_source, load_run, load_synthetic, source_recipe, source_run
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.storage import Windows, read_spec
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.conditioning import Conditioning
from signal_diffusion.families.diffusion.publish import publish_model
from signal_diffusion.families.diffusion.requests import prompts_of, requested_rows
from signal_diffusion.families.diffusion.synthesise import generate_synthetic_dataset
from signal_diffusion.families.diffusion.train import train_run

from .world import World

LABELS = ["gender", "health", "age", "activity"]
TOLD = Conditioning("gend_hlth_age", 6, guided=True)
CLASSIFIER = """
[settings]
trainer = "classification"
[data]
output_type = "{kind}"
[dataset]
name = "made"
tasks = ["activity"]
[model]
backbone = "cnn_light"
[evaluation]
folds = "{folds}"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("synthetic")
        patch.chdir(root)
        world = World(root)
        world.run("source", conditioning="gend_hlth_age")
        yield world


@pytest.fixture(scope="module")
def real(world):
    return Windows(world.dataset("db-only"), "train").metadata


def made(world, text: str, count: int = 12):
    world._write(
        "config/synthetic/made.toml", f'run = "source"\n{text}\n[generation]\nnum_samples = {count}\n'
    )
    return load_synthetic("made")


def asked(world, real, text: str, count: int = 12, told=TOLD) -> pd.DataFrame:
    return requested_rows(made(world, text, count), real, LABELS, told, world.recipe, "db-only")


def test_labels_as_the_real_ones_are_their_rows_each_equally_often(world, real):
    rows = asked(world, real, "", 2 * len(real))
    columns = ["gender", "health", "age"]
    found, wanted = (each[columns].astype(str).value_counts() for each in (rows, real))
    assert found.sort_index().equals((2 * wanted).sort_index())
    assert set(rows["activity"]) == {""}, "the model is not told of it"
    assert set(rows["text"]) == {"a spectrogram image of a subject"}


def test_balanced_labels_come_in_every_combination_alike(world, real):
    rows = asked(world, real, '[conditions]\ndistribution = "balanced"', 14)
    counts = rows.groupby(["gender", "health"]).size()
    assert len(counts) == 4 and sorted(counts) == [3, 3, 4, 4]
    assert set(rows["age"].dropna()) <= set(pd.to_numeric(real["age"]).dropna())


def test_captions_say_what_the_balanced_labels_say(world, real):
    told = Conditioning("caption", 5)
    rows = asked(world, real, '[conditions]\ndistribution = "balanced"', 4, told)
    assert list(rows["activity"]) == ["arithmetic"] * 2 + ["rest"] * 2
    assert prompts_of(rows, told)[0].endswith("during mental arithmetic")
    assert prompts_of(rows, told)[3].endswith("at rest")


def test_given_conditions_are_asked_for_by_their_shares_and_keep_what_is_unknown(world, real):
    text = '[conditions]\ndistribution = "given"\n[[conditions.given]]\ngender = "F"\nage = 63\nshare = 3\n'
    rows = asked(world, real, text + '[[conditions.given]]\nhealth = "PD"\ntext = "my own words"\n', 8)
    assert list(rows["gender"]) == ["F"] * 6 + [""] * 2 and list(rows["text"][6:]) == ["my own words"] * 2
    assert prompts_of(rows, TOLD)[0] == {"gender": "F", "age": 63}
    assert prompts_of(rows, TOLD)[7] == {"health": "PD"}


@pytest.mark.parametrize("how", ["reference", "balanced", "given"])
def test_classes_of_a_column_that_is_no_label_are_asked_for(world, real, how):
    """Such as the dataset, of a model of several."""
    real = real.assign(dataset=["here", "there"] * (len(real) // 2))
    told = Conditioning("classes", 6, "dataset", ("here", "there"))
    given = '[[conditions.given]]\ndataset = "here"\n[[conditions.given]]\ndataset = "there"\n'
    text = f'[conditions]\ndistribution = "{how}"\n{given if how == "given" else ""}'
    asked_for = prompts_of(asked(world, real, text, 32, told), told)
    assert sorted(prompt["dataset"] for prompt in asked_for) == ["here"] * 16 + ["there"] * 16


def test_given_conditions_come_from_a_table_too(world, real):
    world._write("asked.csv", "gender,age,share\nF,40,1\nM,,1\n")
    rows = asked(world, real, '[conditions]\ndistribution = "given"\ntable = "asked.csv"', 2)
    assert prompts_of(rows, TOLD) == [{"gender": "F", "age": 40}, {"gender": "M"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('distribution = "given"', "goes with distribution"),
        ('labels = ["gender"]', 'distribution = "balanced"'),
        ('distribution = "balanced"\nlabels = ["colour"]', "no colour"),
        ('distribution = "given"\n[[conditions.given]]\ncolour = "red"', "'colour' is no label"),
        ('distribution = "balanced"\nlabels = ["activity"]', "not told of activity, only of gender, health"),
        ('distribution = "given"\n[[conditions.given]]\nactivity = "rest"', "not told of activity"),
        ('distribution = "given"\n[[conditions.given]]\ngender = "woman"', "write M or F"),
        ('distribution = "given"\n[[conditions.given]]\ngender = "F"\nshare = 0', "above 0"),
    ],
)
def test_mistakes_are_told_in_one_line(world, real, text, message):
    with pytest.raises(UserError, match=message) as error:
        asked(world, real, f"[conditions]\n{text}")
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    """A set with real windows beside it, both exports, and the same one again."""
    run, root = load_run("config/diffusion/source.toml"), world.root / "source"
    read = world.read_by(run)
    train_run(run, read["dataset"], None, root / "model.safetensors", root / "checkpoints")
    publish_model(run, read["dataset"], None, root / "model.safetensors", root / "published/model")
    synthetic = made(world, 'real = "all"\n[export]\nimagefolder = true\nparquet = true', 10)
    assert source_run(synthetic).name == "source" and source_recipe("made").name == "tiny"
    for name in ("one", "again"):
        out = root / name
        generate_synthetic_dataset(synthetic, world.recipe, root / "published", read["dataset"], 1, out)
    return root / "one"


def test_a_synthetic_dataset_is_one_that_trainings_accept(world, folder):
    check_dataset(folder)
    train, real = Windows(folder, "train"), Windows(world.dataset("db-only"), "train")
    assert len(train) == len(real) + 10 and len(Windows(folder, "test")) == len(
        Windows(world.dataset("db-only"), "test")
    )
    ours = train.metadata[train.metadata["dataset"] == "synthetic"]
    assert len(ours) == ours["subject"].nunique() == 10 and (ours["weight"] == 1).all()
    assert np.array_equal(train.array(range(len(real))), real.array(range(len(real))))
    assert read_spec(folder)["generated_by"]["model"] == "published"


def test_the_card_tells_the_steps_and_the_guidance_that_were_taken(world, folder):
    more = "[generation]\nnum_samples = 1\ndenoising_steps = 3\ncfg_scale = 1.5\n"
    world._write("config/synthetic/made.toml", f'run = "source"\n{more}')
    out, root = folder.parent / "otherwise", folder.parent
    read = root / "published", world.dataset("db-only")
    generate_synthetic_dataset(load_synthetic("made"), world.recipe, *read, 1, out)
    assert "steps 3, guidance 1.5" in (out / "README.md").read_text()
    assert "steps 2, guidance 2.0" in (folder / "README.md").read_text()


def test_equal_requests_give_equal_files(folder):
    for path in folder.rglob("*.npy"):
        assert path.read_bytes() == (folder.parent / "again" / path.relative_to(folder)).read_bytes()


def test_tools_open_the_exports(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    import datasets

    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path))
    assert loaded["train"].num_rows == len(Windows(folder, "train"))
    assert loaded["train"][-1]["dataset"] == "synthetic" and loaded["train"][0]["image"].size == (16, 16)
    assert len(list((folder / "imagefolder/train").glob("*.png"))) == len(Windows(folder, "train"))


def test_a_classifier_can_be_trained_on_it_where_it_fits(world):
    made(world, "")
    for kind, folds, message in (
        ("db-only", "none", None),
        ("db-iq", "none", "holds db-only"),
        ("db-only", "loso", "nobody stands behind"),
    ):
        path = world._write("config/classification/on.toml", CLASSIFIER.format(kind=kind, folds=folds))
        if message is None:
            check_source(load_run(path))
            continue
        with pytest.raises(UserError, match=message):
            check_source(load_run(path))


def test_a_set_without_real_windows_is_no_dataset_for_a_run(world):
    made(world, 'real = "none"')
    path = world._write("config/classification/on.toml", CLASSIFIER.format(kind="db-only", folds="none"))
    with pytest.raises(UserError, match="no real window"):
        check_source(load_run(path))
