"""`[model.extras]` of Stable Diffusion 1.5 (Rombach et al. 2022, arXiv 2112.10752) and 3.5 (Esser et al. 2024)."""

from typing import Any, ClassVar, Self

from pydantic import model_validator

from signal_diffusion.config.extras import Extras
from signal_diffusion.config.fields import Contradiction, key

_MAMBA = "belongs to localmamba; remove the key"
_LEVELS = "belongs to hourglass, localmamba and stable-diffusion; use num_layers"
_SD35 = "belongs to stable-diffusion-35; "


class Prompted(Extras):
    """Keys of networks that read a caption token by token."""

    told: ClassVar[str] = "time"
    # What pretrained weights come with, and how the released ones were trained, which is the default here.
    architecture: ClassVar[tuple[str, ...]] = ()
    native: ClassVar[dict[str, dict[str, Any]]] = {}

    text_tokens: int = key(
        77,
        "Tokens of a caption that CLIP reads, start and end among them; longer captions are refused.",
        stage=("captions", "training"),
        ge=3,
        le=77,
    )
    train_text_encoder: bool = key(
        False,
        "Train the CLIP text encoders too, or with model.lora.enabled adapters of them.",
        stage=("captions", "training"),
    )
    text_encoder_lr_scale: float = key(
        1.0, "Learning rate of the text encoders over optimizer.learning_rate.", stage="training", gt=0
    )

    @model_validator(mode="after")
    def _check_text(self) -> Self:
        if "text_encoder_lr_scale" in self.model_fields_set and not self.train_text_encoder:
            raise Contradiction(
                "text_encoder_lr_scale", "train_text_encoder is false; set it to true, or remove the key"
            )
        return self


class StableDiffusionExtras(Prompted):
    """The UNet; levels go from the finest to the deepest, lists have one entry for each."""

    applies: ClassVar[str] = 'model.name = "stable-diffusion"'
    # It has no T5.
    t5_tokens: ClassVar[int] = 0
    skip_t5: ClassVar[bool] = True

    aliases: ClassVar[dict[str, str]] = Extras.aliases | {
        "block_out_channels": "widths",
        "num_res_blocks": "depths",
        "dropout": "dropout_rate",
    }
    elsewhere: ClassVar[dict[str, str]] = {
        "d_state": _MAMBA,
        "d_conv": _MAMBA,
        "expand": _MAMBA,
        "num_layers": "belongs to dit and stable-diffusion-35; use depths of stable-diffusion",
        "attention_head_dim": "a level's heads share its width; use num_attention_heads",
        "joint_attention_dim": _SD35 + "use cross_attention_dim",
        "caption_projection_dim": _SD35 + "remove the key",
        "pooled_projection_dim": _SD35 + "remove the key",
    }
    architecture: ClassVar[tuple[str, ...]] = (
        *("patch_size", "widths", "depths", "attentions", "num_attention_heads"),
        *("cross_attention_dim", "dropout_rate"),
    )
    native: ClassVar[dict[str, dict[str, Any]]] = {
        "objective": {"prediction_type": "epsilon", "noise_schedule": "scaled-linear", "times": "uniform"}
    }
    patch_size: list[int] = key(
        [1, 1],
        "Height and width of what becomes one position of the UNet, one number for both.",
        stage="training",
        unit="pixels",
        min_length=2,
        max_length=2,
    )
    widths: list[int] = key([320, 640, 1280, 1280], "Width per level.", stage="training", min_length=1)
    depths: list[int] = key(
        [2, 2, 2, 2], "Residual blocks per level; one number for all.", stage="training", min_length=1
    )
    attentions: list[bool] | None = key(
        None, "Whether a level has attention; default: all but the deepest of several.", stage="training"
    )
    num_attention_heads: int = key(8, "Attention heads of each level.", stage="training", ge=1)
    cross_attention_dim: int | None = key(
        None, "Width of the tokens of a caption; default: the text encoder's.", stage="training", ge=1
    )
    dropout_rate: float = key(0.0, "Dropout of the residual blocks.", stage="training", ge=0, lt=1)

    @classmethod
    def rename(cls, data: dict[str, Any]) -> dict[str, Any]:
        return cls.spread_depths(super().rename(data))

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self.check_positive("patch_size", "widths", "depths")
        levels = len(self.widths)
        if self.attentions is None:
            self.fill(attentions=[level + 1 < levels or levels == 1 for level in range(levels)])
        self.check_levels("depths", "attentions")
        for width in self.widths:
            if width % self.num_attention_heads:
                message = f"{self.num_attention_heads} does not divide the width {width}; change one of them"
                raise Contradiction("num_attention_heads", message)
        return self


class StableDiffusion35Extras(Prompted):
    """The transformer: one width throughout, heads times their width."""

    applies: ClassVar[str] = 'model.name = "stable-diffusion-35"'

    elsewhere: ClassVar[dict[str, str]] = {
        "block_out_channels": _LEVELS,
        "num_res_blocks": _LEVELS,
        "d_state": _MAMBA,
        "d_conv": _MAMBA,
        "expand": _MAMBA,
    }
    architecture: ClassVar[tuple[str, ...]] = (
        *("patch_size", "num_layers", "num_attention_heads", "attention_head_dim", "joint_attention_dim"),
        *("caption_projection_dim", "pooled_projection_dim", "dual_attention_layers"),
    )
    native: ClassVar[dict[str, dict[str, Any]]] = {
        "objective": {"prediction_type": "vector_field", "noise_schedule": "flow", "times_shift": 3.0},
        "inference": {"timestep_shift": 3.0},
    }
    num_layers: int = key(24, "Transformer blocks.", stage="training", ge=1)
    num_attention_heads: int = key(24, "Attention heads.", stage="training", ge=1)
    attention_head_dim: int = key(64, "Width of a head.", stage="training", ge=2, multiple_of=2)
    joint_attention_dim: int | None = key(
        None, "Width of the tokens of a caption; default: the text encoders'.", stage="training", ge=1
    )
    caption_projection_dim: int | None = key(
        None, "Width of these tokens in the blocks; it is that of the heads together.", ge=1
    )
    pooled_projection_dim: int | None = key(
        None, "Width of the pooled caption; default: the text encoders'.", stage="training", ge=1
    )
    dual_attention_layers: int = key(
        13, "First blocks that attend within the image once more.", stage="training", ge=0
    )
    skip_t5: bool = key(
        True, "Leave T5 out; its tokens are zeros, as in diffusers.", stage=("captions", "training")
    )
    t5_tokens: int = key(
        256,
        "Tokens of T5, zeros or not; plain diffusers takes another number as max_sequence_length.",
        stage=("captions", "training"),
        ge=0,
        le=512,
    )

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self.check_positive("patch_size")
        width = self.check_heads()
        if self.caption_projection_dim not in (None, width):
            raise Contradiction(
                "caption_projection_dim", f"the heads make {width}; set that, or remove the key"
            )
        if not self.skip_t5 and self.t5_tokens == 0:
            raise Contradiction("t5_tokens", "is 0, but skip_t5 is false; set 256, or skip_t5 = true")
        if not self.skip_t5 and self.train_text_encoder:
            raise Contradiction("train_text_encoder", "T5 is not trained here; set skip_t5 = true")
        self.fill(dual_attention_layers=min(self.dual_attention_layers, self.num_layers))
        return self
