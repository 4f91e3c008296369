"""Recomputed activations, memory that runs out, and the optimiser of 8 bits."""

import json
import sys
import types

import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import train
from signal_diffusion.training.memory import recompute_activations
from signal_diffusion.training.optim import OptimizerPlan, build_optimizer, flatten_state, restore_state
from torch import nn
from torch.utils.checkpoint import checkpoint


def run(toy, folder, task=None, **changes):
    with RunLog(folder) as log:
        return train(task or toy.Toy(), toy.toy_plan(**changes), folder / "checkpoints", {}, log)


class Recomputed(nn.Sequential):
    """The toy's network, one block that may be recomputed."""

    checkpointing = False
    forwards = 0

    def forward(self, x):
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(self.whole, x, use_reentrant=False)
        return self.whole(x)

    def whole(self, x):
        self.forwards += 1
        return super().forward(x)


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_recomputed_activations_change_no_weight_and_no_identity(toy, tmp_path, precision):
    states, forwards = [], []
    for flag in (False, True):
        task = toy.Toy()
        # Without BatchNorm: recomputing would count each batch twice in its statistics.
        task.model = Recomputed(task.model[0], task.model[2], task.model[3], task.model[4])
        task.parameter_groups = lambda task=task: [{"params": task.model.parameters()}]
        changes = {"gradient_checkpointing": flag, "precision": precision}
        states.append(run(toy, tmp_path / str(flag), task, **changes))
        forwards.append(task.model.forwards)
    assert forwards[1] == 2 * forwards[0]
    for kind, state in states[0].items():
        assert all(torch.equal(value, states[1][kind][name]) for name, value in state.items())
    folders = [next((tmp_path / str(flag) / "checkpoints").glob("*/identity.json")) for flag in (False, True)]
    assert folders[0].parent.name == folders[1].parent.name


def test_a_network_that_cannot_recompute_says_so(toy):
    with pytest.raises(UserError, match="nothing that can be recomputed; remove the key"):
        recompute_activations(toy.Toy().model)


def test_the_networks_of_diffusers_are_asked_in_their_own_way():
    class Theirs(nn.Linear):
        _supports_gradient_checkpointing = True
        asked = False

        def enable_gradient_checkpointing(self):
            self.asked = True

    model = nn.Sequential(Theirs(2, 2))
    recompute_activations(model)
    assert model[0].asked


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore"),
        MemoryError("Unable to allocate 9 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_memory_that_runs_out_ends_in_a_line_with_the_last_checkpoint_intact(toy, tmp_path, error):
    class Growing(toy.Toy):
        def loss(self, model, batch, generator):
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls == 12:  # the first counts FLOPs, then two a step: step 5
                raise error
            return super().loss(model, batch, generator)

    says = (
        r"out of memory at step 5 \(.*\); set training.gradient_checkpointing = true, or lower dataset.batch"
    )
    with pytest.raises(UserError, match=says) as raised:
        run(toy, tmp_path, Growing(), checkpoint_every=4)
    assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.glob("checkpoints/*/step-*")] == ["step-00000004"]
    found, expected = run(toy, tmp_path), run(toy, tmp_path / "whole")
    assert all(torch.equal(value, expected["model"][name]) for name, value in found["model"].items())


def test_a_real_allocation_that_fails_is_recognised(toy, tmp_path):
    class Greedy(toy.Toy):
        def loss(self, model, batch, generator):
            torch.empty(2**60, dtype=torch.uint8)

    with pytest.raises(UserError, match="out of memory at step 0"):
        run(toy, tmp_path, Greedy())


def test_other_errors_keep_their_traceback(toy, tmp_path):
    class Wrong(toy.Toy):
        def loss(self, model, batch, generator):
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        run(toy, tmp_path, Wrong())


def test_the_log_tells_the_peak_of_memory(toy, tmp_path):
    run(toy, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    peaks = [line["peak_memory_gib"] for line in lines if "train/loss" in line]
    assert peaks == sorted(peaks) and 0.05 < peaks[0] < 50


class EightBit(torch.optim.Optimizer):
    """What matters here of bitsandbytes' optimiser: numbers, bytes and dicts in its state, which it loads uncast."""

    def __init__(self, params, lr, betas, eps, weight_decay):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["step"] = state.get("step", 0) + 1
                state["quantised"] = {"state1": (p.grad * 10).to(torch.uint8), "absmax1": p.grad[:1]}

    def load_state_dict(self, state_dict):
        parameters = [p for group in self.param_groups for p in group["params"]]
        self.state.update({parameters[n]: dict(values) for n, values in state_dict["state"].items()})


def test_adamw_8bit_is_bitsandbytes_and_its_state_survives(monkeypatch):
    module = types.ModuleType("bitsandbytes")
    module.optim = types.SimpleNamespace(AdamW8bit=EightBit)
    module.__spec__ = types.SimpleNamespace(name="bitsandbytes")
    monkeypatch.setitem(sys.modules, "bitsandbytes", module)
    weight = nn.Parameter(torch.ones(3))
    plan = OptimizerPlan("adamw_8bit", lr=0.1)
    optimizer, again = (build_optimizer(plan, [{"params": [weight]}]) for _ in range(2))
    weight.grad = torch.full((3,), 0.5)
    optimizer.step()
    assert isinstance(optimizer, EightBit)
    flat = {name: value.clone() for name, value in flatten_state(optimizer).items()}
    restore_state(again, flat)
    assert again.state[weight]["step"] == 1 and isinstance(again.state[weight]["step"], int)
    found = again.state[weight]["quantised"]
    assert (found["state1"].tolist(), found["absmax1"].tolist()) == ([5, 5, 5], [0.5])


def test_adamw_8bit_without_bitsandbytes_is_refused_with_a_remedy(monkeypatch):
    monkeypatch.setattr("signal_diffusion.packages.find_spec", lambda name: None)
    with pytest.raises(UserError, match='bitsandbytes is not installed; run pip install .* "adamw"'):
        build_optimizer(OptimizerPlan("adamw_8bit"), [{"params": [nn.Parameter(torch.ones(1))]}])
