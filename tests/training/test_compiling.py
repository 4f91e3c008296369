"""Compilation: asked of torch as the plan says, and refused where there is no compiler."""

import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import train
from signal_diffusion.training.optim import OptimizerPlan


def run(toy, folder, task=None, **changes):
    with RunLog(folder) as log:
        return train(task or toy.Toy(), toy.toy_plan(**changes), folder / "checkpoints", {}, log)


@pytest.mark.parametrize("mode", ["default", "max-autotune"])
def test_the_network_of_the_loss_is_the_compiled_one(toy, tmp_path, monkeypatch, mode):
    asked, seen = [], []

    def compiles(model, mode, dynamic):
        assert torch._inductor.config.deterministic and not dynamic
        asked.append(mode)
        return torch.nn.Sequential(model)

    class Watching(toy.Toy):
        def loss(self, model, batch, generator):
            seen.append(model is self.model)
            return super().loss(model, batch, generator)

        def evaluate(self, model, step):
            assert model is self.model
            return super().evaluate(model, step)

    monkeypatch.setattr(torch, "compile", compiles)
    found = run(toy, tmp_path / "a", Watching(), compile_model=True, compile_mode=mode, eval_every=3)
    assert asked == [mode] and seen == [True] + [False] * 18  # the first counts FLOPs
    expected = run(toy, tmp_path / "b")
    assert all(torch.equal(value, found["ema"][name]) for name, value in expected["ema"].items())


class Graphed(torch.nn.Module):
    """Gradients come in memory that the next backward pass writes again, as those of CUDA graphs do."""

    def __init__(self, model, mode, dynamic):
        super().__init__()
        self.model, self.memory = model, {}

    def forward(self, x):
        weights = {name: Static.apply(p, name, self.memory) for name, p in self.model.named_parameters()}
        return torch.func.functional_call(self.model, weights, (x,))


class Static(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight, name, memory):
        ctx.name, ctx.memory = name, memory
        return weight.view_as(weight)

    @staticmethod
    def backward(ctx, gradient):
        kept = ctx.memory.setdefault(ctx.name, torch.empty_like(gradient))
        return kept.copy_(gradient).detach(), None, None


@pytest.mark.parametrize("mode", ["reduce-overhead", "max-autotune"])
def test_micro_batches_add_up_where_cuda_graphs_own_the_gradients(toy, tmp_path, monkeypatch, mode):
    expected = run(toy, tmp_path / "a", accumulation=3)["model"]
    monkeypatch.setattr(torch, "compile", Graphed)
    found = run(toy, tmp_path / "b", accumulation=3, compile_model=True, compile_mode=mode)["model"]
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_a_cpu_without_a_compiler_is_told_so(toy, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match=r"compile_model = true needs a C\+\+ compiler.*set it to false"):
        run(toy, tmp_path, compile_model=True, device="cpu")


@pytest.mark.slow
def test_compiled_networks_resume_exactly_and_learn_what_others_do(toy, tmp_path):
    plan = {"compile_model": True, "accumulation": 1, "checkpoint_every": 4}
    whole = run(toy, tmp_path, **plan)["model"]
    for path in tmp_path.glob("checkpoints/*/step-00000009"):
        path.rename(path.with_name("gone"))
    again = run(toy, tmp_path, **plan)["model"]
    assert all(torch.equal(value, again[name]) for name, value in whole.items())
    steady = [toy.Toy(), toy.Toy()]
    for task in steady:
        task.model[3].p = 0.0  # compiled dropout draws its own numbers
    sgd = {"accumulation": 1, "optimizer": OptimizerPlan("sgd", lr=0.01)}
    plain = run(toy, tmp_path / "plain", steady[0], **sgd)["model"]
    compiled = run(toy, tmp_path / "compiled", steady[1], **plan | sgd)["model"]
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-4, atol=1e-5)
