"""What can be read from the embeddings of captions, and how the pair is published."""

from pathlib import Path

import numpy as np
import pytest
from signal_diffusion.datasets.captions import caption
from signal_diffusion.families.diffusion.text import SUBFOLDERS, DualTextEncoder
from signal_diffusion.families.support.text_encoders import (
    build_text_encoders,
    caption_rows,
    field_targets,
)

from .material import HELD_OUT_AGES, support_run


@pytest.fixture(scope="module")
def probed(pair: Path, captions) -> tuple[list[dict], np.ndarray, np.ndarray]:
    """Rows that state an age, their embeddings with a constant, and which rows are of held-out ages."""
    ages = sorted(HELD_OUT_AGES | set(range(18, 91, 4)))
    rows = [row for row in caption_rows(captions, ages) if row["age"]]
    embeddings = DualTextEncoder.load(pair).encode([caption(row, captions) for row in rows]).numpy()
    held = np.array([row["age"] in HELD_OUT_AGES for row in rows])
    return rows, np.c_[embeddings, np.ones(len(rows))], held


def read_out(embeddings: np.ndarray, targets: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Least squares on the other ages, predictions for the held-out ones."""
    return embeddings[held] @ np.linalg.lstsq(embeddings[~held], targets[~held], rcond=None)[0]


def test_age_is_linear_in_the_embedding_of_unseen_ages(probed):
    rows, embeddings, held = probed
    ages = np.array([row["age"] for row in rows], dtype=np.float64)
    error = np.square(read_out(embeddings, ages, held) - ages[held]).mean()
    assert 1 - error / ages[held].var() > 0.97


@pytest.mark.parametrize("field", ["health", "gender", "activity"])
def test_classes_and_their_absence_are_linear_in_the_embedding(probed, field):
    rows, embeddings, held = probed
    values, codes = np.unique([row[field] for row in rows], return_inverse=True)
    guesses = read_out(embeddings, np.eye(len(values))[codes], held).argmax(axis=1)
    assert len(values) == 3
    assert np.mean(guesses == codes[held]) > 0.99


def test_embeddings_have_the_scale_that_networks_expect(probed):
    _, embeddings, _ = probed
    assert np.all(embeddings[:, :-1].std(axis=0) > 0.1)
    assert np.abs(embeddings).max() < 20


def test_targets_are_standardised_and_zero_where_an_age_is_unknown(captions):
    rows = caption_rows(captions, [20, 40, 60])
    targets = field_targets(rows).numpy()
    assert targets.shape == (4 * 27, 2 + 3 * 2)
    np.testing.assert_allclose(targets.mean(axis=0), 0, atol=1e-6)
    ages = np.array([str(row["age"]) for row in rows])
    np.testing.assert_allclose(targets[ages == "", 0], 0)
    np.testing.assert_allclose(targets[ages == "60", 0], 20 / np.std([20, 40, 60]), rtol=1e-6)


def test_the_folder_has_the_layout_of_stable_diffusion_and_equal_bytes(dataset, tmp_path):
    run = support_run("text-encoders", steps=2, batch_size=8)
    for name in ("one", "two"):
        build_text_encoders(run, dataset, tmp_path / name)
    found = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert {path.parts[0] for path in found} == set(SUBFOLDERS)
    for path in found:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path
    assert not list(tmp_path.glob(".*"))
    # The dataset's own texts are words of the tokenizer too.
    assert DualTextEncoder.load(tmp_path / "one")._tokenizers[0].tokenize("window") == ["window</w>"]
