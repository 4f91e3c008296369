"""`[model.extras]` of the diffusion transformer (DiT, Peebles & Xie 2023, arXiv 2212.09748)."""

from typing import ClassVar, Self

from pydantic import model_validator

from signal_diffusion.config.extras import Extras
from signal_diffusion.config.fields import key

_LEVELS = "belongs to hourglass and localmamba; use "
_MAMBA = "belongs to localmamba; remove the key"
_SD = "belongs to stable-diffusion-35; remove the key"


class DitExtras(Extras):
    """One width throughout: heads times their width."""

    applies: ClassVar[str] = 'model.name = "dit"'

    aliases: ClassVar[dict[str, str]] = Extras.aliases | {"dropout": "dropout_rate"}
    elsewhere: ClassVar[dict[str, str]] = {
        "block_out_channels": _LEVELS + "num_attention_heads and attention_head_dim",
        "num_res_blocks": _LEVELS + "num_layers",
        "d_state": _MAMBA,
        "d_conv": _MAMBA,
        "expand": _MAMBA,
        "joint_attention_dim": _SD,
        "caption_projection_dim": _SD,
        "pooled_projection_dim": _SD,
    }
    num_attention_heads: int = key(16, "Attention heads.", stage="training", ge=1)
    attention_head_dim: int = key(72, "Width of a head.", stage="training", ge=1)
    num_layers: int = key(28, "Transformer blocks.", stage="training", ge=1)
    mlp_ratio: float = key(4.0, "Feed-forward width over the width.", stage="training", gt=0)
    dropout_rate: float = key(0.0, "Dropout after attention and feed-forward.", stage="training", ge=0, lt=1)

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self.check_positive("patch_size")
        self.check_heads()
        return self
