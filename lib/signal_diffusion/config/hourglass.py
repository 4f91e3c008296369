"""`[model.extras]` of the hourglass diffusion transformer (HDiT, Crowson et al. 2024)."""

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key

_DIT = "it belongs to dit; use widths and depths of hourglass"
_SD = "it belongs to stable-diffusion-35; use hourglass"
_MAMBA = "it belongs to localmamba; use hourglass"
_VAE = "models work on pixels; leave latent_space out and use patch_size"


class Attention(Section):
    """Self-attention of one level."""

    type: Literal["neighborhood", "global"] = key("neighborhood", "Kind of attention.", stage="training")
    d_head: int = key(
        64, "Width of a head, a multiple of 8 (axial RoPE).", stage="training", ge=8, multiple_of=8
    )
    kernel_size: int = key(7, "Side of the neighbourhood, odd.", stage="training", unit="tokens", ge=3)

    @model_validator(mode="after")
    def _check_kernel(self) -> Self:
        if self.kernel_size % 2 == 0:
            raise Contradiction("kernel_size", f"{self.kernel_size} is even; use {self.kernel_size + 1}")
        if self.type == "global" and "kernel_size" in self.model_fields_set:
            raise Contradiction("kernel_size", "global attention has no neighbourhood; remove the key")
        return self


class HourglassExtras(Section):
    """Levels go from the finest to the deepest; lists have one entry for each."""

    aliases: ClassVar[dict[str, str]] = {
        "block_out_channels": "widths",
        "num_res_blocks": "depths",
        "mapping_cond": "mapping_cond_dim",
    }
    patch_size: list[int] = key(
        [2, 2],
        "Height and width of a token, one number for both.",
        stage="training",
        unit="pixels",
        min_length=2,
        max_length=2,
    )
    depths: list[int] = key(
        [2, 2, 4], "Blocks per level; one number for all.", stage="training", min_length=1
    )
    widths: list[int] = key([128, 256, 512], "Width per level.", stage="training", min_length=1)
    d_ffs: list[int] | None = key(None, "Feed-forward width per level; default: 3 x width.", stage="training")
    self_attns: list[Attention] | None = key(
        None, "Attention per level; default: neighborhood, global at the deepest.", stage="training"
    )
    num_attention_heads: int | None = key(
        None, "Heads of every level, in place of d_head in `self_attns`.", stage="training", ge=1
    )
    mapping_width: int = key(256, "Width of the mapping network.", stage="training", ge=8)
    mapping_depth: int = key(2, "Blocks of the mapping network.", stage="training", ge=1)
    mapping_d_ff: int | None = key(
        None, "Its feed-forward width; default: 3 x mapping_width.", stage="training", ge=1
    )
    mapping_cond_dim: int | None = key(
        None, "Width of the caption embedding; default: what the text encoders give.", stage="training", ge=0
    )
    mapping_dropout_rate: float = key(0.0, "Dropout of the mapping network.", stage="training", ge=0, lt=1)
    dropout_rate: float | list[float] = key(0.0, "Dropout per level; one number for all.", stage="training")
    in_channels: int | None = key(
        None, "Image channels; must be what the representation has.", stage="training"
    )
    out_channels: int | None = key(
        None, "Channels of the prediction; same as `in_channels`.", stage="training"
    )
    cfg_dropout: float = key(
        0.0, "Probability per sample of training the null condition.", stage="training", ge=0, le=1
    )
    text_encoder: str | None = key(
        None,
        "Support run, hub id or folder of two CLIP encoders; default: hf_models.stable_diffusion_model_id.",
        stage=("captions", "training"),
    )
    latent_space: bool = key(False, "Train in the latent space of a VAE.", refused=_VAE)
    vae: str | None = key(None, "VAE of the latent space.", refused=_VAE)
    num_classes: int = key(0, "Classes of class conditioning.", refused='use conditioning = "caption"')
    num_layers: int | None = key(None, "Transformer layers.", refused=_DIT)
    attention_head_dim: int | None = key(None, "Width of a head.", refused="use d_head in self_attns")
    d_state: int | None = key(None, "Mamba state width.", refused=_MAMBA)
    d_conv: int | None = key(None, "Mamba convolution width.", refused=_MAMBA)
    expand: int | None = key(None, "Mamba expansion.", refused=_MAMBA)
    joint_attention_dim: int | None = key(None, "Joint attention width.", refused=_SD)
    caption_projection_dim: int | None = key(None, "Caption projection width.", refused=_SD)
    pooled_projection_dim: int | None = key(None, "Pooled projection width.", refused=_SD)

    @classmethod
    def rename(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Also write one number as a list, where a list is meant."""
        data = super().rename(data)
        if _is_int(data.get("patch_size")):
            data["patch_size"] = [data["patch_size"]] * 2
        widths = data.get("widths", cls.model_fields["widths"].default)
        if _is_int(data.get("depths")) and isinstance(widths, list):
            data["depths"] = [data["depths"]] * len(widths)
        return data

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self._check_positive()
        rates = (
            self.dropout_rate
            if isinstance(self.dropout_rate, list)
            else [self.dropout_rate] * len(self.widths)
        )
        self.fill(
            d_ffs=self.d_ffs or [3 * width for width in self.widths],
            mapping_d_ff=self.mapping_d_ff or 3 * self.mapping_width,
            dropout_rate=rates,
            self_attns=self._attention(),
        )
        self._check_levels()
        return self

    def _attention(self) -> list[Attention]:
        if self.num_attention_heads and self.self_attns:
            raise Contradiction("num_attention_heads", "self_attns is given too; remove one of them")
        if self.self_attns:
            return self.self_attns
        deepest = len(self.widths) - 1
        kinds = ["global" if level == deepest else "neighborhood" for level in range(len(self.widths))]
        return [
            Attention(type=kind, d_head=self._head(width))
            for kind, width in zip(kinds, self.widths, strict=True)
        ]

    def _head(self, width: int) -> int:
        heads = self.num_attention_heads
        if heads is None:
            return Attention.model_fields["d_head"].default
        if width % (8 * heads):
            raise Contradiction(
                "num_attention_heads", f"{heads} heads of a multiple of 8 do not fill width {width}"
            )
        return width // heads

    def _check_positive(self) -> None:
        for name in ("patch_size", "depths", "widths", "d_ffs"):
            if any(value < 1 for value in getattr(self, name) or []):
                raise Contradiction(name, "holds a number below 1; use positive numbers")

    def _check_levels(self) -> None:
        for name in ("depths", "d_ffs", "self_attns", "dropout_rate"):
            if len(getattr(self, name)) != len(self.widths):
                found, levels = len(getattr(self, name)), len(self.widths)
                raise Contradiction(
                    name, f"has {found} entries for the {levels} levels of widths; give one per level"
                )
        if not all(0 <= rate < 1 for rate in self.dropout_rate):
            raise Contradiction("dropout_rate", "is not in 0 to 1; use a probability")
        for level, (width, attention) in enumerate(zip(self.widths, self.self_attns, strict=True)):
            if width % attention.d_head:
                message = (
                    f"{width} at level {level} is not a multiple of d_head = {attention.d_head}; change one"
                )
                raise Contradiction("widths", message)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
