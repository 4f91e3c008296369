"""What the Stable Diffusion networks attend to beside the image: a caption's tokens, or a few made of labels."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signal_diffusion.models.layers import RMSNorm

VECTOR_TOKENS = 4  # that a vector becomes: with one alone there would be nothing to attend to


def packed_width(text: Mapping[str, Any]) -> int:
    """Numbers of a packed caption: pooled, then the tokens of each block."""
    return text["pooled"] + sum(tokens * width for tokens, width in text["blocks"])


class Prompt(nn.Module):
    """(condition, drop) to tokens [batch, n, width] and a pooled vector [batch, pooled].

    A dropped condition is replaced by `null`: of captions the embedding of "", which whoever trains sets and which
    travels in the weights; of labels a learned vector.

    Args:
        width: of the tokens that the network reads; narrower ones are filled up with zeros, as diffusers does.
        pooled: width of the pooled vector, 0 for none.
        condition_width: of a vector of labels, 0 where there is nothing to be told.
        text: where conditions are packed captions, their `blocks`, [tokens, width] each, and width `pooled`.
    """

    def __init__(
        self, width: int, pooled: int = 0, condition_width: int = 0, text: Mapping[str, Any] | None = None
    ):
        super().__init__()
        self.width, self.text = width, text
        if text is not None:
            self.register_buffer("null", torch.zeros(packed_width(text)))
            return
        given = condition_width or width
        self.null = nn.Parameter(torch.randn(given) if condition_width == 0 else torch.zeros(given))
        self.norm = RMSNorm(given)
        self.token = nn.Linear(given, VECTOR_TOKENS * width)
        self.pooled = nn.Linear(given, pooled) if pooled else None

    def forward(
        self, batch: int, condition: Tensor | None, drop: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """condition [batch, condition_width] or None; drop bool [batch] or None."""
        if condition is None:
            condition = self.null.expand(batch, -1)
        elif drop is not None:
            condition = torch.where(drop[:, None], self.null, condition)
        if self.text is not None:
            return self._unpacked(condition)
        vector = self.norm(condition)
        tokens = self.token(vector).unflatten(1, (VECTOR_TOKENS, self.width))
        return tokens, None if self.pooled is None else self.pooled(vector)

    def _unpacked(self, packed: Tensor) -> tuple[Tensor, Tensor]:
        blocks, place = [], self.text["pooled"]
        for tokens, width in self.text["blocks"]:
            block = packed[:, place : place + tokens * width].reshape(len(packed), tokens, width)
            blocks.append(F.pad(block, (0, self.width - width)))
            place += tokens * width
        return torch.cat(blocks, dim=1), packed[:, : self.text["pooled"]]
