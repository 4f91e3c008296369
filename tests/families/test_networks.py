"""Every network of the registry: what all promise. A new one is tested here as soon as it has a row and presets."""

from pathlib import Path

import pytest
import torch
from signal_diffusion.config.diffusion import EXTRAS, model_module
from signal_diffusion.config.presets import presets
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.networks import ARGUMENTS, NETWORKS
from signal_diffusion.fingerprint import fingerprint
from signal_diffusion.training.compiling import compiled

ROOT = Path(__file__).resolve().parents[2]
CONDITION = 6
SHAPES = {"db-only": (1, 16, 16), "db-iq": (3, 24, 16), "db-polar": (3, 16, 24), "timeseries": (1, 5, 64)}
EACH = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def described(name: str, kind: str, channels: int, condition: int = CONDITION) -> dict:
    """The arguments of a network's tiny preset."""
    tables = presets("diffusion")[f"{name}-tiny-{kind}"]["model"]
    return ARGUMENTS[name](EXTRAS[name].model_validate(tables["extras"]), channels, condition)


def tiny(name: str, kind: str = "db-only", condition: int = CONDITION) -> torch.nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name](**described(name, kind, SHAPES[kind][0], condition))


def awake(network: torch.nn.Module) -> torch.nn.Module:
    """The same network with every zero-initialised weight drawn at random."""
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    return network


def inputs(kind: str = "db-only", batch: int = 2) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, *SHAPES[kind], generator=generator)
    return x, torch.rand(batch, generator=generator), torch.randn(batch, CONDITION, generator=generator)


def test_the_registry_and_the_configuration_know_the_same_networks():
    assert set(NETWORKS) == set(ARGUMENTS) == set(EXTRAS)


@pytest.mark.parametrize(
    ("name", "key", "found", "says"),
    [
        (
            "stable-diffusion",
            "cross_attention_dim",
            5,
            "found 5, what it reads is 6 wide; set it to 6 or more",
        ),
        ("stable-diffusion-35", "joint_attention_dim", 5, "found 5, what it reads is 6 wide"),
        ("stable-diffusion-35", "pooled_projection_dim", 9, "found 9, what it reads is 8 wide; remove it"),
    ],
)
def test_widths_that_would_cut_captions_are_refused(name, key, found, says):
    tables = presets("diffusion")[f"{name}-tiny-db-only"]["model"]
    text = {"blocks": [[4, 6]], "pooled": 8}
    for width, fine in ((found, False), (8, True)):
        extras = EXTRAS[name].model_validate({**tables["extras"], key: width})
        if fine:
            ARGUMENTS[name](extras, 1, CONDITION, text)
        else:
            with pytest.raises(UserError, match=rf"\[model.extras\] {key}: {says}"):
                ARGUMENTS[name](extras, 1, CONDITION, text)
            ARGUMENTS[name](extras, 1, CONDITION)  # labels become tokens of any width


@EACH
@pytest.mark.parametrize("kind", SHAPES)
def test_keeps_the_shape_of_any_grid_and_starts_silent(name, kind):
    out = tiny(name, kind)(*inputs(kind))
    assert out.shape == (2, *SHAPES[kind]) and not out.any()


def test_stable_diffusion_3_has_no_norms_of_queries_and_keys():
    """The config.json of the released 3-medium says nothing of qk_norm; 3.5's does."""
    arguments = described("stable-diffusion-35", "db-only", 1)
    arguments["config"] = {**arguments["config"], "qk_norm": None}
    network = NETWORKS["stable-diffusion-35"](**arguments)
    assert network(*inputs()).shape == (2, *SHAPES["db-only"])
    awake(network)(*inputs(), torch.tensor([True, False])).square().mean().backward()
    trained = [p for p in network.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.any() for p in trained)


@EACH
@pytest.mark.parametrize("kind", SHAPES)
def test_fills_a_grid_of_odd_sides_up_with_zeros(name, kind):
    network, (_, time, condition) = awake(tiny(name, kind)).eval(), inputs(kind)
    x = torch.randn(2, SHAPES[kind][0], 13, 11, generator=torch.Generator().manual_seed(2))
    extras = presets("diffusion")[f"{name}-tiny-{kind}"]["model"]["extras"]
    rows, columns = (
        -side % cell for side, cell in zip((13, 11), EXTRAS[name](**extras).coarsest, strict=True)
    )
    whole = network(torch.nn.functional.pad(x, (0, columns, 0, rows)), time, condition)
    assert rows + columns and torch.equal(network(x, time, condition), whole[..., :13, :11])


@EACH
def test_every_parameter_learns_and_stands_in_one_group(name):
    network = awake(tiny(name)).eval()
    out = network(*inputs(), torch.tensor([True, False]))
    out.square().mean().backward()
    trained = {key: p for key, p in network.named_parameters() if p.requires_grad}
    assert [key for key, p in trained.items() if p.grad is None or not p.grad.any()] == []
    groups = network.parameter_groups(0.1)
    assert sorted(id(p) for group in groups for p in group["params"]) == sorted(map(id, trained.values()))
    assert {group["weight_decay"] for group in groups} == {0.0, 0.1}
    assert all(p.ndim >= 2 for group in groups if group["weight_decay"] for p in group["params"])


@EACH
def test_dropped_samples_see_the_learned_null_condition_and_nothing_of_their_own(name):
    network, (x, time, _), drop = awake(tiny(name)).eval(), inputs(), torch.tensor([True, False])
    first, second = (network(x, time, torch.randn(2, CONDITION), drop) for _ in range(2))
    torch.testing.assert_close(first[0], second[0], rtol=0, atol=0)
    assert not torch.equal(first[1], second[1])
    trained = {key: p for key, p in network.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(first[0].sum(), list(trained.values()), allow_unused=True)
    learned = [key for key, gradient in zip(trained, gradients, strict=True) if gradient is not None]
    assert any(key.endswith("null") for key in learned)


@EACH
def test_works_without_a_condition(name):
    network, (x, time, _) = awake(tiny(name, condition=0)).eval(), inputs()
    assert network(x, time).isfinite().all() and network(x, time).any()


@EACH
def test_noise_level_and_place_matter(name):
    network = awake(tiny(name, condition=0)).eval()
    x = torch.ones(1, *SHAPES["db-only"])
    early, late = (network(x, torch.tensor([t])) for t in (0.1, 0.9))
    assert not torch.allclose(early, late)
    rows, columns = early[0, 0, ::4, 0], early[0, 0, 0, ::4]
    assert rows.unique().numel() == len(rows) and columns.unique().numel() == len(columns)


@EACH
def test_a_state_dict_carries_the_whole_network(name):
    network, again = awake(tiny(name)).eval(), NETWORKS[name](**described(name, "db-only", 1)).eval()
    again.load_state_dict(network.state_dict())
    assert torch.equal(network(*inputs()), again(*inputs()))


@EACH
def test_the_same_seed_gives_the_same_weights_steps_and_gradients(name):
    networks = [awake(tiny(name)).train() for _ in range(2)]
    gradients = []
    for network in networks:
        torch.manual_seed(3)
        network(*inputs(), torch.tensor([True, False])).square().mean().backward()
        gradients.append([p.grad for p in network.parameters() if p.requires_grad])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@EACH
def test_recomputing_activations_changes_memory_alone(name):
    results, kept = [], []
    for checkpointing in (False, True):
        network, bytes_kept = awake(tiny(name)).train(), []
        network.checkpointing = checkpointing
        torch.manual_seed(4)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, b=bytes_kept: b.append(x.nbytes) or x, lambda x: x
        ):
            loss = network(*inputs(batch=8), torch.arange(8) < 2).square().mean()
        loss.backward()
        results.append([loss.detach(), *(p.grad for p in network.parameters() if p.requires_grad)])
        kept.append(sum(bytes_kept))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    assert kept[1] < kept[0] / 2


@pytest.mark.slow
@EACH
def test_torch_compiles_it_with_dropout(name):
    tables = presets("diffusion")[f"{name}-tiny-db-only"]["model"]
    dropout = {"dropout_rate": 0.2} if "dropout_rate" in EXTRAS[name].model_fields else {}
    extras = EXTRAS[name].model_validate({**tables["extras"], **dropout})
    network = awake(NETWORKS[name](**ARGUMENTS[name](extras, 1, CONDITION))).train()
    compiled(network, torch.device("cpu"), "default")(*inputs()).square().mean().backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert gradients and all(gradient.isfinite().all() for gradient in gradients)


@EACH
def test_samples_do_not_see_each_other(name):
    network, (x, time, condition) = awake(tiny(name)).eval(), inputs(batch=3)
    whole = network(x, time, condition)
    parts = torch.cat([network(x[i : i + 1], time[i : i + 1], condition[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-5)


@EACH
def test_half_precision_follows_single(name):
    network = awake(tiny(name)).eval()
    with torch.no_grad():
        exact = network(*inputs())
        with torch.autocast("cpu", torch.bfloat16):
            coarse = network(*inputs())
    assert (coarse - exact).abs().mean() < 0.05 * exact.abs().mean()


@EACH
def test_says_what_computes_its_own_operations(name):
    kernels = NETWORKS[name](**described(name, "db-only", 1)).kernels(torch.device("cpu"))
    assert kernels and all(isinstance(value, str) and value for value in kernels.values())


def test_the_code_of_one_network_makes_runs_of_another_no_staler():
    """A network is imported by name, so the registry's own import closure holds none of them."""
    source = (ROOT / "lib/signal_diffusion/families/diffusion/networks.py").read_text()
    assert not [name for name in NETWORKS if f"models.{name} " in source or f"models.{name}\n" in source]
    script = ROOT / "scripts/train_diffusion.py"
    codes = {fingerprint(script, (model_module(name),)) for name in NETWORKS}
    assert len(codes) == len(NETWORKS)
