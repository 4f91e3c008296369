"""A CLIP tokenizer whose merges come from a few captions instead of the web."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

START, END, WORD_END = "<|startoftext|>", "<|endoftext|>", "</w>"
MAX_TOKENS = 77
Symbols = tuple[str, ...]
Pair = tuple[str, str]


def build_tokenizer(captions: Iterable[str]) -> "CLIPTokenizer":
    """Byte-level BPE in which every word of `captions` is one token and digits stay apart, as in CLIP.

    Ids are laid out as in the released vocabulary (bytes, bytes that end a word, merges, start, end), so that
    any other text still has tokens. Equal captions give equal files.
    """
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    words = _words(CLIPTokenizer(), captions)
    merges = list(_merges({tuple(word[:-1]) + (word[-1] + WORD_END,) for word in words}))
    characters = sorted(ByteLevel.alphabet())
    tokens = [*characters, *(c + WORD_END for c in characters), *map("".join, merges), START, END]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)


def _words(tokenizer: "CLIPTokenizer", captions: Iterable[str]) -> set[str]:
    backend = tokenizer.backend_tokenizer
    texts = {backend.normalizer.normalize_str(caption) for caption in captions}
    return {word for text in texts for word, _ in backend.pre_tokenizer.pre_tokenize_str(text)}


def _merges(words: set[Symbols]) -> Iterator[Pair]:
    """Most frequent pair first, then by alphabet (Sennrich et al. 2016, arXiv 1508.07909).

    The trainer of `tokenizers` numbers symbols in the order of a hash map: its files differ from run to run.
    """
    while pairs := Counter(pair for word in words for pair in zip(word, word[1:], strict=False)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        yield best
        words = {_merge(word, best) for word in words}


def _merge(word: Symbols, pair: Pair) -> Symbols:
    merged: list[str] = []
    for symbol in word:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return tuple(merged)
