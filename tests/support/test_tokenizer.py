"""The tokenizer that captions make."""

import json

from signal_diffusion.families.support.tokenizer import build_tokenizer

CAPTIONS = [
    "a spectrogram image of a 62 year old, healthy, female subject",
    "a spectrogram image of a 35 year old, male subject with Parkinson's disease",
]


def test_words_are_one_token_and_digits_are_apart():
    tokens = build_tokenizer(CAPTIONS).tokenize("a 62 year old, female subject with Parkinson's disease")
    expected = ["a", "6", "2", "year", "old", ",", "female", "subject", "with", "parkinson", "'s", "disease"]
    assert tokens == [f"{word}</w>" for word in expected]


def test_foreign_words_have_tokens_and_come_back_whole():
    tokenizer = build_tokenizer(CAPTIONS)
    ids = tokenizer("zyklus über 7 femaleness")["input_ids"]
    assert tokenizer.eos_token_id not in ids[1:-1]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "zyklus über 7 femaleness"


def test_ids_are_laid_out_as_in_the_released_vocabulary():
    tokenizer = build_tokenizer(CAPTIONS)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    assert [number for _, number in vocabulary] == list(range(len(vocabulary)))
    assert all(len(token) == 1 for token, _ in vocabulary[:256])
    assert all(token.endswith("</w>") for token, _ in vocabulary[256:512])
    assert [token for token, _ in vocabulary[-2:]] == ["<|startoftext|>", "<|endoftext|>"]


def test_the_order_of_captions_does_not_matter(tmp_path):
    for name, captions in (("one", CAPTIONS), ("two", CAPTIONS[::-1] * 2)):
        build_tokenizer(captions).save_pretrained(tmp_path / name)
    assert (tmp_path / "one/tokenizer.json").read_bytes() == (tmp_path / "two/tokenizer.json").read_bytes()
    assert json.loads((tmp_path / "one/tokenizer_config.json").read_text())["model_max_length"] == 77
