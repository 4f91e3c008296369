"""The imagefolder export and the card, opened by Hugging Face `datasets` itself."""

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config.balance import Origin
from signal_diffusion.datasets import parquet
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.copies import copies
from signal_diffusion.datasets.export import stable_column
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.errors import UserError
from signal_diffusion.recordings import datasets
from signal_diffusion.recordings.citations import CITATIONS

from .material import Material, index_rows, make_recipe

HUB_LICENCES = {"odc-by", "cc0-1.0", "cc-by-4.0", "other", "unknown"}
HUB_TASKS = {"text-to-image", "unconditional-image-generation", "image-classification", "other"}


@pytest.fixture
def load_dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hugging_face = pytest.importorskip("datasets")
    return lambda *where, **keys: hugging_face.load_dataset(*where, cache_dir=str(tmp_path / "cache"), **keys)


def awkward_rows() -> pd.DataFrame:
    """Unknown labels in some subjects only, ids that look like numbers, a session that is always empty."""
    rows = index_rows(10)
    rows["subject"] = rows["subject"].str.removeprefix("sub-")
    rows.loc[rows["subject"] < "05", "age"] = ""
    rows.loc[rows["subject"] > "06", "gender"] = ""
    rows.loc[rows["activity"] == "rest", "activity"] = ""
    return rows


def build(tmp_path, rows, **export):
    material = Material(tmp_path / "material", rows)
    recipe = make_recipe(export=export, splits=dict(stratify=[]))
    build_dataset(recipe, "db-only", material.shards, [material.index], tmp_path / "out")
    return tmp_path / "out"


def check_images(found, out):
    names = {"train": "train", "val": "validation", "test": "test"}
    assert set(found) == set(names.values())
    for split, name in names.items():
        part = Windows(out, split)
        assert len(found[name]) == len(part)
        by_file = {(row["recording"], row["window"]): row for row in found[name]}
        for k, row in enumerate(part.metadata.itertuples()):
            loaded = by_file[row.recording, row.window]
            assert np.array_equal(np.asarray(loaded["image"]), part.images([k])[0, 0])
            assert loaded["text"] == row.text
            assert loaded["subject"] == f"subject-{row.subject}"
            assert loaded["gender"] == (row.gender or "unknown")
            assert loaded["age"] is None if np.isnan(row.age) else loaded["age"] == row.age


def test_load_dataset_opens_the_imagefolder(tmp_path, load_dataset):
    out = build(tmp_path, awkward_rows(), imagefolder=True)
    check_images(load_dataset("imagefolder", data_dir=str(out / "imagefolder")), out)


def test_words_that_read_as_missing_or_truth_values_stay_words_in_every_split(tmp_path, load_dataset):
    rows = awkward_rows()
    known = rows["subject"] > "05"
    rows["medicated"] = np.where(known, np.where(rows["subject"] > "07", "True", "False"), "")
    rows["drug"] = np.where(known, "None", "levodopa")
    rows["paid"] = np.where(known, "True", "False")
    out = build(tmp_path, rows, imagefolder=True)
    found = load_dataset("imagefolder", data_dir=str(out / "imagefolder"))
    words = {
        column: {value for part in found.values() for value in part[column]}
        for column in ("medicated", "drug", "paid")
    }
    assert words["medicated"] == {"medicated-True", "medicated-False", "unknown"}
    assert words["drug"] == {"drug-None", "levodopa"} and words["paid"] == {True, False}


def test_long_identifiers_keep_their_digits_in_parquet_files(tmp_path, load_dataset):
    rows = awkward_rows()
    rows["visit"] = "20180804120000" + rows["subject"].str.zfill(6)
    rows["device"] = np.where(rows["subject"] > "05", "9007199254740993", "")
    found = load_dataset(str(build(tmp_path, rows, parquet=True)))
    for part in found.values():
        assert all(row["visit"] == f"20180804120000{row['subject']:0>6}" for row in part)
        assert set(part["device"]) <= {"9007199254740993", None}


def test_load_dataset_opens_the_dataset_folder_by_its_card(tmp_path, load_dataset):
    out = build(tmp_path, awkward_rows(), imagefolder=True)
    check_images(load_dataset(str(out)), out)


def test_load_dataset_opens_the_parquet_files_by_the_card(tmp_path, load_dataset):
    out = build(tmp_path, awkward_rows(), parquet=True, imagefolder=True)
    found = load_dataset(str(out))
    assert set(found) == {"train", "validation", "test"}
    for split, name in {"train": "train", "val": "validation", "test": "test"}.items():
        part = Windows(out, split)
        images = part.images(np.arange(len(part)))
        assert len(found[name]) == len(part)
        for loaded, image, row in zip(found[name], images, part.metadata.to_dict("records"), strict=True):
            assert np.array_equal(np.asarray(loaded["image"]), image[0])
            for key in ("dataset", "subject", "recording", "window", "start_s", "text", "weight"):
                assert loaded[key] == row[key]
            for key in ("session", "gender", "health", "activity"):
                assert loaded[key] == (row[key] or None)
            assert loaded["age"] == (None if np.isnan(row["age"]) else row["age"])


def test_parquet_files_open_without_the_card_and_have_one_schema(tmp_path, load_dataset):
    out = build(tmp_path, awkward_rows(), parquet=True)
    files = {path.name.split("-")[0]: str(path) for path in (out / "parquet").iterdir()}
    found = load_dataset("parquet", data_files=files)
    assert found["train"].features == found["test"].features
    assert found["train"].features["image"].decode and found["train"].features["age"].dtype == "int64"


def test_a_large_split_becomes_several_files(tmp_path, load_dataset, monkeypatch):
    monkeypatch.setattr(parquet, "_FILE_BYTES", 1)
    monkeypatch.setattr(parquet, "_GROUP", 20)
    out = build(tmp_path, index_rows(), parquet=True)
    assert len(list((out / "parquet").glob("train-*-of-00003.parquet"))) == 3
    found = load_dataset(str(out))["train"]
    assert [row["recording"] for row in found] == list(Windows(out, "train").metadata["recording"])


def test_training_windows_are_repeated_by_their_weights(tmp_path, load_dataset):
    rows = index_rows()
    rows.loc[rows["subject"] < "sub-08", "gender"] = "F"
    out = build(tmp_path, rows, parquet=True, imagefolder=True, copies=True)
    metadata = Windows(out, "train").metadata
    copies = pd.read_csv(out / "train-metadata.csv")["copies"]
    least = metadata["weight"].min()
    for _, part in metadata.assign(copies=copies).groupby("gender"):
        assert abs(part["copies"].sum() - part["weight"].sum() / least) <= 0.5
    assert copies.min() == 1 and copies.max() > 1
    opened = load_dataset(str(out)), load_dataset("imagefolder", data_dir=str(out / "imagefolder"))
    for found in opened:
        assert len(found["train"]) == copies.sum() and len(found["test"]) == len(Windows(out, "test"))
        counts = pd.Series([(row["recording"], row["window"]) for row in found["train"]]).value_counts()
        assert dict(counts) == dict(
            zip(zip(metadata["recording"], metadata["window"], strict=True), copies, strict=True)
        )
        assert "weight" not in found["train"].features
    assert f"num_examples: {copies.sum()}" in (out / "README.md").read_text()


class TestCopies:
    def rows(self, n):
        ids = {"dataset": "a", "subject": "s", "session": "", "recording": "r"}
        return pd.DataFrame([ids | {"window": k} for k in range(n)])

    def test_fractions_are_diffused_in_the_order_of_the_ids(self):
        weights = np.array([1.0, 1.25, 1.25, 1.25, 1.25, 2.5, 2.5])
        assert list(copies(self.rows(7), weights)) == [1, 1, 2, 1, 1, 3, 2]

    def test_they_follow_their_rows_whatever_the_order(self):
        rows, weights = self.rows(50), np.repeat([1.0, 1.7], 25)
        order = np.random.default_rng(0).permutation(50)
        assert np.array_equal(copies(rows, weights)[order], copies(rows.iloc[order], weights[order]))

    def test_too_many_are_refused(self):
        with pytest.raises(UserError, match="3 training windows would become 2001; lower max_sampling"):
            copies(self.rows(3), np.array([1.0, 1000, 1000]))


def test_the_front_matter_is_one_that_the_hub_takes(tmp_path):
    """Against the values that the Hub's documentation lists for these fields."""
    hub = pytest.importorskip("huggingface_hub")
    out = build(tmp_path, index_rows(), parquet=True)
    data = hub.DatasetCard.load(out / "README.md").data.to_dict()
    assert data["license"] in HUB_LICENCES and data["language"] == ["en"]
    assert set(data["task_categories"]) <= HUB_TASKS and data["size_categories"] == ["n<1K"]
    splits = {row["name"]: (row["num_examples"], row["num_bytes"]) for row in data["dataset_info"]["splits"]}
    assert splits == {"train": (48, 48 * 256), "validation": (16, 16 * 256), "test": (16, 16 * 256)}


def test_licences_and_citations_of_the_sources_are_told(tmp_path):
    recipe = make_recipe(
        recipe=dict(datasets=["math", "seed", "mine"]),
        origins={"mine": Origin(title="My recordings", license="cc-by-4.0", citation="Me, 2026.")},
    )
    rows = [index_rows(4, name) for name in recipe.recipe.datasets]
    material = Material(tmp_path / "material", pd.concat(rows, ignore_index=True))
    build_dataset(recipe, "db-only", material.shards, [material.index], tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "license: [cc-by-4.0, odc-by, other]" in card and "license_link: README.md" in card
    assert "doi:10.3390/data4010014" in card and "do not pass its recordings" in card
    assert "| mine | My recordings | cc-by-4.0 |  | Me, 2026. |" in card


def test_every_dataset_with_code_of_its_own_can_be_cited():
    assert set(CITATIONS) == set(datasets.names())
    assert {each.license for each in CITATIONS.values()} <= HUB_LICENCES


def test_the_card_tells_every_value_of_the_preprocessing(tmp_path):
    card = (build(tmp_path, index_rows()) / "README.md").read_text()
    for line in (
        "| signal.fs | 125.0 | Hz |",
        "| filter.notch | unset | Hz |",
        "| spectrogram.resolution | 16 |",
    ):
        assert line in card


def test_without_an_export_the_card_opens_the_tables(tmp_path, load_dataset):
    out = build(tmp_path, index_rows())
    assert not (out / "imagefolder").exists()
    found = load_dataset(str(out))
    assert found["validation"]["text"] == list(Windows(out, "val").metadata["text"])


def test_file_names_lead_from_the_rows_to_the_images(tmp_path):
    out = build(tmp_path, index_rows(), imagefolder=True)
    rows = pd.read_csv(out / "metadata.csv")
    assert rows["file_name"].is_unique and all((out / name).is_file() for name in rows["file_name"])
    assert len(list((out / "imagefolder").rglob("*.png"))) == len(rows)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("age", ["30", "41"], [30, 41]),
        ("age", ["30", ""], [30.0, None]),
        ("age", ["", ""], None),
        ("gender", ["F", ""], ["F", "unknown"]),
        ("subject", ["07", "8"], ["subject-07", "subject-8"]),
        ("subject", ["s1", "8"], ["s1", "subject-8"]),
        ("session", ["", "2"], ["unknown", "session-2"]),
        ("visit", ["20180804120000123456", "2"], ["visit-20180804120000123456", "visit-2"]),
        ("visit", ["9007199254740993", ""], ["visit-9007199254740993", "unknown"]),
        ("visit", ["9007199254740993", "2"], [9007199254740993, 2]),
    ],
)
def test_stable_columns(name, values, expected):
    found = stable_column(name, pd.Series(values))
    assert (
        found is expected
        if expected is None
        else list(found.astype(object).where(found.notna(), None)) == expected
    )


def test_the_card_tells_settings_splits_weights_and_limits(tmp_path):
    card = (build(tmp_path, index_rows()) / "README.md").read_text()
    for words in (
        "pretty_name: tiny EEG spectrograms",
        "license: unknown",
        "| demo | train | 48 | 12 | 6 |",
        "one range for all datasets",
        "Effective sample size:",
        "Neighbouring windows share 50% of their samples",
        "## Refused recordings and windows\n\nNone.",
    ):
        assert words in card


def test_the_card_tells_long_lists_of_values_by_their_range(tmp_path):
    rows = index_rows(20)
    rows["recording_year"] = [str(2000 + k) for k in range(len(rows))]
    rows["nickname"] = [f"name {k}" for k in range(len(rows))]
    card = (build(tmp_path, rows) / "README.md").read_text()
    assert "| recording_year | median (range) | " in card and "(2000 to 20" in card
    assert "24 different words" in card and "name 3" not in card
    assert "The val split has 4 subject(s)" in card and "unknown; simulated by this project" in card
