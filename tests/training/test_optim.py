"""Schedules and averaging against diffusers, whose names they bear; optimisers against their formulas."""

import math

import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.training.ema import Ema, EmaPlan
from signal_diffusion.training.optim import OptimizerPlan, SchedulePlan, build_optimizer, learning_rate
from torch import nn

STEPS = 40


def rates(schedule, lr=0.02):
    return [learning_rate(OptimizerPlan(lr=lr), schedule, step, STEPS) for step in range(STEPS)]


@pytest.mark.parametrize(
    ("name", "warmup", "kwargs"),
    [
        ("constant", 0, {}),
        ("constant_with_warmup", 7, {}),
        ("linear", 7, {}),
        ("cosine", 0, {}),
        ("cosine", 7, {"num_cycles": 1.5}),
        ("polynomial", 7, {"power": 2.0, "lr_end": 1e-3}),
        ("polynomial", 0, {}),
    ],
)
def test_schedules_are_those_of_diffusers(name, warmup, kwargs):
    optimization = pytest.importorskip("diffusers.optimization")
    sgd = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.02)
    maker = optimization.TYPE_TO_SCHEDULER_FUNCTION[optimization.SchedulerType(name)]
    given = {} if name == "constant" else {"num_warmup_steps": warmup}
    given |= {"num_training_steps": STEPS} if name in ("linear", "cosine", "polynomial") else {}
    scheduler = maker(sgd, **given, **kwargs)
    expected = []
    for _ in range(STEPS):
        expected.append(sgd.param_groups[0]["lr"])
        sgd.step()
        scheduler.step()
    assert rates(SchedulePlan(name, warmup, kwargs)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_min_lr_ratio_lifts_the_floor(name):
    plain, lifted = rates(SchedulePlan(name, 4)), rates(SchedulePlan(name, 4, {"min_lr_ratio": 0.1}))
    assert lifted[4:] == pytest.approx([0.002 + 0.9 * rate for rate in plain[4:]])
    assert lifted[:4] == plain[:4]


@pytest.mark.parametrize(
    ("schedule", "formula"),
    [
        (SchedulePlan("constant"), lambda t: 1.0),
        (SchedulePlan("constant_with_warmup", 8), lambda t: 1.0),
        (SchedulePlan("linear", 8), lambda t: 1 - t),
        (SchedulePlan("linear", 8, {"min_lr_ratio": 0.2}), lambda t: 0.2 + 0.8 * (1 - t)),
        (SchedulePlan("cosine", 8), lambda t: (1 + math.cos(math.pi * t)) / 2),
        (SchedulePlan("cosine", 8, {"num_cycles": 2.0}), lambda t: (1 + math.cos(4 * math.pi * t)) / 2),
        (SchedulePlan("polynomial", 8, {"power": 3.0, "lr_end": 0.0}), lambda t: (1 - t) ** 3),
    ],
)
def test_schedules_are_their_formulas_after_a_warm_up_in_every_batch(schedule, formula):
    """Learning rate over its peak, of t from 0 at the end of warm-up to 1 at the last step's end."""
    warmup = schedule.warmup_steps
    ramp = [step / warmup for step in range(warmup)]
    fall = [formula((step - warmup) / (STEPS - warmup)) for step in range(warmup, STEPS)]
    assert rates(schedule, lr=2.0) == pytest.approx([2.0 * each for each in ramp + fall], rel=1e-12)


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (SchedulePlan("step"), "'step' is not known; use one of constant"),
        (SchedulePlan("cosine", 0, {"power": 2}), "scheduler.kwargs.power has no part in 'cosine'"),
        (SchedulePlan("constant", 5), "constant_with_warmup"),
        (SchedulePlan("polynomial", 0, {"lr_end": 1.0}), "lr_end = 1.0 is not below"),
    ],
)
def test_impossible_schedules_are_refused(schedule, says):
    with pytest.raises(UserError, match=says):
        rates(schedule)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_optimisers_take_their_hyper_parameters_and_group_overrides(name):
    weights = [nn.Parameter(torch.full((3,), 2.0)) for _ in range(2)]
    plan = OptimizerPlan(name, lr=0.1, weight_decay=0.5, betas=(0.8, 0.9), eps=1e-3)
    optimizer = build_optimizer(
        plan, [{"params": [weights[0]]}, {"params": [weights[1]], "weight_decay": 0.0}]
    )
    for weight in weights:
        weight.grad = torch.full((3,), 0.4)
    optimizer.step()
    decayed, plain = (weight[0].item() for weight in weights)
    steps = {  # the first step by hand: Adam's is gradient / (|gradient| + eps)
        "adamw": (2 * (1 - 0.05) - 0.1 * 0.4 / 0.401, 2 - 0.1 * 0.4 / 0.401),
        "adam": (2 - 0.1 * 1.4 / 1.401, 2 - 0.1 * 0.4 / 0.401),
        "sgd": (2 - 0.1 * 1.4, 2 - 0.1 * 0.4),
    }
    assert (decayed, plain) == pytest.approx(steps[name], rel=1e-6)
    if name == "sgd":
        assert optimizer.param_groups[0]["momentum"] == 0.8


def test_momentum_begins_with_the_first_step_that_fp16_does_not_skip():
    weight = nn.Parameter(torch.ones(4096))
    plan = OptimizerPlan("sgd", lr=0.1, weight_decay=0.0, betas=(0.9, 0.9))
    optimizer, scaler = (
        build_optimizer(plan, [{"params": [weight]}], scaled=True),
        torch.amp.GradScaler("cpu"),
    )
    for slope in (torch.inf, 2.0):
        torch.full((4096,), 7.0)  # leaves memory behind
        scaler.scale((weight * slope).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
    torch.testing.assert_close(weight.detach(), torch.full((4096,), 0.8))


def test_half_precision_master_weights_are_refused():
    with pytest.raises(ValueError, match="bfloat16"):
        build_optimizer(OptimizerPlan(), [{"params": [nn.Parameter(torch.zeros(1, dtype=torch.bfloat16))]}])


@pytest.mark.parametrize("warmup", [True, False])
def test_decay_is_that_of_diffusers(warmup):
    training_utils = pytest.importorskip("diffusers.training_utils")
    theirs = training_utils.EMAModel(
        [], decay=0.98, update_after_step=5, use_ema_warmup=warmup, inv_gamma=2.0, power=0.7
    )
    ours = EmaPlan(decay=0.98, power=0.7, inv_gamma=2.0, update_after_step=5, use_warmup=warmup)
    for step in range(1, 2000):
        assert ours.decay_at(step) == theirs.get_decay(step)


def test_average_follows_its_formula():
    model = nn.Linear(3, 2)
    ema = Ema(EmaPlan(decay=0.9, update_after_step=1), model)
    expected = None
    for step in range(1, 12):
        with torch.no_grad():
            model.weight.add_(torch.randn(2, 3, generator=torch.Generator().manual_seed(step)))
        ema.update(step)
        decay = min(0.9, 1 - (1 + step - 2) ** -0.75) if step > 2 else 0.0
        weight = model.weight.detach().double()
        expected = weight if decay == 0 else decay * expected + (1 - decay) * weight
    torch.testing.assert_close(ema.state_dict(model)["weight"].double(), expected, rtol=1e-6, atol=1e-6)


def test_average_moves_where_bfloat16_would_stand_still():
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    ema = Ema(EmaPlan(decay=0.999, update_after_step=-(10**9)), model)
    model.weight.data.fill_(1.5)
    for step in range(1000):
        ema.update(step)
    assert ema.averages()["weight"].item() == pytest.approx(1.5 - 0.5 * 0.999**1000, abs=1e-4)


def test_averages_are_lent_to_the_model_and_taken_back():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    ema = Ema(EmaPlan(decay=0.5, update_after_step=0), model)
    model[0].weight.data.add_(1)
    model[1].running_mean.fill_(7.0)
    before = model[0].weight.detach().clone()
    averaged = ema.state_dict(model)
    with ema.applied():
        torch.testing.assert_close(model[0].weight, before - 1)
        assert torch.equal(averaged["0.weight"], model[0].weight)
    assert torch.equal(model[0].weight, before)
    assert averaged["1.running_mean"].tolist() == [7.0, 7.0]
