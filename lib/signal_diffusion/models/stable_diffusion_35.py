"""The transformer of Stable Diffusion 3 and 3.5 (Esser et al. 2024, arXiv 2403.03206), diffusers' own."""

from collections.abc import Mapping, Sequence
from typing import Any

from diffusers import SD3Transformer2DModel
from torch import Tensor

from signal_diffusion.models.foreign import TIMES, Foreign, silenced
from signal_diffusion.models.layers import padded
from signal_diffusion.models.prompt import Prompt


class StableDiffusion35(Foreign):
    """`SD3Transformer2DModel`, in which image and caption attend to each other.

    Args:
        config: of the transformer, as its config.json has it; its own `patch_size` is a square's side.
        patch: pixels that become one position before it, (rows, columns).
        condition_width, text: see `Prompt`.
        lora: arguments of peft's LoraConfig; None trains the whole network.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        patch: Sequence[int] = (1, 1),
        condition_width: int = 0,
        text: Mapping[str, Any] | None = None,
        lora: Mapping[str, Any] | None = None,
    ):
        inner = SD3Transformer2DModel.from_config(dict(config))
        widths = config["joint_attention_dim"], config["pooled_projection_dim"]
        super().__init__(inner, Prompt(*widths, condition_width, text), patch)
        for block in inner.transformer_blocks:
            silenced(block.norm1.linear, block.norm1_context.linear)
        silenced(inner.norm_out.linear, inner.proj_out)
        last = inner.transformer_blocks[-1].attn  # what a caption's tokens ask there, nobody hears
        for layer in filter(None, (last.add_q_proj, last.norm_added_q)):  # Stable Diffusion 3 has no norms
            layer.requires_grad_(False)
        self.adapt(lora)

    def predict(self, x: Tensor, time: Tensor, tokens: Tensor, pooled: Tensor | None) -> Tensor:
        side = self.inner.config.patch_size
        height, width = x.shape[2:]
        whole = self.inner(padded(x, (side, side)), tokens, pooled, time * TIMES).sample
        return whole[..., :height, :width]


network = StableDiffusion35
