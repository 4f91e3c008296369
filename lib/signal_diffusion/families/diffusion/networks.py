"""The registry of networks: how `[model.extras]` becomes the arguments of each, and what builds it.

A network is called `(x, time, condition=None, drop=None)` and has `parameter_groups(weight_decay)`, a switch
`checkpointing` and `kernels(device)`. Adding one: its module in `models/` with a `network` that builds it, its keys in
`config/`, a row here, and rows of presets; the tests, the reference and the table of costs follow.
"""

import math
from functools import partial
from importlib import import_module
from typing import Any

from torch import nn

from signal_diffusion.config.diffusion import model_module
from signal_diffusion.config.dit import DitExtras
from signal_diffusion.config.extras import Levels
from signal_diffusion.config.hourglass import Attention, HourglassExtras
from signal_diffusion.config.localmamba import LocalMambaExtras


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


def _network(name: str, **arguments: Any) -> nn.Module:
    """Imported by name, so that the code of another network makes no run stale."""
    return import_module(model_module(name)).network(**arguments)


ARGUMENTS = {"hourglass": _hourglass, "dit": _dit, "localmamba": _localmamba}
NETWORKS = {name: partial(_network, name) for name in ARGUMENTS}
