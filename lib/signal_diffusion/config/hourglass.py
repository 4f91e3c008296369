"""`[model.extras]` of the hourglass diffusion transformer (HDiT, Crowson et al. 2024)."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from signal_diffusion.config.extras import Levels
from signal_diffusion.config.fields import Contradiction, Section, key

_MAMBA = "belongs to localmamba; remove the key"
_SD = "belongs to stable-diffusion-35; remove the key"


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


class HourglassExtras(Levels):
    """Levels go from the finest to the deepest; lists have one entry for each."""

    applies: ClassVar[str] = 'model.name = "hourglass"'

    elsewhere: ClassVar[dict[str, str]] = {
        "num_layers": "belongs to dit; use depths of hourglass",
        "attention_head_dim": "belongs to dit; use d_head in self_attns",
        "d_state": _MAMBA,
        "d_conv": _MAMBA,
        "expand": _MAMBA,
        "joint_attention_dim": _SD,
        "caption_projection_dim": _SD,
        "pooled_projection_dim": _SD,
    }
    d_ffs: list[int] | None = key(None, "Feed-forward width per level; default: 3 x width.", stage="training")
    self_attns: list[Attention] | None = key(
        None, "Attention per level; default: neighborhood, global at the deepest.", stage="training"
    )
    num_attention_heads: int | None = key(
        None, "Heads of every level, in place of d_head in `self_attns`.", stage="training", ge=1
    )
    dropout_rate: float | list[float] = key(0.0, "Dropout per level; one number for all.", stage="training")

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self.check_positive("d_ffs")
        rates = (
            self.dropout_rate
            if isinstance(self.dropout_rate, list)
            else [self.dropout_rate] * len(self.widths)
        )
        self.fill(
            d_ffs=self.d_ffs or [3 * width for width in self.widths],
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

    def _check_levels(self) -> None:
        self.check_levels("depths", "d_ffs", "self_attns", "dropout_rate")
        if not all(0 <= rate < 1 for rate in self.dropout_rate):
            raise Contradiction("dropout_rate", "is not in 0 to 1; use a probability")
        for level, (width, attention) in enumerate(zip(self.widths, self.self_attns, strict=True)):
            if width % attention.d_head:
                message = (
                    f"{width} at level {level} is not a multiple of d_head = {attention.d_head}; change one"
                )
                raise Contradiction("widths", message)
