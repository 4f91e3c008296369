"""A support run, a small dataset folder and one trained pair of text encoders."""

from pathlib import Path

import pytest
from signal_diffusion.config.recipe import Captions
from signal_diffusion.config.support import SupportRun
from signal_diffusion.families.support.text_encoders import caption_rows, train_text_encoders

from .material import HELD_OUT_AGES, support_run, write_dataset

FIELDS = ["age", "health", "gender", "activity"]


@pytest.fixture(scope="session")
def captions() -> Captions:
    return Captions(fields=FIELDS)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, captions: Captions) -> Path:
    """The folder of a pair of encoders that never saw a caption of HELD_OUT_AGES."""
    run = support_run("text-encoders", steps=150, batch_size=48, learning_rate=6e-3)
    rows = [row for row in caption_rows(captions, range(18, 91)) if row["age"] not in HELD_OUT_AGES]
    tokenizer, encoders = train_text_encoders(run, captions, rows)
    folder = tmp_path_factory.mktemp("pair")
    for suffix, encoder in zip(("", "_2"), encoders, strict=True):
        tokenizer.save_pretrained(folder / f"tokenizer{suffix}")
        encoder.save_pretrained(folder / f"text_encoder{suffix}")
    return folder


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture
def short_run() -> SupportRun:
    return support_run("feature-encoder", steps=3, batch_size=16)
