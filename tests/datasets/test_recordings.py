"""From raw recordings to a dataset with the real index and the real shards."""

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config import load_recipe
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.storage import Windows, read_spec
from signal_diffusion.recordings.index import index_dataset, write_index
from signal_diffusion.signals.shards import shard_recording

SUBJECTS = 10


@pytest.fixture(scope="module")
def eegmat(shared, tmp_path_factory):
    """Dataset of the rest recordings of the first subjects, by the shipped recipe."""
    root, folder = shared / "data" / "eegmat", tmp_path_factory.mktemp("eegmat")
    recipe = load_recipe("eegmat")
    rows = [row for row in index_dataset("math", root) if row["activity"] == "rest"][:SUBJECTS]
    write_index(rows, folder / "math.csv")
    shards = [folder / "math" / f"{row['recording']}.safetensors" for row in rows]
    for row, shard in zip(rows, shards, strict=True):
        shard_recording(root / row["file"], shard, recipe)
    build_dataset(recipe, "db-only", shards, [folder / "math.csv"], folder / "out")
    return folder / "out"


def test_every_subject_has_a_place_and_a_caption(eegmat):
    check_dataset(eegmat)
    splits = pd.read_csv(eegmat / "splits.csv")
    assert splits["split"].value_counts().to_dict() == {"train": 7, "val": 1, "test": 2}
    rows = pd.read_csv(eegmat / "metadata.csv")
    assert rows["subject"].nunique() == SUBJECTS
    first = rows[rows["age"] == 21].iloc[0]
    assert first["text"] == "a spectrogram image of a 21 year old, female subject at rest"


def test_pixels_use_the_range_and_low_frequencies_are_bright_at_the_bottom(eegmat):
    train, spec = Windows(eegmat, "train"), read_spec(eegmat)
    images = train.images(np.arange(len(train)))
    assert -60 < spec["min_db"] < spec["max_db"] < 60
    assert 0.004 < np.mean(images == 255) < 0.006
    assert images[:, :, -8:].mean() > images[:, :, :8].mean() + 30
