"""What each preset costs: parameters, operations and memory, counted without computing anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from signal_diffusion.config.diffusion import EXTRAS
from signal_diffusion.config.grids import CHANNELS, SERIES
from signal_diffusion.config.presets import presets
from signal_diffusion.families.diffusion.networks import ARGUMENTS, NETWORKS, released_text
from signal_diffusion.files import write_text
from signal_diffusion.markdown import table
from signal_diffusion.models import layers
from signal_diffusion.models.neighborhood import neighborhood_flops
from signal_diffusion.models.prompt import packed_width
from signal_diffusion.models.scan import scan_flops
from signal_diffusion.training.logging import parameter_count

BYTES_PER_WEIGHT = 20  # float32: the weight, its gradient, Adam's two moments and the moving average
# Channels of the released VAEs' latents, and how many pixels of a side become one of theirs.
RELEASED_LATENTS, RELEASED_FACTOR = {"stable-diffusion": 4, "stable-diffusion-35": 16}, 8
HEADINGS = (
    "preset",
    "grid",
    "parameters (M)",
    "forward (GFLOP)",
    "activations (MB)",
    "recomputed (MB)",
    "weights in training (MB)",
)


class Cost(NamedTuple):
    """Of one window in float32. activations: what backward needs, without and with gradient checkpointing."""

    preset: str
    grid: tuple[int, int, int]
    parameters: int
    flops: int
    activations: int
    recomputed: int


def preset_costs(condition: int, electrodes: int, samples: int) -> list[Cost]:
    """Costs of every preset but the tiny ones.

    condition: width of the vector; electrodes, samples: of a window of time series.
    """
    return [
        network_cost(name, *described(tables, name, condition, (electrodes, samples)))
        for name, tables in presets("diffusion").items()
        if "-tiny-" not in name
    ]


def network_cost(name: str, network: nn.Module, grid: tuple[int, int, int], condition: int) -> Cost:
    """Cost of a network on the device `meta` for windows [channels, height, width]."""
    inputs = _inputs(grid, condition)
    network.checkpointing = False
    flops, activations = _flops(network, inputs), _kept(network, inputs)
    network.checkpointing = True
    return Cost(name, grid, parameter_count(network), flops, activations, _kept(network, inputs))


def write_costs(costs: list[Cost], folder: Path) -> str:
    """Write costs.csv and README.md into `folder`; return the table of the page."""
    rows = [_row(cost) for cost in costs]
    page = table(HEADINGS, rows, numbers=len(HEADINGS) - 1) + "\n"
    write_text(folder / "costs.csv", "".join(",".join(row) + "\n" for row in (HEADINGS, *rows)))
    write_text(folder / "README.md", f"{INTRODUCTION}\n{page}")
    return page


INTRODUCTION = """# What the presets cost

Of one window, in float32. FLOPs are those of the definitions: matrix products and attention, of neighbourhood attention
only the scores within neighbourhoods, of selective scans 7 operations per state and step and 2 per channel and step; a
training step takes three times as many. Activations are what forward keeps for backward where attention is compiled,
without and with `training.gradient_checkpointing`; bf16 takes about half. Weights in training: with gradient, Adam's
moments and the moving average. Conditions are as wide as the released CLIP encoders' (2048) unless the script is told
otherwise; the Stable Diffusion networks read the words of captions as these encoders give them.
"""


def described(
    tables: dict[str, Any],
    name: str,
    condition: int,
    series: tuple[int, int],
    device: torch.device | str = "meta",
) -> tuple[nn.Module, tuple[int, int, int], int]:
    """The network of a preset's tables on `device`, its grid [channels, height, width] and the condition's width."""
    kind = next(kind for kind in CHANNELS if name.endswith(kind))
    side = tables.get("dataset", {}).get("resolution")
    model = tables["model"]
    grid = (CHANNELS[kind], *(series if kind == SERIES else (side, side)))
    if model.get("pretrained"):
        grid = (RELEASED_LATENTS[model["name"]], side // RELEASED_FACTOR, side // RELEASED_FACTOR)
    extras = EXTRAS[model["name"]].model_validate(model.get("extras", {}))
    text = released_text(model["name"], extras)
    words = {} if text is None else {"text": text}
    with torch.device(device):
        network = NETWORKS[model["name"]](**ARGUMENTS[model["name"]](extras, grid[0], condition, **words))
    return network, grid, packed_width(text) if text else condition


def _inputs(grid: tuple[int, int, int], condition: int) -> tuple[Tensor, ...]:
    shapes = [(1, *grid), (1,), *([(1, condition)] if condition else [])]
    return tuple(torch.empty(shape, device="meta") for shape in shapes)


def _flops(network: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Operations of one forward pass."""
    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.signal_diffusion.selective_scan: _scan}
    )
    with torch.no_grad(), _as_kernels() as attention, counter:
        network(*inputs)
    return counter.get_total_flops() + sum(attention)


def _scan(u: tuple[int, ...], delta: object, rates: tuple[int, ...], *_: object, **__: object) -> int:
    length, batch, groups, channels = u
    return scan_flops(batch, length, groups * channels, rates[1])


class _Attention(torch.autograd.Function):
    """What compiled attention keeps: its inputs, its output and one sum per query."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = torch.empty_like(q)
        ctx.save_for_backward(q, k, v, out, q.new_empty(q.shape[:-1]))
        return out


@contextmanager
def _as_kernels() -> Iterator[list[int]]:
    """Attention as compiled kernels do it, and the operations of its definition; `meta` itself keeps all scores."""
    counted: list[int] = []

    def everywhere(q: Tensor, k: Tensor, v: Tensor, **_: Any) -> Tensor:
        counted.append(4 * q.numel() * k.shape[-2])
        return _Attention.apply(q, k, v)

    def nearby(q: Tensor, k: Tensor, v: Tensor, kernel_size: int, scale: float) -> Tensor:
        batch, height, width, heads, dim = q.shape
        counted.append(batch * neighborhood_flops(height, width, kernel_size, heads * dim))
        return _Attention.apply(q, k, v)

    with (
        patch.object(F, "scaled_dot_product_attention", everywhere),
        patch.object(layers, "neighborhood_attention", nearby),
    ):
        yield counted


def _kept(network: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Bytes that forward keeps for backward, beside the weights."""
    weights = {p.untyped_storage()._cdata for p in [*network.parameters(), *network.buffers()]}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), _as_kernels():
        network(*inputs)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _row(cost: Cost) -> tuple[str, ...]:
    return (
        cost.preset,
        " x ".join(map(str, cost.grid)),
        f"{cost.parameters / 1e6:.2f}",
        f"{cost.flops / 1e9:.2f}",
        f"{cost.activations / 1e6:.1f}",
        f"{cost.recomputed / 1e6:.1f}",
        f"{cost.parameters * BYTES_PER_WEIGHT / 1e6:.0f}",
    )
