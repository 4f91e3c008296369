"""What bad windows, channels and recordings leave in a dataset: from planted faults to the tables."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.recordings import COLUMNS, covered
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.recordings.index import index_dataset, write_index
from signal_diffusion.recordings.simulate import simulate_subject
from signal_diffusion.recordings.simulated_files import file_name
from signal_diffusion.recordings.simulated_signals import simulate_recording
from signal_diffusion.recordings.writers import write_edf
from signal_diffusion.signals.shards import shard_recording

SUBJECTS = 6
TABLES = {
    "recipe": {"datasets": ["demo"]},
    "channels": {"set": "1020-8"},
    "signal": {"nsamps": 1024},
    "spectrogram": {"resolution": 32, "window": 256},
    "splits": {"train": 0.5, "val": 0.25, "test": 0.25, "stratify": []},
    "simulation": {"subjects": SUBJECTS, "seconds": 60.0},
}


def pause(data):
    data[:, 2500:6000] = 0


def move(data):
    data[:, 9000:13000] *= 25


def loose(data):
    data[8] = 7.0


def silent(data):
    data[:] = 0


FAULTS = {0: pause, 2: loose, 4: silent}  # by subject, in rest; even ones are EDF


def make_recipe(**tables) -> Recipe:
    given = {name: TABLES.get(name, {}) | tables.get(name, {}) for name in TABLES | tables}
    return Recipe.model_validate({"name": "tiny", "path": "tiny.toml", **given}, strict=False)


def plant(recipe: Recipe, folder, subject: int, fault) -> None:
    recording = simulate_recording(recipe.simulation, subject, "rest")
    data = recording.data.copy()
    fault(data)
    names = tuple(f"EEG {name}" for name in recording.channels)
    write_edf(replace(recording, data=data, channels=names), folder / file_name(subject, "rest"))


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder, recipe = tmp_path_factory.mktemp("raw"), make_recipe()
    for subject in range(SUBJECTS):
        simulate_subject(recipe.simulation, subject, folder)
    for subject, fault in FAULTS.items():
        plant(recipe, folder, subject, fault)
    moving = simulate_recording(recipe.simulation, 2, "arithmetic")
    data = moving.data.copy()
    move(data)
    write_edf(replace(moving, data=data), folder / file_name(2, "arithmetic"))
    (folder / file_name(4, "arithmetic")).write_bytes(b"nothing")
    return folder


def build(raw, folder, recipe: Recipe):
    rows = index_dataset("demo", raw, recipe.simulation)
    write_index(rows, folder / "demo.csv")
    shards = [folder / "demo" / f"{row['recording']}.safetensors" for row in rows if row["status"] == "ok"]
    for row in rows:
        if row["status"] == "ok":
            shard_recording(raw / row["file"], folder / "demo" / f"{row['recording']}.safetensors", recipe)
    build_dataset(recipe, "db-only", shards, [folder / "demo.csv"], folder / "out")
    return pd.read_csv(folder / "out/recordings.csv", dtype=str, keep_default_na=False).set_index("recording")


@pytest.fixture(scope="module")
def built(raw, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    return build(raw, folder, make_recipe()), folder / "out"


def test_every_recording_of_the_index_has_a_row(built):
    table, _ = built
    assert len(table) == 2 * SUBJECTS and {table.index.name, *table.columns} == set(COLUMNS)
    assert set(table["status"]) == {"used", "refused"}
    assert (table["split"] != "").equals(table["status"] == "used")


def test_a_recording_that_is_clean_says_so(built):
    row = built[0].loc["sub-001_rest"]
    assert row["windows"] == "13" and row["windows_dropped"] == row["bad_channels"] == row["reason"] == ""
    assert float(row["used_s"]) == pytest.approx(12 * 512 / 125 + 1024 / 125, abs=0.01)
    assert float(row["duration_s"]) == 60


def test_flat_windows_are_dropped_and_counted(built):
    table, out = built
    row = table.loc["sub-000_rest"]
    assert row["status"] == "used" and row["bad_channels"] == "" and "flat" in row["bad_seconds"]
    kept = pd.concat([Windows(out, split).metadata for split in ("train", "val", "test")])
    starts = kept.loc[kept["recording"] == "sub-000_rest", "start_s"].to_numpy()
    pause_s = np.clip(np.minimum(starts + 8.192, 24) - np.maximum(starts, 10), 0, None)
    assert len(starts) == int(row["windows"]) and (pause_s < 0.4 * 8.192).all()
    assert row["windows_dropped"] == f"{13 - len(starts)} mostly flat"


def test_outlying_windows_are_kept_unless_they_are_to_be_dropped(built, raw, tmp_path):
    kept = built[0].loc["sub-002_arithmetic"]
    assert kept["windows"] == "13" and "outlying" in kept["bad_seconds"]
    table = build(raw, tmp_path, make_recipe(quality={"drop": ["outlying"]}))
    row = table.loc["sub-002_arithmetic"]
    assert 0 < int(row["windows"]) < 10 and "mostly outlying" in row["windows_dropped"]
    assert table.loc["sub-000_rest", "windows"] != built[0].loc["sub-000_rest", "windows"]


def test_bad_channels_are_told_with_their_reason(built):
    row = built[0].loc["sub-002_rest"]
    assert row["bad_channels"] == "C3 flat" and row["interpolated"] == "" and row["windows"] == "13"


def test_refused_recordings_have_their_reason(built):
    table, out = built
    silence, broken = table.loc["sub-004_rest"], table.loc["sub-004_arithmetic"]
    assert silence["reason"].startswith("0 of 8 channels are good (flat: 8 channels)")
    assert silence["bad_channels"].count("flat") == 8 and silence["windows"] == "0"
    assert broken["status"] == "refused" and broken["reason"] and broken["bad_channels"] == ""
    refused = pd.read_csv(out / "refused.csv")
    assert {"sub-004_rest", "sub-004_arithmetic"} <= set(
        refused.loc[refused["windows"] == "all", "recording"]
    )


def test_building_again_gives_the_same_table(built, raw, tmp_path):
    build(raw, tmp_path, make_recipe())
    assert (tmp_path / "out/recordings.csv").read_bytes() == (built[1] / "recordings.csv").read_bytes()


def test_covered_time_counts_overlaps_once():
    assert covered(np.array([]), 4.0) == 0
    assert covered(np.array([0.0, 2.0, 4.0]), 4.0) == 8
    assert covered(np.array([0.0, 10.0]), 4.0) == 8
