"""Planted leaks: each is caught when the dataset is built, and when a training on it would start."""

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.errors import UserError
from signal_diffusion.recordings import datasets

from .material import Material, index_rows, make_recipe, random_windows


def build(material, out="out", **sections):
    build_dataset(
        make_recipe(**sections), "db-only", material.shards, [material.index], material.folder / out
    )
    return material.folder / out


def first_of(out, split) -> pd.Series:
    return Windows(out, split).metadata.iloc[0]


def number(material, recording) -> int:
    return list(material.rows["recording"]).index(recording)


def rewrite(out, split, **columns):
    """Set columns of the first rows of a split, as a hand that edits the table would."""
    path = out / f"{split}-metadata.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for name, value in columns.items():
        table.loc[table["recording"] == table["recording"].iloc[0], name] = value
    table.to_csv(path, index=False)


class TestWhenBuilding:
    def test_a_subject_in_two_splits(self, material):
        pinned = material.folder / "pinned.csv"
        pinned.write_text("dataset,subject,split\ndemo,sub-00,train\ndemo,sub-00,test\n")
        with pytest.raises(UserError, match="a subject is listed twice"):
            build(material, splits=dict(splits_file=str(pinned)))

    @pytest.mark.parametrize("other", ["train", "val", "test"])
    def test_one_recording_under_two_names(self, material, other):
        out = build(material)
        source = first_of(out, "train")["recording"]
        rows = Windows(out, other).metadata
        twin = rows.loc[rows["subject"] != first_of(out, "train")["subject"], "recording"].iloc[0]
        material.write(number(material, twin), random_windows(number(material, source)))
        with pytest.raises(
            UserError, match="one recording under two names|identical windows stand in two splits"
        ):
            build(material, "leaked")
        assert not (material.folder / "leaked").exists()

    def test_one_identical_window(self, material):
        out = build(material)
        source, target = (number(material, first_of(out, split)["recording"]) for split in ("train", "test"))
        windows = random_windows(99)
        windows[3] = random_windows(source)[2]
        material.write(target, windows)
        with pytest.raises(UserError, match="identical windows stand in two splits"):
            build(material, "leaked")


class TestWhenTrainingStarts:
    def test_a_subject_in_two_splits(self, material):
        out = build(material)
        rewrite(out, "test", subject=first_of(out, "train")["subject"])
        with pytest.raises(UserError, match="subject demo/.* stands in splits test and train"):
            check_dataset(out)

    def test_a_recording_in_two_splits(self, material):
        out = build(material)
        rewrite(out, "val", recording=first_of(out, "train")["recording"])
        with pytest.raises(UserError, match="recording demo/.* stands in splits"):
            check_dataset(out)

    def test_one_recording_under_two_names(self, material):
        out = build(material)
        rows = Windows(out, "train").metadata
        twins = rows.drop_duplicates("subject")["recording"].iloc[:2]
        table = pd.read_csv(out / "train-metadata.csv", dtype=str, keep_default_na=False)
        same = table.loc[table["recording"] == twins.iloc[0], "hash"].to_numpy()
        table.loc[table["recording"] == twins.iloc[1], "hash"] = same
        table.to_csv(out / "train-metadata.csv", index=False)
        with pytest.raises(UserError, match="one recording under two names"):
            check_dataset(out)

    def test_identical_windows_in_the_arrays(self, material):
        """The hashes beside the rows still differ: what counts is what would be trained on."""
        out = build(material)
        train, test = np.load(out / "train.npy"), np.load(out / "test.npy")
        test[1] = train[5]
        np.save(out / "test.npy", test)
        with pytest.raises(UserError, match="identical windows stand in two splits"):
            check_dataset(out)

    def test_an_array_that_is_another_one(self, material):
        out = build(material)
        val = np.load(out / "val.npy")
        val[0, 0, 0, 0] += 1
        np.save(out / "val.npy", val)
        with pytest.raises(UserError, match="val.npy: is not the array that the dataset was built with"):
            check_dataset(out)

    def test_a_sound_dataset_passes(self, material):
        check_dataset(build(material))


CASES = ("chb01", "chb02", "chb21")
SUMMARY = "File Name: {0}_01.edf\nNumber of Seizures in File: 0\n"


@pytest.fixture
def chb(tmp_path):
    """Empty files in CHB-MIT's layout: who is who is told by names and tables alone."""
    (tmp_path / "SUBJECT-INFO").write_text(
        "Case\tGender\tAge (years)\nchb01\tF\t11\nchb02\tM\t11\nchb21\tF\t13\n"
    )
    for case in CASES:
        (tmp_path / case).mkdir()
        (tmp_path / case / f"{case}_01.edf").touch()
        (tmp_path / case / f"{case}-summary.txt").write_text(SUMMARY.format(case))
    return tmp_path


def test_chb01_and_chb21_are_one_subject_and_stand_in_one_split(chb, tmp_path):
    listed = {entry.recording: entry.subject for entry in datasets.get("mit").list_recordings(chb)}
    subject = {name: listed[next(r for r in listed if name in r)] for name in CASES}
    assert subject["chb01"] == subject["chb21"] != subject["chb02"]
    for seed in range(8):
        rows = index_rows(6, "mit")
        twins = rows["subject"].isin(["sub-00", "sub-01"])
        rows.loc[twins, ["gender", "health"]] = ["F", ""]
        rows.loc[rows["subject"] == "sub-00", "subject"] = subject["chb01"]
        rows.loc[rows["subject"] == "sub-01", "subject"] = subject["chb21"]
        material = Material(tmp_path / f"material{seed}", rows)
        out = build(material, recipe=dict(datasets=["mit"]), splits=dict(seed=seed))
        found = pd.read_csv(out / "metadata.csv").query("subject == @subject['chb01']")
        assert found["split"].nunique() == 1 and found["recording"].nunique() == 4
