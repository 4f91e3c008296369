"""The registry of networks: how `[model.extras]` becomes the arguments of each, and what builds it.

A network is called `(x, time, condition=None, drop=None)` and has `parameter_groups(weight_decay)`, a switch
`checkpointing` and `kernels(device)`. Adding one: its module in `models/` with a `network` that builds it, its keys in
`config/`, a row here, and rows of presets; the tests, the reference and the table of costs follow.
"""

import math
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

from torch import nn

from signal_diffusion.config.diffusion import model_module
from signal_diffusion.config.dit import DitExtras
from signal_diffusion.config.extras import Levels
from signal_diffusion.config.hourglass import Attention, HourglassExtras
from signal_diffusion.config.localmamba import LocalMambaExtras
from signal_diffusion.config.stable_diffusion import StableDiffusion35Extras, StableDiffusionExtras
from signal_diffusion.errors import UserError

Text = Mapping[str, Any]
LABEL_WIDTH = 256  # of the tokens that labels become
RELEASED_GROUPS = 32  # of the released UNet's group norms
# Widths of CLIP-L, of CLIP-L beside CLIP-G, and of T5.
RELEASED_WORDS, RELEASED_POOLED, RELEASED_T5 = 768, 2048, 4096
POSITIONS = 16  # tokens of a side that positions are scaled to; grids of another size are numbered alike


def _hourglass(extras: HourglassExtras, channels: int, condition_width: int) -> dict[str, Any]:
    rows = zip(
        extras.depths, extras.widths, extras.d_ffs, extras.self_attns, extras.dropout_rate, strict=True
    )
    return {"levels": [_level(*row) for row in rows], **_unet(extras, channels, condition_width)}


def _level(depth: int, width: int, hidden: int, attention: Attention, dropout: float) -> dict[str, Any]:
    return {
        "depth": depth,
        "width": width,
        "hidden": hidden,
        "head_dim": attention.d_head,
        "kernel_size": attention.kernel_size if attention.type == "neighborhood" else None,
        "dropout": dropout,
    }


def _unet(extras: Levels, channels: int, condition_width: int) -> dict[str, Any]:
    return {
        "channels": channels,
        "patch": extras.patch_size,
        "mapping_width": extras.mapping_width,
        "mapping_depth": extras.mapping_depth,
        "mapping_hidden": extras.mapping_d_ff,
        "mapping_dropout": extras.mapping_dropout_rate,
        "condition_width": condition_width,
    }


def _dit(extras: DitExtras, channels: int, condition_width: int) -> dict[str, Any]:
    return {
        "channels": channels,
        "patch": extras.patch_size,
        "heads": extras.num_attention_heads,
        "head_dim": extras.attention_head_dim,
        "depth": extras.num_layers,
        "mlp_ratio": extras.mlp_ratio,
        "dropout": extras.dropout_rate,
        "condition_width": condition_width,
    }


def _localmamba(extras: LocalMambaExtras, channels: int, condition_width: int) -> dict[str, Any]:
    levels = [
        {
            "depth": depth,
            "width": width,
            "inner": round(extras.ssm_ratio * width),
            "rank": math.ceil(width / 16) if extras.ssm_dt_rank == "auto" else extras.ssm_dt_rank,
            "hidden": round(extras.mlp_ratio * width),
        }
        for depth, width in zip(extras.depths, extras.widths, strict=True)
    ]
    return {
        "levels": levels,
        "states": extras.d_state,
        "kernel": extras.d_conv,
        "directions": extras.scan_directions,
        "drop_path": extras.drop_path_rate,
        **_unet(extras, channels, condition_width),
    }


def _stable_diffusion(
    extras: StableDiffusionExtras, channels: int, condition_width: int, text: Text | None = None
) -> dict[str, Any]:
    """The UNet in fresh weights, of the released one's form."""
    if text is not None:
        _check_width("cross_attention_dim", extras.cross_attention_dim, _widest(text))
    rows, columns = extras.patch_size
    down = ["CrossAttnDownBlock2D" if each else "DownBlock2D" for each in extras.attentions]
    up = ["CrossAttnUpBlock2D" if each else "UpBlock2D" for each in reversed(extras.attentions)]
    config = {
        "in_channels": channels * rows * columns,
        "out_channels": channels * rows * columns,
        "down_block_types": down,
        "up_block_types": up,
        "block_out_channels": extras.widths,
        "layers_per_block": extras.depths,
        "attention_head_dim": extras.num_attention_heads,
        "cross_attention_dim": extras.cross_attention_dim or _widest(text),
        "norm_num_groups": math.gcd(RELEASED_GROUPS, *extras.widths),
        "dropout": extras.dropout_rate,
    }
    return {
        "config": config,
        "patch": extras.patch_size,
        "condition_width": 0 if text else condition_width,
        "text": text,
    }


def _stable_diffusion_35(
    extras: StableDiffusion35Extras, channels: int, condition_width: int, text: Text | None = None
) -> dict[str, Any]:
    """The transformer in fresh weights; patches that are no squares are merged before it."""
    if text is not None:
        _check_width("joint_attention_dim", extras.joint_attention_dim, _widest(text))
        _check_width("pooled_projection_dim", extras.pooled_projection_dim, text["pooled"], exactly=True)
    rows, columns = extras.patch_size
    square = rows == columns
    merged = channels if square else channels * rows * columns
    config = {
        "in_channels": merged,
        "out_channels": merged,
        "patch_size": rows if square else 1,
        "num_layers": extras.num_layers,
        "num_attention_heads": extras.num_attention_heads,
        "attention_head_dim": extras.attention_head_dim,
        "caption_projection_dim": extras.num_attention_heads * extras.attention_head_dim,
        "joint_attention_dim": extras.joint_attention_dim or _widest(text),
        "pooled_projection_dim": extras.pooled_projection_dim or (text["pooled"] if text else LABEL_WIDTH),
        "dual_attention_layers": list(range(extras.dual_attention_layers)),
        "qk_norm": "rms_norm",
        "sample_size": POSITIONS * (rows if square else 1),
        "pos_embed_max_size": None,
    }
    return {
        "config": config,
        "patch": [1, 1] if square else extras.patch_size,
        "condition_width": 0 if text else condition_width,
        "text": text,
    }


def _check_width(key: str, found: int | None, given: int, exactly: bool = False) -> None:
    if found is not None and (found < given or (exactly and found != given)):
        remedy = "remove it" if exactly else f"set it to {given} or more, or remove it"
        raise UserError(f"[model.extras] {key}: found {found}, what it reads is {given} wide; {remedy}")


def _widest(text: Text | None) -> int:
    return max(width for _, width in text["blocks"]) if text else LABEL_WIDTH


def released_text(name: str, extras: Any) -> Text | None:
    """How captions of the released text encoders are packed for a network; None for those that read one vector."""
    if name == "stable-diffusion":
        return {"blocks": [[extras.text_tokens, RELEASED_WORDS]], "pooled": 0}
    if name == "stable-diffusion-35":
        t5 = [extras.t5_tokens, RELEASED_T5 if extras.t5_tokens else 0]
        return {"blocks": [[extras.text_tokens, RELEASED_POOLED], t5], "pooled": RELEASED_POOLED}
    return None


def _network(name: str, **arguments: Any) -> nn.Module:
    """Imported by name, so that the code of another network makes no run stale."""
    return import_module(model_module(name)).network(**arguments)


ARGUMENTS = {
    "hourglass": _hourglass,
    "dit": _dit,
    "localmamba": _localmamba,
    "stable-diffusion": _stable_diffusion,
    "stable-diffusion-35": _stable_diffusion_35,
}
NETWORKS = {name: partial(_network, name) for name in ARGUMENTS}
