"""Both exports of every representation, opened by Hugging Face `datasets` itself."""

import logging

import numpy as np
import pytest
from signal_diffusion.datasets.storage import Windows
from signal_diffusion.signals.representations import REPRESENTATIONS, SERIES

from .test_representations import Collection

NAMES = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture
def load_dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hugging_face = pytest.importorskip("datasets")
    return lambda *where, **keys: hugging_face.load_dataset(*where, cache_dir=str(tmp_path / "cache"), **keys)


def stored(row: dict) -> np.ndarray:
    """What a row of either export holds, as the dataset's arrays have it."""
    if "signal" in row:
        return np.array(row["signal"], dtype=np.float32)
    image = np.asarray(row["image"])
    return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


@pytest.mark.parametrize("kind", REPRESENTATIONS)
def test_exports_give_back_what_the_arrays_hold(tmp_path, load_dataset, kind, caplog):
    with caplog.at_level(logging.WARNING):
        out = Collection(tmp_path / "made", kind).build(export=dict(parquet=True, imagefolder=True))
    opened = [load_dataset(str(out))]
    if kind == SERIES:
        assert "time series are no images: the imagefolder is left out" in caplog.text
        assert not (out / "imagefolder").exists()
    else:
        opened.append(load_dataset("imagefolder", data_dir=str(out / "imagefolder")))
    for found in opened:
        for split, name in NAMES.items():
            part = Windows(out, split)
            rows = {(row["recording"], row["window"]): row for row in found[name]}
            for k, row in enumerate(part.metadata.itertuples()):
                loaded = rows[row.recording, row.window]
                assert np.array_equal(stored(loaded), part.array([k])[0])
                assert loaded["text"] == row.text and loaded["gender"] == row.gender


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("db-only", "one range for all datasets"),
        ("db-iq", "plane 1: dB; planes 2 and 3: I and Q, scaled per row"),
        ("db-polar", "plane 1: dB; planes 2 and 3: magnitude and phase, scaled per row"),
        (SERIES, "z-scores per channel by the training split's mean and SD"),
    ],
)
def test_the_card_tells_what_a_window_is(tmp_path, kind, words):
    card = (Collection(tmp_path / "made", kind).build() / "README.md").read_text()
    assert words in card and "| signal.fs | 125.0 | Hz |" in card
    assert ("spectrogram.fmin" in card) == (kind != SERIES)
    task = (
        "other" if kind == SERIES else "text-to-image, unconditional-image-generation, image-classification"
    )
    assert f"task_categories: [{task}]" in card
