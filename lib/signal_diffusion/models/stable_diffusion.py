"""The UNet of Stable Diffusion 1.x (Rombach et al. 2022, arXiv 2112.10752), diffusers' own."""

from collections.abc import Mapping, Sequence
from typing import Any

from diffusers import UNet2DConditionModel
from torch import Tensor

from signal_diffusion.models.foreign import TIMES, Foreign, silenced
from signal_diffusion.models.prompt import Prompt


class StableDiffusion(Foreign):
    """`UNet2DConditionModel`, which attends to the tokens of a caption or of labels.

    Args:
        config: of the UNet, as its config.json has it.
        patch: pixels that become one position, (rows, columns).
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
        inner = UNet2DConditionModel.from_config(dict(config))
        super().__init__(inner, Prompt(config["cross_attention_dim"], 0, condition_width, text), patch)
        silenced(inner.conv_out)
        self.adapt(lora)

    def predict(self, x: Tensor, time: Tensor, tokens: Tensor, pooled: Tensor | None) -> Tensor:
        """Its times count the steps of DDPM from 0, the first of which is past 1 / 1000 of the noise's way."""
        return self.inner(x, (time * TIMES - 1).clamp(min=0), tokens).sample


network = StableDiffusion
