"""The imagefolder export and the card, opened by Hugging Face `datasets` itself."""

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.export import stable_column
from signal_diffusion.datasets.storage import Windows

from .material import Material, index_rows, make_recipe


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


def test_load_dataset_opens_the_dataset_folder_by_its_card(tmp_path, load_dataset):
    out = build(tmp_path, awkward_rows(), imagefolder=True)
    check_images(load_dataset(str(out)), out)


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
