"""A network of diffusers between noisy windows and a prediction."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from signal_diffusion.models.groups import decayed
from signal_diffusion.models.layers import merge_patches, padded, split_patches
from signal_diffusion.models.prompt import Prompt

TIMES = 1000  # the networks' own times go from 0 (data) to this (noise)
ADAPTER = "default"


class Foreign(nn.Module, ABC):
    """What the Stable Diffusion networks share: `inner`, the diffusers model, and `prompt`, what it attends to.

    `patch` (rows, columns) become channels before `inner` sees them; sides that it does not divide are filled up with
    zeros. With `checkpointing` the activations of blocks are computed again in backward.
    """

    def __init__(self, inner: nn.Module, prompt: Prompt, patch: Sequence[int]):
        super().__init__()
        self.inner, self.prompt, self.patch = inner, prompt, tuple(patch)

    def forward(
        self, x: Tensor, time: Tensor, condition: Tensor | None = None, drop: Tensor | None = None
    ) -> Tensor:
        """Prediction [batch, channels, height, width] for noisy x of that shape.

        Args:
            time: of the process, in (0, 1), [batch].
            condition: [batch, width], a packed caption or a vector of labels; None where nothing is told.
            drop: bool [batch], where the null condition takes its place.
        """
        height, width = x.shape[2:]
        told = self.prompt(len(x), condition, drop)
        if self.patch == (1, 1):
            return self.predict(x, time.float(), *told)
        merged = merge_patches(padded(x, self.patch).movedim(1, -1).contiguous(), self.patch)
        out = self.predict(merged.movedim(-1, 1).contiguous(), time.float(), *told)
        out = split_patches(out.movedim(1, -1).contiguous(), self.patch).movedim(-1, 1)
        return out[..., :height, :width]

    @abstractmethod
    def predict(self, x: Tensor, time: Tensor, tokens: Tensor, pooled: Tensor | None) -> Tensor:
        """What `inner` says of x [batch, channels, height, width] at times [batch] in (0, 1)."""

    def adapt(self, lora: Mapping[str, Any] | None) -> None:
        """Freeze `inner` and add adapters of low rank (LoRA, Hu et al. 2021, arXiv 2106.09685); None leaves all."""
        if lora is not None:
            from peft import LoraConfig

            self.inner.requires_grad_(False)
            self.inner.add_adapter(LoraConfig(**lora), adapter_name=ADAPTER)

    @property
    def checkpointing(self) -> bool:
        return self.inner.is_gradient_checkpointing

    @checkpointing.setter
    def checkpointing(self, on: bool) -> None:
        (self.inner.enable_gradient_checkpointing if on else self.inner.disable_gradient_checkpointing)()

    def parameter_groups(self, weight_decay: float) -> list[dict]:
        """Weight decay on what has two dimensions or more; adapted networks train their adapters alone."""
        return decayed([p for p in self.parameters() if p.requires_grad], weight_decay)

    @staticmethod
    def kernels(device: torch.device) -> dict[str, str]:
        """What computes the network's own operations on `device`."""
        return {"attention": "torch's scaled dot products"}


def silenced(*layers: nn.Module) -> None:
    """Start layers at zero."""
    for layer in layers:
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)
