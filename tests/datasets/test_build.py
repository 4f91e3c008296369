"""A dataset built from hand-written shards, against what the shards hold."""

import hashlib
import shutil

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.storage import Windows, read_metadata, read_spec
from signal_diffusion.errors import UserError
from signal_diffusion.files import load_tensors, read_json
from signal_diffusion.signals.images import content_columns, dequantise, untile

from .material import CHANNELS, FRAMES, RESOLUTION, WINDOWS, Material, index_rows, make_recipe, random_windows


def build(material, out="out", recipe=None, **parts):
    inputs = {"shards": material.shards, "indexes": [material.index]} | parts
    build_dataset(
        recipe or make_recipe(), "db-only", inputs["shards"], inputs["indexes"], material.folder / out
    )
    return material.folder / out


def test_pixels_are_the_decibels_of_the_row_they_stand_beside(material):
    out = build(material)
    spec = read_spec(out)
    step = (spec["max_db"] - spec["min_db"]) / 255
    seen = 0
    for split in ("train", "val", "test"):
        part = Windows(out, split)
        images = part.images(np.arange(len(part)))
        assert images.dtype == np.uint8 and images.shape == (len(part), 1, RESOLUTION, RESOLUTION)
        levels = untile(images[:, 0], CHANNELS, FRAMES)
        for row, found in zip(part.metadata.itertuples(), levels, strict=True):
            path = material.folder / "shards" / row.dataset / f"{row.recording}.safetensors"
            tensors, _ = load_tensors(path)
            expected = np.clip(tensors["windows"][row.window].astype(float), spec["min_db"], spec["max_db"])
            assert (
                np.abs(dequantise(found, spec["min_db"], spec["max_db"]) - expected).max() <= step / 2 + 1e-4
            )
            assert row.start_s == tensors["starts"][row.window] / 125
            seen += 1
    assert seen == len(material.rows) * WINDOWS
    outside = np.delete(images, np.r_[content_columns(RESOLUTION, CHANNELS, FRAMES)], axis=3)
    assert outside.max() == 0


def test_the_range_comes_from_training_windows_alone(material):
    out = build(material)
    training = read_metadata(out / "train-metadata.csv")["recording"].unique()
    values = np.concatenate(
        [load_tensors(p)[0]["windows"].ravel() for p in material.shards if p.stem in training]
    )
    spec = read_spec(out)
    assert spec["min_db"] == pytest.approx(np.percentile(values.astype(float), 0.5), abs=0.006)
    assert spec["max_db"] == pytest.approx(np.percentile(values.astype(float), 99.5), abs=0.006)
    for k, path in enumerate(material.shards):
        if path.stem not in training:
            material.write(k, random_windows(k) + np.float16(200))
    louder = read_spec(build(material, "louder"))
    assert (louder["min_db"], louder["max_db"]) == (spec["min_db"], spec["max_db"])


def test_a_configured_range_is_taken_as_it_is(material):
    spec = read_spec(build(material, recipe=make_recipe(spectrogram=dict(min_db=-30.0, max_db=20.0))))
    assert (spec["min_db"], spec["max_db"]) == (-30.0, 20.0)


def test_bytes_depend_on_neither_the_order_of_files_nor_the_run(material):
    first = build(material)
    material.rows.sample(frac=1, random_state=0).to_csv(material.index, index=False)
    second = build(material, "again", shards=material.shards[::-1])
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert not list(material.folder.glob(".*partial"))


def test_dataset_json_describes_the_arrays(material):
    out = build(material)
    spec = read_json(out / "dataset.json")
    assert (spec["recipe"], spec["representation"], spec["resolution"]) == ("tiny", "db-only", RESOLUTION)
    assert (spec["channels"], spec["frames"], len(spec["frequencies"])) == (
        ["Fz", "Cz", "Pz"],
        FRAMES,
        RESOLUTION,
    )
    for split in ("train", "val", "test"):
        array = out / f"{split}.npy"
        assert spec["sha256"][array.name] == hashlib.sha256(array.read_bytes()).hexdigest()
        rows = pd.read_csv(out / f"{split}-metadata.csv")
        assert spec["counts"][split] == {
            "windows": len(np.load(array)),
            "recordings": rows["recording"].nunique(),
            "subjects": rows["subject"].nunique(),
        }
    assert [spec["counts"][split]["subjects"] for split in ("train", "val", "test")] == [6, 2, 2]


def test_metadata_has_the_documented_columns(material):
    out = build(material)
    table = pd.read_csv(out / "metadata.csv")
    expected = (
        "dataset subject session recording window start_s split gender health age activity text hash weight"
    )
    assert list(table.columns) == expected.split()
    row = table[table["recording"] == "sub-02_rest"].iloc[0]
    assert row["text"] == "a spectrogram image of a 22 year old, female subject with Parkinson's disease"
    parts = [pd.read_csv(out / f"{split}-metadata.csv") for split in ("train", "val", "test")]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table)
    assert (table.loc[table["split"] != "train", "weight"] == 1).all()


def test_unknown_labels_stay_empty(material):
    material.rows.loc[material.rows["subject"] == "sub-00", ["gender", "health", "age"]] = ""
    material.rows.to_csv(material.index, index=False)
    rows = read_metadata(build(material) / "metadata.csv")
    unknown = rows[rows["subject"] == "sub-00"]
    assert set(unknown["gender"]) == set(unknown["health"]) == {""} and unknown["age"].isna().all()
    assert set(unknown["text"]) == {"a spectrogram image of a subject"}


def test_refused_recordings_and_windows_are_listed_with_their_reasons(material):
    material.write(0, random_windows(0, 0), status="refused", reason="recording lasts 3.0 s")
    material.rows.loc[1, ["status", "reason"]] = ["refused", "truncated"]
    material.rows.to_csv(material.index, index=False)
    damaged = random_windows(2)
    damaged[1], damaged[3, 2, 1, 0] = np.float16(-60), np.float16(np.nan)
    material.write(2, damaged)
    out = build(material)
    refused = pd.read_csv(out / "refused.csv", dtype=str).set_index(["recording", "windows"])["reason"]
    assert refused.to_dict() == {
        ("sub-00_arithmetic", "all"): "truncated",
        ("sub-00_rest", "all"): "recording lasts 3.0 s",
        ("sub-01_rest", "1"): "all channels are flat",
        ("sub-01_rest", "3"): "not all values are finite",
    }
    rows = pd.read_csv(out / "metadata.csv")
    assert not rows["recording"].isin(["sub-00_rest", "sub-00_arithmetic"]).any()
    assert list(rows[rows["recording"] == "sub-01_rest"]["window"]) == [0, 2]
    assert "recording lasts 3.0 s" in (out / "README.md").read_text()


def test_a_refused_recording_moves_nobody(material):
    before = (build(material) / "splits.csv").read_text()
    material.write(5, random_windows(5, 0), status="refused", reason="too short")
    assert (build(material, "after") / "splits.csv").read_text() == before


def test_an_identical_window_in_two_splits_is_refused(material):
    rows = pd.read_csv(build(material) / "metadata.csv")
    first = {split: rows[rows["split"] == split]["recording"].iloc[0] for split in ("train", "test")}
    numbers = {row.recording: k for k, row in enumerate(material.rows.itertuples())}
    leak = random_windows(99)
    leak[2] = random_windows(numbers[first["train"]])[1]
    material.write(numbers[first["test"]], leak)
    with pytest.raises(
        UserError, match="identical windows stand in two splits.*window 1 .train.*window 2 .test"
    ):
        build(material, "leaked")
    assert not (material.folder / "leaked").exists() and not list(material.folder.glob(".*partial"))


def test_ids_are_joined_by_name_and_gaps_are_refused(material):
    with pytest.raises(UserError, match="demo/sub-00_rest has no shard"):
        build(material, shards=material.shards[1:])
    material.rows.iloc[1:].to_csv(material.index, index=False)
    with pytest.raises(UserError, match="sub-00_rest.safetensors: no row of the indexes"):
        build(material)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(gender="female"), "index.csv: column gender: gender is 'female'; write M or F"),
        (dict(age="old"), "age is 'old', not a number"),
        (dict(gender="M"), "subject demo/sub-00: gender is F and M"),
        (dict(recording="sub-00_arithmetic"), "demo/sub-00_arithmetic is listed twice"),
    ],
)
def test_wrong_index_rows_are_refused(material, change, message):
    material.rows.loc[0, list(change)] = list(change.values())
    material.rows.to_csv(material.index, index=False)
    with pytest.raises(UserError, match=message):
        build(material)


def test_datasets_are_those_of_the_recipe(material):
    with pytest.raises(UserError, match="no index holds dataset seed of recipe tiny; index it, or set"):
        build(material, recipe=make_recipe(recipe=dict(datasets=["demo", "seed"])))
    with pytest.raises(UserError, match="hold dataset demo, which recipe tiny does not list"):
        build(material, recipe=make_recipe(recipe=dict(datasets=["math"])))


def test_shards_of_another_transform_are_refused(material):
    material.write(3, random_windows(3), frequencies=[0.0] * RESOLUTION)
    with pytest.raises(UserError, match="sub-01_arithmetic.safetensors: frequencies differ"):
        build(material)


def test_nothing_usable_ends_in_one_line(material):
    for k in range(len(material.rows)):
        material.write(k, random_windows(k, 0), status="refused", reason="too short")
    with pytest.raises(UserError, match="no usable window is left for training .too short."):
        build(material)


def test_a_foreign_folder_is_not_replaced_and_an_earlier_dataset_is(material):
    out = material.folder / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="holds files but no dataset.json"):
        build(material)
    assert (out / "thesis.txt").read_text() == "mine"
    shutil.rmtree(out)
    build(material)
    (out / "stale.csv").write_text("old")
    build(material)
    assert not (out / "stale.csv").exists()


def test_pinned_subjects_stay_when_subjects_are_added(tmp_path):
    before = build(Material(tmp_path / "a", index_rows(10)))
    pinned = make_recipe(splits=dict(splits_file=str(before / "splits.csv")))
    after = build(Material(tmp_path / "b", index_rows(20)), recipe=pinned)
    old, new = (
        pd.read_csv(folder / "splits.csv").set_index("subject")["split"] for folder in (before, after)
    )
    assert (new[old.index] == old).all()
    assert new.value_counts().to_dict() == {"train": 12, "val": 4, "test": 4}


def test_pinned_ids_that_a_spreadsheet_changed_are_refused(tmp_path, caplog):
    rows = index_rows(6)
    pins = tmp_path / "splits.csv"
    recipe = make_recipe(splits=dict(splits_file=str(pins)))
    pins.write_text("dataset,subject,split\n" + "".join(f"demo,{k},test\n" for k in range(6)))
    with pytest.raises(
        UserError, match="dataset demo: found subjects such as 0, expected ids such as sub-00"
    ):
        build(Material(tmp_path / "a", rows), recipe=recipe)
    pins.write_text("dataset,subject,split\ndemo,sub-00,test\ndemo,1,test\nother,1,test\n")
    build(Material(tmp_path / "b", rows), recipe=recipe)
    assert "1 subjects are in no index, such as 1" in caplog.text


def test_two_datasets_share_one_range_and_keep_their_own_labels(tmp_path):
    demo, math = index_rows(6), index_rows(5, "math").rename(columns={"activity": "count_quality"})
    math["count_quality"] = "1"
    math["health"] = "H"
    a, b = Material(tmp_path / "a", demo), Material(tmp_path / "b", math, seed=100)
    recipe = make_recipe(recipe=dict(datasets=["demo", "math", "seed"], missing="skip"))
    out = build(a, recipe=recipe, shards=a.shards + b.shards, indexes=[b.index, a.index])
    rows = pd.read_csv(out / "metadata.csv", keep_default_na=False)
    assert set(rows[rows["dataset"] == "math"]["activity"]) == {""}
    assert set(rows[rows["dataset"] == "demo"]["count_quality"]) == {""}
    card = (out / "README.md").read_text()
    assert "Dataset seed was absent" in card
    assert "health PD occurs in demo only" in card


class TestCheckDataset:
    """Planted leaks in a folder that was sound."""

    def test_sound(self, material):
        check_dataset(build(material))

    def test_without_hashes_the_arrays_are_read(self, material):
        out = build(material)
        for split in ("train", "val", "test"):
            table = pd.read_csv(out / f"{split}-metadata.csv", dtype=str, keep_default_na=False)
            table.drop(columns="hash").to_csv(out / f"{split}-metadata.csv", index=False)
        check_dataset(out)
        train, test = np.load(out / "train.npy"), np.load(out / "test.npy")
        train[3] = test[0]
        np.save(out / "train.npy", train)
        with pytest.raises(UserError, match="identical windows"):
            check_dataset(out)

    @pytest.mark.parametrize("column", ["subject", "recording", "hash"])
    def test_leaks(self, material, column):
        out = build(material)
        test = pd.read_csv(out / "test-metadata.csv", dtype=str, keep_default_na=False)
        train = pd.read_csv(out / "train-metadata.csv", dtype=str, keep_default_na=False)
        test.loc[0, column] = train.loc[0, column]
        test.to_csv(out / "test-metadata.csv", index=False)
        with pytest.raises(UserError, match="two splits|stands in splits"):
            check_dataset(out)

    def test_missing_rows(self, material):
        out = build(material)
        table = pd.read_csv(out / "val-metadata.csv", dtype=str, keep_default_na=False)
        table.iloc[1:].to_csv(out / "val-metadata.csv", index=False)
        with pytest.raises(UserError, match="16 windows but 15 rows"):
            check_dataset(out)

    def test_no_dataset(self, tmp_path):
        with pytest.raises(UserError, match="no dataset.json there"):
            check_dataset(tmp_path)


def test_unknown_and_mixed_representations_are_refused(material):
    with pytest.raises(UserError, match="iq is none of db-only, db-iq, db-polar, timeseries; use one"):
        build_dataset(make_recipe(), "iq", [], [], material.folder / "out")
    material.write(3, random_windows(3), representation="db-iq")
    with pytest.raises(UserError, match="sub-01_arithmetic.safetensors: holds db-iq, expected db-only"):
        build(material)


def test_a_cap_is_honoured(material):
    uneven = material.rows.assign(gender=["F"] * 4 + ["M"] * (len(material.rows) - 4))
    uneven.to_csv(material.index, index=False)
    rows = pd.read_csv(
        build(material, recipe=make_recipe(weights=dict(max_sampling_weight=1.25))) / "metadata.csv"
    )
    weight = rows[rows["split"] == "train"]["weight"]
    assert weight.max() <= 1.25 + 1e-9 and weight.mean() == pytest.approx(1)


def test_an_empty_split_is_written_and_said(tmp_path):
    material = Material(tmp_path, index_rows(4))
    out = build(material, recipe=make_recipe(splits=dict(train=0.5, val=0.5, test=0.0)))
    assert len(Windows(out, "test")) == 0 and Windows(out, "test").shape == (0, 1, RESOLUTION, RESOLUTION)
    assert "The test split is empty." in (out / "README.md").read_text()
