"""Images that are no recipe's, from a folder and from Parquet files, through a whole run; and what is refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from signal_diffusion.config import check_run, load_run, representation
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.export import export_imagefolder, file_names
from signal_diffusion.datasets.images import Reading, build_images, squared
from signal_diffusion.datasets.labels import whole_years
from signal_diffusion.datasets.parquet import export_parquet
from signal_diffusion.datasets.storage import Windows, read_spec, window_hashes
from signal_diffusion.datasets.views import DecibelView
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.evaluate import evaluate_run
from signal_diffusion.families.diffusion.generate import generate_run
from signal_diffusion.families.diffusion.pipeline import Pipeline
from signal_diffusion.families.diffusion.publish import usage
from signal_diffusion.families.diffusion.train import train_run
from signal_diffusion.files import read_json
from signal_diffusion.report.diffusion import publish_run
from signal_diffusion.report.diffusion_figures import draw_run

from .world import World

RUN = """
[settings]
trainer = "diffusion"
[dataset]
name = "{name}"
batch_size = 4
resolution = {side}
val_split = "val"
group_column = "plant"
{dataset}
[model]
name = "hourglass"
conditioning = "classes"
[model.extras]
patch_size = [4, 4]
depths = [1]
widths = [16]
self_attns = [{{ type = "global", d_head = 8 }}]
mapping_width = 16
cfg_dropout = 0.5
mapping_cond_dim = 6
[objective]
prediction_type = "vector_field"
[training]
threads = 1
max_train_steps = 2
mixed_precision = "no"
ema_update_after_step = 0
eval_num_examples = 4
eval_mmd_samples = 4
log_every_steps = 1
initial_eval = false
[inference]
denoising_steps = 1
cfg_scale = 1.0
[generation]
num_samples = 16
[evaluation]
bootstrap = 2
"""
CLASSES = 'class_column = "label"\nnum_classes = 2'
PLANTS = 80
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("images")
        patch.chdir(folder)
        patch.setenv("HF_HOME", str(folder / "hf"))
        patch.setenv("HF_DATASETS_CACHE", str(folder / "hf/datasets"))
        World(folder)
        _photographs(folder / "flowers")
        yield folder


def _photographs(folder) -> None:
    """Coloured rectangles, two of each plant, whose middle says what they are."""
    rng, rows = np.random.default_rng(0), []
    folder.mkdir()
    for index in range(2 * PLANTS):
        label = ("rose", "daisy")[index // 2 % 2]
        pixels = rng.integers(0, 60, (12, 20, 3), dtype=np.uint8)
        pixels[:, 6:14, 0 if label == "rose" else 2] = 200
        Image.fromarray(pixels).save(folder / f"{index:04d}.png")
        rows.append(
            {"file_name": f"{index:04d}.png", "text": f"a {label}", "label": label, "plant": index // 2}
        )
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)


def make_run(root, name="./flowers", side=8, dataset=CLASSES, run="photos"):
    path = root / "config/diffusion" / f"{run}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(RUN.format(name=name, side=side, dataset=dataset))
    return load_run(path)


@pytest.fixture(scope="module")
def built(root):
    run = make_run(root)
    check_run(run, None)
    assert representation(run) == "images"
    build_images(run.dataset.name, Reading.of(run), root / "built")
    return root / "built"


def test_a_folder_of_images_becomes_a_dataset(built):
    check_dataset(built)
    parts = {split: Windows(built, split) for split in ("train", "val", "test")}
    assert {split: len(part) for split, part in parts.items()} == {"train": 128, "val": 16, "test": 16}
    train = parts["train"]
    assert train.shape == (128, 3, 8, 8) and read_spec(built)["planes"] == ["red", "green", "blue"]
    middle = train.array(range(128))[:, :, 2:6, 3:5].mean(axis=(2, 3))
    assert np.array_equal(train.metadata["label"] == "rose", middle[:, 0] > middle[:, 2])
    assert (train.metadata["text"] == "a " + train.metadata["label"]).all()


def test_what_stands_together_stays_in_one_split_whatever_the_seed(built):
    rows = pd.concat([Windows(built, split).metadata for split in ("train", "val", "test")])
    assert (rows.groupby("subject").size() == 2).all() and (
        rows.groupby("subject")["split"].nunique() == 1
    ).all()


def test_the_middle_square_or_the_whole_is_resized():
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = 255
    image = Image.fromarray(pixels)
    assert (np.asarray(squared(image, 4, True)) == 255).all()
    assert not (np.asarray(squared(image, 4, False)) == 255).all()


def _grey(folder, pixels):
    folder.mkdir()
    for index in range(16):
        Image.fromarray(np.roll(pixels, index)).save(folder / f"{index}.tiff")
    rows = [{"file_name": f"{index}.tiff", "label": "rose"} for index in range(16)]
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return str(folder)


@pytest.mark.parametrize("order", ["<u2", ">u2"])
@pytest.mark.parametrize(("channels", "planes"), [(None, 1), (3, 3)])
def test_sixteen_bits_of_grey_become_eight(root, tmp_path, order, channels, planes):
    levels = np.linspace(0, 65535, 64).reshape(8, 8).astype(order)
    run = make_run(root, _grey(tmp_path / "deep", levels), run="deep")
    reading = replace(Reading.of(run), channels=channels)
    build_images(run.dataset.name, reading, tmp_path / "out")
    train = Windows(tmp_path / "out", "train").array(range(1))[0]
    assert train.shape == (planes, 8, 8)
    assert (np.sort(train.reshape(planes, -1)) == levels.ravel() // 256).all()


@pytest.mark.parametrize(("kind", "mode"), [("<i4", "I"), ("<f4", "F")])
def test_grey_of_no_stated_white_is_refused(root, tmp_path, kind, mode):
    run = make_run(root, _grey(tmp_path / "deep", np.ones((8, 8), kind)), run="deep")
    with pytest.raises(UserError, match=f"image 0: found pixels of mode {mode}"):
        build_images(run.dataset.name, Reading.of(run), tmp_path / "out")


def test_mirror_images_join_the_training_images_alone(root):
    run = make_run(root, dataset=f"{CLASSES}\nrandom_flip = true\ncenter_crop = true", run="mirrored")
    build_images(run.dataset.name, Reading.of(run), root / "mirrored")
    train = Windows(root / "mirrored", "train").array(range(4))
    assert np.array_equal(train[1], train[0][..., ::-1]) and np.array_equal(train[3], train[2][..., ::-1])
    assert len(Windows(root / "mirrored", "test")) == 16


@pytest.mark.parametrize("kind", ["imagefolder", "parquet"])
def test_our_own_exports_are_read_with_their_splits_and_labels(root, kind):
    world, folder = World(root), root / f"exported-{kind}"
    source = world.dataset("db-only") if not (root / "dataset-db-only").is_dir() else root / "dataset-db-only"
    folder.mkdir()
    for split in ("train", "val", "test"):
        (folder / f"{split}.npy").symlink_to(source / f"{split}.npy")
    rows = pd.concat(
        [Windows(source, split).metadata for split in ("train", "val", "test")], ignore_index=True
    )
    rows = rows.assign(position=rows.groupby("split").cumcount(), copy=0, age=rows["age"].map(whole_years))
    if kind == "parquet":
        export_parquet(folder, read_spec(source), rows, ["gender", "health", "age", "activity"])
    else:
        export_imagefolder(folder, rows.assign(file_name=file_names(rows)))
    run = make_run(
        root, f"./exported-{kind}/{kind}", 16, 'class_column = "activity"\nnum_classes = 2', f"own-{kind}"
    )
    build_images(run.dataset.name, Reading.of(run), root / f"read-{kind}")
    for split in ("train", "val", "test"):
        found, wanted = Windows(root / f"read-{kind}", split), Windows(source, split)
        assert sorted(found.metadata["hash"]) == sorted(_hashes(wanted))
        assert sorted(found.metadata["activity"]) == sorted(wanted.metadata["activity"])


def test_people_of_two_datasets_may_share_an_id(root):
    rng = np.random.default_rng(0)
    for split, people in (("train", "ab"), ("validation", "b"), ("test", "c")):
        folder = root / "shared-ids" / split
        folder.mkdir(parents=True)
        ids = {"subject": "s1", "recording": "r", "window": 0}
        rows = [{"file_name": f"{name}.png", "dataset": name} | ids for name in people]
        rows = [*rows, rows[0] | {"file_name": "x.png", "subject": "s2"}] if split == "train" else rows
        rows = [row | {"subject": "s3"} if split == "validation" else row for row in rows]
        for row in rows:
            pixels = rng.integers(0, 255, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / row["file_name"])
        pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    keys = replace(Reading.of(make_run(root)), caption=None, group="subject")
    build_images("./shared-ids", keys, root / "read-shared-ids")
    subjects = [
        set(Windows(root / "read-shared-ids", split).metadata["subject"]) for split in ("train", "test")
    ]
    assert subjects == [{"a/s1", "b/s1", "a/s2"}, {"c/s1"}]


def _hashes(windows):
    return window_hashes(windows.array(range(len(windows))))


def test_a_run_on_images_is_trained_judged_and_published(root, built, tmp_path):
    run, model = make_run(root), tmp_path / "model.safetensors"
    train_run(run, built, None, model, tmp_path / "checkpoints")
    generate_run(run, model, built, None, tmp_path / "synthetic")
    generate_run(run, model, built, None, tmp_path / "untrained", untrained=True)
    metrics, curves = tmp_path / "metrics.json", tmp_path / "curves.safetensors"
    evaluate_run(run, built, tmp_path / "synthetic", tmp_path / "untrained", None, metrics, curves)
    found = read_json(metrics)
    assert set(found["distances"]) == {"image"} and not found["spectra"] and not found["effects"]
    assert set(found["memorisation"]) == {"pixels", "image"}
    draw_run(
        run, built, tmp_path / "synthetic", metrics, curves, tmp_path / "stats.jsonl", tmp_path / "figures"
    )
    read = None, model, tmp_path / "synthetic", metrics, tmp_path / "figures", tmp_path / "checkpoints"
    publish_run(run, built, *read, tmp_path / "out")
    card = (tmp_path / "out/README.md").read_text()
    assert "waveforms are left out" in card and "8 x 8 pixels of red, green, blue" in card
    generated = Pipeline.from_pretrained(tmp_path / "out")("rose", num_images_per_prompt=2)
    assert generated.images.shape == (2, 3, 8, 8)
    with pytest.raises(UserError, match="draws images, no spectrograms"):
        generated.decibels()


def test_the_card_of_images_without_ages_says_what_they_have(root, built, tmp_path):
    path, text = root / "config/diffusion/sexes.toml", RUN.replace('"classes"', '"gend_hlth_age"')
    path.write_text(text.format(name="./flowers", side=8, dataset='gender_column = "sex"'))
    shutil.copytree(built, tmp_path / "sexes")
    rows = pd.read_csv(built / "test-metadata.csv", dtype=str).assign(gender="F")
    rows.to_csv(tmp_path / "sexes/test-metadata.csv", index=False)
    code = usage(load_run(path), tmp_path / "sexes", DecibelView.of(built, None), "mine", tmp_path)
    assert 'pipeline({"gender": "F"}, num_images_per_prompt=4' in code


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "./nowhere"}, r"\[dataset\] name: found './nowhere', but there is no such folder"),
        ({"name": "nobody/nothing"}, "hf download --repo-type dataset nobody/nothing"),
    ],
)
def test_images_that_are_not_there_are_told_at_the_dry_run(root, monkeypatch, change, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match=message) as error:
        check_run(make_run(root, **change, run="absent"), None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["center_crop = true", 'image_column = "picture"', 'group_column = "person"'])
def test_keys_of_images_are_refused_of_a_recipe(root, key):
    with pytest.raises(UserError, match=r"\[dataset\] " + key.split()[0]):
        text = RUN.replace('group_column = "plant"\n', "").format(
            name="tiny", side=16, dataset=f"{CLASSES}\n{key}"
        )
        (root / "config/diffusion/recipes.toml").write_text(text)
        load_run(root / "config/diffusion/recipes.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as images"),
        ("file_name,label\n0.png,rose\n", "too few to hold out"),
    ],
)
def test_folders_that_hold_no_dataset_are_refused_in_one_line(root, tmp_path, text, message):
    folder = tmp_path / "few"
    folder.mkdir()
    if text:
        (folder / "metadata.csv").write_text(text)
        Image.new("RGB", (8, 8)).save(folder / "0.png")
    run = make_run(root, str(folder), run="few")
    with pytest.raises(UserError, match=message) as error:
        build_images(run.dataset.name, Reading.of(run), tmp_path / "out")
    assert "\n" not in str(error.value)


def test_classifiers_say_that_they_take_no_such_images(root):
    path = root / "config/classification/photos.toml"
    path.parent.mkdir(exist_ok=True)
    tables = '[dataset]\nname = "./flowers"\ntasks = ["gender"]\n[model]\nbackbone = "cnn_light"\n'
    path.write_text(f'[settings]\ntrainer = "classification"\n{tables}')
    with pytest.raises(UserError, match=r"\[dataset\] name: ./flowers holds images from elsewhere"):
        check_run(load_run(path), None)


def test_the_flowers_start_from_their_presets(monkeypatch):
    monkeypatch.chdir(ROOT)
    run = load_run("config/diffusion/flowers.toml")
    assert (run.dataset.name, representation(run)) == ("nelorth/oxford-flowers", "images")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="hf download"):
        check_run(run, None)
