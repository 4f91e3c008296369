"""Stochastic weight averaging against torch's own, which is its definition (Izmailov et al. 2018)."""

import json

import numpy as np
import pytest
import torch
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import train
from signal_diffusion.training.optim import OptimizerPlan, SchedulePlan
from signal_diffusion.training.plan import Plan, SwaPlan
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

STEPS, EVERY, EXTRA, ANNEAL, LR = 6, 3, 9, 2, 0.05
SCHEDULE = SchedulePlan("cosine", 2, {"min_lr_ratio": 0.1})


class Normed:
    """Regression through a BatchNorm, on batches that are dicts."""

    def __init__(self):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
        self.x = np.random.default_rng(1).standard_normal((EVERY, 16, 4)).astype(np.float32)
        self.seen = {}

    def parameter_groups(self):
        return [{"params": self.model.parameters()}]

    def batch(self, step, micro):
        return {"x": self.x[step % EVERY]}

    def loss(self, model, batch, generator):
        return (model(batch["x"]) - batch["x"].sum(1, keepdim=True)).square().mean(), {}

    def evaluate(self, model, step):
        self.seen[step] = {name: value.clone() for name, value in model.state_dict().items()}
        return {"val/loss": 1.0}

    def images(self, model, step):
        return []


def torchs_own():
    """The same training with torch's scheduler, averages and `update_bn`, and its rates."""
    task, rates = Normed(), []
    sgd = torch.optim.SGD(task.model.parameters(), lr=LR, momentum=0.9)
    cosine = torch.optim.lr_scheduler.LambdaLR(sgd, factor)
    averaged, swalr = AveragedModel(task.model), None
    for step in range(STEPS + EXTRA):
        if step == STEPS:
            swalr = SWALR(sgd, LR * 0.25, ANNEAL, "linear")
        rates.append(sgd.param_groups[0]["lr"])
        batch = {"x": torch.from_numpy(task.batch(step, 0)["x"])}
        sgd.zero_grad()
        task.loss(task.model, batch, None)[0].backward()
        sgd.step()
        (swalr or cosine).step()
        if step >= STEPS and (step + 1 - STEPS) % EVERY == 0:
            averaged.update_parameters(task.model)
    update_bn([torch.from_numpy(x) for x in task.x], averaged)
    return averaged.module.state_dict(), rates


def factor(step):
    if step < 2:
        return step / 2
    return 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * (step - 2) / (STEPS - 2)))


def fit(folder, task=None, **changes):
    plan = Plan(
        STEPS,
        **{
            "precision": "no", "threads": 1, "device": "cpu", "clip_norm": None, "log_every": 1,
            "optimizer": OptimizerPlan("sgd", LR, 0.0, (0.9, 0.999)), "schedule": SCHEDULE,
            "swa": SwaPlan(EXTRA, EVERY, 0.25, ANNEAL),
        } | changes,
    )  # fmt: skip
    with RunLog(folder) as log:
        return train(task or Normed(), plan, folder / "checkpoints", {}, log)


def test_it_is_torchs_swalr_averages_and_update_bn(tmp_path):
    expected, rates = torchs_own()
    found = fit(tmp_path)["swa"]
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert [line["train/lr"] for line in lines] == pytest.approx(rates, rel=1e-9)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)


def test_averages_are_what_is_evaluated_and_the_training_goes_on_unharmed(tmp_path):
    task = Normed()
    found = fit(tmp_path / "seen", task, eval_every=2)
    assert sorted(task.seen) == [2, 4, 6, 9, 12, 15]
    for name, value in found["swa"].items():
        assert torch.equal(task.seen[15][name], value)
    for name, value in fit(tmp_path / "unseen")["model"].items():
        assert torch.equal(found["model"][name], value)
    first = fit(tmp_path / "first", swa=SwaPlan(EVERY, EVERY, 0.25, ANNEAL))["model"]
    assert torch.equal(task.seen[9]["0.weight"], first["0.weight"])
    assert not torch.equal(task.seen[9]["1.running_mean"], first["1.running_mean"])


def test_statistics_are_those_of_the_network_without_dropout(tmp_path):
    class Dropping(Normed):
        def __init__(self):
            super().__init__()
            self.model = nn.Sequential(nn.Dropout(0.5), *self.model)

    task = Dropping()
    state = fit(tmp_path, task)["swa"]
    z = [torch.from_numpy(x) @ state["1.weight"].T + state["1.bias"] for x in task.x]
    expected = torch.stack([each.double().mean(0) for each in z]).mean(0)
    torch.testing.assert_close(state["2.running_mean"].double(), expected, rtol=1e-4, atol=1e-5)
    variances = torch.stack([each.double().var(0) for each in z]).mean(0)
    torch.testing.assert_close(state["2.running_var"].double(), variances, rtol=1e-4, atol=1e-5)


def test_early_stopping_hands_over_to_the_averages(tmp_path):
    task = Normed()
    found = fit(tmp_path, task, keep=("val/loss", "min"), eval_every=1, patience=2)
    assert sorted(task.seen) == [1, 2, 3, 6, 9, 12]
    assert set(found) == {"model", "best", "swa"}
    assert torch.equal(found["best"]["0.weight"], task.seen[1]["0.weight"])
    assert torch.equal(found["swa"]["1.running_var"], task.seen[12]["1.running_var"])


@pytest.mark.parametrize(
    ("epochs", "ratio", "extra"), [(30, 1 / 3, 10), (30, 0.34, 11), (30, 0.1, 3), (1, 0.1, 1), (25, 0.34, 9)]
)
def test_extra_epochs_are_the_ratio_rounded_up(epochs, ratio, extra):
    plan = SwaPlan.of_epochs(epochs, 20, ratio, 0.25)
    assert plan == SwaPlan(extra * 20, 20, 0.25, 18)


def test_a_plan_without_an_average_is_refused():
    with pytest.raises(ValueError, match="hold none"):
        SwaPlan(2, 3)
