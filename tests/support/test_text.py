"""Loading a pair of CLIP encoders, encoding with it, and the cache of embeddings."""

import json
import shutil
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.text import DualTextEncoder, cache_embeddings, load_embeddings
from transformers import CLIPTextModelWithProjection, CLIPTokenizer

CAPTIONS = ["a spectrogram image of a 62 year old, healthy, female subject", "a male subject at rest"]


@pytest.fixture(scope="module")
def encoder(pair: Path) -> DualTextEncoder:
    return DualTextEncoder.load(str(pair))


@pytest.fixture
def copy(pair: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pair, tmp_path / "copy")


def test_it_is_the_pooled_output_beside_the_projected_embedding(pair, encoder):
    tokenizer = CLIPTokenizer.from_pretrained(pair / "tokenizer")
    first = CLIPTextModelWithProjection.from_pretrained(pair / "text_encoder")
    second = CLIPTextModelWithProjection.from_pretrained(pair / "text_encoder_2")
    for caption, row in zip(CAPTIONS, encoder.encode(CAPTIONS), strict=True):
        # Unpadded, so that the end token is the last one.
        tokens = torch.tensor([tokenizer(caption)["input_ids"]])
        with torch.no_grad():
            pooled = first(tokens).last_hidden_state[0, -1]
            projected = second(tokens).text_embeds[0]
        torch.testing.assert_close(row, torch.cat([pooled, projected]), rtol=1e-4, atol=1e-5)


def test_width_and_type(encoder):
    embeddings = encoder.encode(CAPTIONS)
    assert embeddings.shape == (2, encoder.width) == (2, 64)
    assert embeddings.dtype == torch.float32


def test_batching_changes_nothing_but_rounding(encoder):
    captions = CAPTIONS * 3
    torch.testing.assert_close(encoder.encode(captions, batch_size=2), encoder.encode(captions))


def test_tokenizer_files_as_released_are_read(copy, encoder):
    """Stable Diffusion 3 ships vocab.json and merges.txt, not tokenizer.json."""
    for name in ("tokenizer", "tokenizer_2"):
        model = json.loads((copy / name / "tokenizer.json").read_text())["model"]
        (copy / name / "tokenizer.json").unlink()
        (copy / name / "vocab.json").write_text(json.dumps(model["vocab"]))
        lines = ["#version: 0.2", *(" ".join(pair) for pair in model["merges"])]
        (copy / name / "merges.txt").write_text("\n".join(lines) + "\n")
    assert torch.equal(DualTextEncoder.load(copy).encode(CAPTIONS), encoder.encode(CAPTIONS))


def test_half_precision_weights_are_used_in_float32(copy):
    for name in ("text_encoder", "text_encoder_2"):
        CLIPTextModelWithProjection.from_pretrained(copy / name).half().save_pretrained(copy / name)
        assert next(iter(load_file(copy / name / "model.safetensors").values())).dtype == torch.float16
    assert DualTextEncoder.load(copy).encode(CAPTIONS).dtype == torch.float32


def test_absent_parts_are_named(copy):
    shutil.rmtree(copy / "tokenizer_2")
    with pytest.raises(UserError, match=r"copy: no tokenizer_2;"):
        DualTextEncoder.load(copy)


def test_an_empty_tokenizer_is_not_used(copy):
    for path in (copy / "tokenizer").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"copy, tokenizer: no vocabulary"):
        DualTextEncoder.load(copy)


def test_absent_weights_are_not_made_up(copy):
    CLIPTextModelWithProjection.from_pretrained(copy / "text_encoder_2").text_model.save_pretrained(
        copy / "text_encoder_2"
    )
    with pytest.raises(UserError, match=r"text_encoder_2: no weights for text_projection.weight"):
        DualTextEncoder.load(copy)


def test_cut_weights_end_in_one_line(copy):
    path = copy / "text_encoder/model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"copy, text_encoder: ") as error:
        DualTextEncoder.load(copy)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("source", ["./nowhere", "results/support/nowhere", Path("nowhere")])
def test_an_absent_folder_is_not_looked_for_on_the_hub(source):
    with pytest.raises(UserError, match="no such folder"):
        DualTextEncoder.load(source)


def test_a_hub_id_out_of_reach_ends_in_one_line(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="no-such-owner/no-such-model, tokenizer: ") as error:
        DualTextEncoder.load("no-such-owner/no-such-model")
    assert "\n" not in str(error.value)


def test_a_caption_that_clip_would_cut_is_refused(encoder):
    with pytest.raises(UserError, match="CLIP reads 77"):
        encoder.encode([CAPTIONS[0], "year " * 76])
    assert encoder.encode(["year " * 75]).shape == (1, 64)


def test_each_distinct_caption_is_encoded_once(encoder, tmp_path, monkeypatch):
    asked: list[list[str]] = []
    encode = encoder.encode
    monkeypatch.setattr(encoder, "encode", lambda captions: asked.append(captions) or encode(captions))
    cache_embeddings(CAPTIONS * 5, encoder.encode, tmp_path / "captions.safetensors")
    cache_embeddings(CAPTIONS[::-1], encoder.encode, tmp_path / "again.safetensors")
    assert asked == [sorted(CAPTIONS)] * 2
    assert (tmp_path / "captions.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    found = load_embeddings(tmp_path / "captions.safetensors")
    assert set(found) == set(CAPTIONS)
    for caption, vector in found.items():
        np.testing.assert_allclose(vector, encode([caption])[0].numpy(), rtol=1e-4, atol=1e-5)


def test_no_captions_and_foreign_files_are_refused(encoder, pair, tmp_path):
    with pytest.raises(UserError, match="no captions"):
        cache_embeddings([], encoder.encode, tmp_path / "captions.safetensors")
    with pytest.raises(UserError, match="not a file of caption embeddings"):
        load_embeddings(pair / "text_encoder/model.safetensors")
