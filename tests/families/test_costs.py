"""Costs of presets: counted on no device at all, equal to what arithmetic on the formulas gives."""

from pathlib import Path

import pytest
import torch
from signal_diffusion.config.presets import presets
from signal_diffusion.families.diffusion.costs import Cost, described, network_cost, preset_costs, write_costs
from signal_diffusion.families.diffusion.networks import NETWORKS

ROOT = Path(__file__).resolve().parents[2]


def cost_of(name: str, grid: tuple[int, int, int], condition: int = 0, **arguments) -> Cost:
    with torch.device("meta"):
        network = NETWORKS[name](channels=grid[0], condition_width=condition, **arguments)
    return network_cost("x", network, grid, condition)


def test_a_transformer_by_hand():
    """Of 6 x 4 tokens of 8 wide: embedding 2 (256 x 8 + 8 x 8), patches 2 n 4 x 8 twice, each block's projections,
    scores and modulation, the last modulation."""
    tokens, width, hidden = 24, 8, 16
    arguments = {"patch": (2, 2), "heads": 2, "head_dim": 4, "depth": 3, "mlp_ratio": 2.0}
    block = 2 * tokens * width * (4 * width + 2 * hidden) + 4 * tokens**2 * width + 2 * width * 6 * width
    once = 2 * (256 * width + width**2) + 2 * 2 * tokens * 4 * width + 2 * width * 2 * width
    found = cost_of("dit", (1, 12, 8), condition=5, **arguments)
    assert found.flops == 3 * block + once + 2 * 5 * width
    network = NETWORKS["dit"](channels=1, condition_width=5, **arguments)
    assert found.parameters == sum(p.numel() for p in network.parameters())


def test_neighbourhoods_count_their_own_keys_alone():
    level = {"depth": 1, "width": 16, "hidden": 16, "head_dim": 8}
    shared = {"patch": (1, 1), "mapping_width": 8, "mapping_depth": 1}
    flops = {
        kernel: cost_of("hourglass", (1, 32, 24), levels=[{**level, "kernel_size": kernel}], **shared).flops
        for kernel in (3, 5, None)
    }
    tokens = 32 * 24
    assert flops[5] - flops[3] == 4 * tokens * (25 - 9) * 16
    assert flops[None] - flops[3] == 4 * tokens * (tokens - 9) * 16


def test_scans_are_counted_by_their_formula():
    level = {"depth": 1, "width": 8, "inner": 8, "rank": 1, "hidden": 0}
    shared = {"patch": (1, 1), "kernel": 1, "mapping_width": 8, "mapping_depth": 1, "directions": ["h", "v"]}
    few, many = (cost_of("localmamba", (1, 6, 5), levels=[level], states=n, **shared).flops for n in (4, 16))
    scans = 2 * 30 * 8 * 7 * 12  # orders, tokens, channels, operations, more states
    projections = 2 * 2 * 30 * 8 * 2 * 12
    assert many - few == scans + projections


def test_attention_keeps_no_scores():
    """Of n tokens, what is kept grows with n, not with its square."""
    arguments = {"patch": (1, 1), "heads": 2, "head_dim": 4, "depth": 1}
    kept = [cost_of("dit", (1, side, side), **arguments).activations for side in (16, 32)]
    assert 3.5 < kept[1] / kept[0] < 4.5


@pytest.mark.parametrize("name", NETWORKS)
def test_recomputing_keeps_less(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    tables = presets("diffusion")
    monkeypatch.setattr(
        "signal_diffusion.families.diffusion.costs.presets",
        lambda family: {f"{name}-{kind}": tables[f"{name}-tiny-{kind}"] for kind in ("db-iq", "timeseries")},
    )
    found = preset_costs(12, 5, 64)
    assert [cost.grid for cost in found] == [(3, 16, 16), (1, 5, 64)]
    assert all(0 < cost.recomputed < cost.activations and cost.flops > 1e5 for cost in found)


def test_the_page_and_the_table(tmp_path):
    costs = [Cost("a-db-only", (1, 64, 64), 2_000_000, 3_000_000_000, 4_500_000, 1_000_000)]
    table = write_costs(costs, tmp_path)
    assert "| a-db-only | 1 x 64 x 64 | 2.00 | 3.00 | 4.5 | 1.0 | 40 |" in table
    assert (tmp_path / "README.md").read_text().endswith(table)
    assert (tmp_path / "costs.csv").read_text().splitlines()[
        1
    ] == "a-db-only,1 x 64 x 64,2.00,3.00,4.5,1.0,40"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "released"), [("stable-diffusion", 859_520_964), ("stable-diffusion-35", 2_243_171_520)]
)
def test_flagships_of_stable_diffusion_are_as_large_as_the_released_networks(name, released, monkeypatch):
    monkeypatch.chdir(ROOT)
    tables = presets("diffusion")[f"{name}-flagship-db-only"]
    network, grid, _ = described(tables, f"{name}-flagship-db-only", 2048, (19, 2048))
    assert grid[1:] == (32, 32)
    assert sum(p.numel() for key, p in network.named_parameters() if key.startswith("inner.")) == released
