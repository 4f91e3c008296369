"""`[model.extras]` of LocalMamba (Huang et al. 2024, arXiv 2403.09338) as a U-net of selective scans."""

import re
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from signal_diffusion.config.extras import Levels
from signal_diffusion.config.fields import Contradiction, key

_SD = "belongs to stable-diffusion-35; remove the key"
_HEADS = "belongs to dit and hourglass, localmamba has no attention; remove the key"
_DIRECTION = re.compile(r"(h|v|w[1-9][0-9]*)(_flip)?")


class LocalMambaExtras(Levels):
    """Levels go from the finest to the deepest; lists have one entry for each."""

    applies: ClassVar[str] = 'model.name = "localmamba"'

    aliases: ClassVar[dict[str, str]] = Levels.aliases | {"dims": "widths", "expand": "ssm_ratio"}
    elsewhere: ClassVar[dict[str, str]] = {
        "num_attention_heads": _HEADS,
        "attention_head_dim": _HEADS,
        "num_layers": "belongs to dit; use depths of localmamba",
        "joint_attention_dim": _SD,
        "caption_projection_dim": _SD,
        "pooled_projection_dim": _SD,
    }
    depths: list[int] = key(
        [2, 2, 9, 2], "Blocks per level; one number for all.", stage="training", min_length=1
    )
    widths: list[int] = key([96, 192, 384, 768], "Width per level.", stage="training", min_length=1)
    d_state: int = key(16, "States per channel of the scan.", stage="training", ge=1)
    d_conv: int = key(
        3, "Side of the depthwise convolution before the scans, odd.", stage="training", unit="tokens", ge=1
    )
    ssm_ratio: float = key(2.0, "Width of the scans over the width.", stage="training", gt=0)
    ssm_dt_rank: int | Literal["auto"] = key(
        "auto", "Rank of the step sizes; auto: a sixteenth of the width, rounded up.", stage="training"
    )
    mlp_ratio: float = key(
        4.0, "Feed-forward width over the width; 0 leaves the feed-forward out.", stage="training", ge=0
    )
    scan_directions: list[str] = key(
        ["h", "h_flip", "v", "v_flip", "w7", "w7_flip"],
        "Orders in which tokens are scanned: h along rows, v along columns, wN row by row within windows of "
        "N x N; _flip backwards.",
        stage="training",
        min_length=1,
    )
    drop_path_rate: float = key(
        0.0, "Probability of leaving a block out, growing linearly to this.", stage="training", ge=0, lt=1
    )

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self.check_levels("depths")
        if self.d_conv % 2 == 0:
            raise Contradiction("d_conv", f"{self.d_conv} is even; use {self.d_conv + 1}")
        if self.ssm_dt_rank != "auto" and self.ssm_dt_rank < 1:
            raise Contradiction("ssm_dt_rank", 'is below 1; use a positive number or "auto"')
        for name in self.scan_directions:
            if not _DIRECTION.fullmatch(name):
                message = f'"{name}" is no order; use h, v or w and a number such as w7, each also with _flip'
                raise Contradiction("scan_directions", message)
        self._check_repeated()
        return self

    def _check_repeated(self) -> None:
        for name in self.scan_directions:
            if self.scan_directions.count(name) > 1:
                raise Contradiction("scan_directions", f'"{name}" is given twice; remove one')
