"""Captions to vectors with the two CLIP text encoders of a Stable Diffusion 3 pipeline.

The condition is what Stable Diffusion 3 calls pooled (Esser et al. 2024, arXiv 2403.03206): one vector per
caption, the pooled output of the first encoder beside the projected text embedding of the second. In the
released weights these are 768 and 1280 wide.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from signal_diffusion.errors import UserError
from signal_diffusion.files import load_tensors, save_tensors

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

MAX_TOKENS = 77
BYTE_SYMBOLS = 512  # each byte within a word and at its end: the least that CLIP's tokenizer has
REMEDY = "give a folder laid out as Stable Diffusion 3, or a hub id that this machine may read"
SUBFOLDERS = ("tokenizer", "text_encoder", "tokenizer_2", "text_encoder_2")


class DualTextEncoder:
    """Two frozen CLIP text encoders, each with its own tokenizer."""

    def __init__(
        self,
        tokenizers: "tuple[CLIPTokenizer, CLIPTokenizer]",
        pooled: "CLIPTextModel",
        projected: "CLIPTextModelWithProjection",
    ):
        self._tokenizers, self._pooled, self._projected = tokenizers, pooled.eval(), projected.eval()

    @classmethod
    def load(cls, source: str | Path, device: str | torch.device = "cpu") -> "DualTextEncoder":
        """Read the encoders of `source`, a folder or a hub id in the layout of a Stable Diffusion 3 pipeline.

        Raises UserError when a part is missing or the hub does not give it.
        """
        # transformers takes seconds to import, and whoever reads cached embeddings does not need it.
        from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection
        from transformers.models.clip.tokenization_clip import CLIPTokenizer

        check_source(source, SUBFOLDERS)
        tokenizers = tuple(tokenizer_of(CLIPTokenizer, source, name) for name in ("tokenizer", "tokenizer_2"))
        pooled = model_of(CLIPTextModel, source, "text_encoder")
        projected = model_of(CLIPTextModelWithProjection, source, "text_encoder_2")
        return cls(tokenizers, pooled.to(device), projected.to(device))

    @property
    def width(self) -> int:
        return self._pooled.config.hidden_size + self._projected.config.projection_dim

    @torch.inference_mode()
    def encode(self, captions: Sequence[str], batch_size: int = 64) -> Tensor:
        """float32 [len(captions), width] on the CPU; a caption of more than 77 tokens raises UserError."""
        batches = [captions[i : i + batch_size] for i in range(0, len(captions), batch_size)]
        return torch.cat([self._encode_batch(list(batch)) for batch in batches])

    def _encode_batch(self, captions: list[str]) -> Tensor:
        first, second = (self._tokens(tokenizer, captions) for tokenizer in self._tokenizers)
        pooled = self._pooled(input_ids=first).pooler_output
        projected = self._projected(input_ids=second).text_embeds
        return torch.cat([pooled, projected], dim=-1).float().cpu()

    def _tokens(self, tokenizer: "CLIPTokenizer", captions: list[str]) -> Tensor:
        rows = tokenizer(captions, padding="max_length", max_length=MAX_TOKENS)["input_ids"]
        for caption, row in zip(captions, rows, strict=True):
            if len(row) > MAX_TOKENS:
                raise UserError(
                    f"caption {caption!r}: {len(row)} tokens, CLIP reads {MAX_TOKENS}; shorten it"
                )
        return torch.tensor(rows, device=self._pooled.device)


def cache_embeddings(
    captions: Iterable[str], encode: Callable[[list[str]], Tensor], path: str | Path, **more: Any
) -> None:
    """Encode each distinct caption once: safetensors `embeddings` [n, width]; the captions and `more` as JSON."""
    distinct = sorted(set(captions))
    if not distinct:
        raise UserError(f"{path}: no captions to encode; build the dataset with a [captions] section")
    save_tensors(path, {"embeddings": encode(distinct).numpy()}, {"captions": distinct, **more})


def load_embeddings(path: str | Path) -> dict[str, np.ndarray]:
    """Caption -> float32 [width], as `cache_embeddings` wrote them."""
    tensors, meta = load_tensors(path)
    if "embeddings" not in tensors or "captions" not in meta:
        raise UserError(f"{path}: not a file of caption embeddings; make it with scripts/encode_captions.py")
    return dict(zip(meta["captions"], tensors["embeddings"], strict=True))


def load_text(path: str | Path) -> dict[str, Any] | None:
    """How embeddings of words are packed, and text encoders that train (`prompts`); None of pooled embeddings."""
    return load_tensors(path)[1].get("text")


def check_source(source: str | Path, subfolders: Sequence[str]) -> None:
    """UserError for a folder that is not there, or lacks one of `subfolders`; a hub id is asked later."""
    folder = Path(source)
    if not folder.is_dir():
        if isinstance(source, Path) or source.startswith((".", "/", "~")) or source.count("/") > 1:
            raise UserError(f"text encoder {source}: no such folder; give a folder, support run or hub id")
        return
    missing = [name for name in subfolders if not (folder / name).is_dir()]
    if missing:
        raise UserError(
            f"text encoder {source}: no {', '.join(missing)}; a Stable Diffusion 3 layout has these"
        )


def tokenizer_of(
    kind: type, source: str | Path, subfolder: str, revision: str | None = None, least: int = BYTE_SYMBOLS
) -> "CLIPTokenizer":
    """The tokenizer of a folder or hub id; UserError when there is none of `least` tokens."""
    with _as_user_error(source, subfolder):
        tokenizer = kind.from_pretrained(str(source), subfolder=subfolder, revision=revision or "main")
    # Where the files are absent or out of reach, transformers 5 gives a tokenizer that maps every word to one id.
    if len(tokenizer) < least:
        raise UserError(f"text encoder {source}, {subfolder}: no vocabulary to be had; {REMEDY}")
    return tokenizer


def model_of(kind: type, source: str | Path, subfolder: str, revision: str | None = None) -> nn.Module:
    """Weights in float32; those that `kind` does not use are left, those that it lacks are refused."""
    with _as_user_error(source, subfolder), _errors_only():
        model, info = kind.from_pretrained(
            str(source),
            subfolder=subfolder,
            dtype=torch.float32,
            output_loading_info=True,
            use_safetensors=True,
            revision=revision or "main",
        )
    if missing := sorted(info["missing_keys"]):
        raise UserError(
            f"text encoder {source}, {subfolder}: no weights for {missing[0]}; not a {kind.__name__}"
        )
    return model


@contextmanager
def _as_user_error(source: str | Path, subfolder: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise UserError(f"text encoder {source}, {subfolder}: {reason}; {REMEDY}") from error


@contextmanager
def _errors_only() -> Iterator[None]:
    """transformers reports the first encoder's projection, which is not used, in a table."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
