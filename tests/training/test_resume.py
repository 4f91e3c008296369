"""A resumed run equals an unbroken one, bit for bit, and only what is whole and its own is resumed."""

import json
import os
import shutil
import signal
import time

import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.training.checkpoints import Checkpoints
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import train
from signal_diffusion.training.optim import OptimizerPlan, SchedulePlan
from signal_diffusion.training.plan import SwaPlan

VARIANTS = {
    "adamw": {},
    "sgd": {"optimizer": OptimizerPlan("sgd", lr=0.01), "schedule": SchedulePlan("linear")},
    "adam-bf16": {"optimizer": OptimizerPlan("adam", lr=0.01), "precision": "bf16"},
    "fp16": {"precision": "fp16"},
    "no-ema": {"ema": None, "clip_norm": None},
    "best": {"keep": ("val/loss", "min"), "eval_every": 3, "patience": 2},
    "best-3": {"keep": ("val/loss", "max"), "keep_count": 3, "eval_every": 2, "ema": None},
    "swa": {"swa": SwaPlan(4, 2, anneal_steps=1), "eval_every": 4},
    "early-swa": {"keep": ("val/loss", "min"), "eval_every": 1, "patience": 1, "swa": SwaPlan(2, 1)},
}

KINDS = {
    "no-ema": {"model"},
    "best": {"model", "ema", "best"},
    "best-3": {"model", "best", "best-2", "best-3"},
    "swa": {"model", "ema", "swa"},
    "early-swa": {"model", "ema", "best", "swa"},
}


def run(toy, folder, plan, identity=None, task=None):
    with RunLog(folder) as log:
        return train(task or toy.Toy(), plan, folder / "checkpoints", identity or {}, log)


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for kind in expected:
        assert found[kind].keys() == expected[kind].keys()
        for name, value in expected[kind].items():
            assert torch.equal(found[kind][name], value), (kind, name)


def numbers(folder):
    """The log without what depends on the clock and the process."""
    clock = {"time", "ms_per_step", "samples_per_second", "peak_memory_gib"}
    lines = (folder / "stats.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in clock} for line in lines]


@pytest.mark.parametrize("variant", VARIANTS)
def test_resume_is_exact_at_every_step(toy, tmp_path, variant, steps=9):
    plan = toy.toy_plan(steps, checkpoint_limit=None, **VARIANTS[variant])
    whole = tmp_path / "whole"
    expected = run(toy, whole, plan)
    assert {*expected} == KINDS.get(variant, {"model", "ema"})
    saved = [int(path.name.removeprefix("step-")) for path in sorted(whole.glob("checkpoints/*/step-*"))]
    assert saved == list(range(1, saved[-1] + 1))
    for step in saved[:-1]:
        broken = tmp_path / f"broken-{step}"
        shutil.copytree(whole, broken)
        for checkpoint in broken.glob("checkpoints/*/step-*"):
            if int(checkpoint.name.removeprefix("step-")) > step:
                shutil.rmtree(checkpoint)
        assert_equal(run(toy, broken, plan), expected)
        assert numbers(broken) == numbers(whole)
        shutil.rmtree(broken)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["adamw", "best-3", "swa"])
def test_resume_is_exact_at_each_of_40_steps(toy, tmp_path, variant):
    test_resume_is_exact_at_every_step(toy, tmp_path, variant, steps=40)


def test_cadence_and_evaluation_change_no_weight(toy, tmp_path):
    expected = run(toy, tmp_path / "a", toy.toy_plan())
    plan = toy.toy_plan(log_every=5, checkpoint_every=0, eval_every=2, initial_eval=True)
    assert_equal(run(toy, tmp_path / "b", plan), expected)


def test_a_finished_run_is_read_back(toy, tmp_path):
    expected = run(toy, tmp_path, toy.toy_plan())
    task = toy.Toy()
    task.batch = None
    assert_equal(run(toy, tmp_path, toy.toy_plan(), task=task), expected)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "no manifest"])
def test_a_damaged_newest_checkpoint_is_passed_over(toy, tmp_path, capsys, damage):
    expected = run(toy, tmp_path, toy.toy_plan())
    newest = sorted(tmp_path.glob("checkpoints/*/step-*"))[-1]
    file = newest / "optimizer.safetensors"
    content = file.read_bytes()
    if damage == "flip":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "truncate":
        file.write_bytes(content[:-1])
    else:
        (file if damage == "remove" else newest / "manifest.json").unlink()
    capsys.readouterr()
    assert_equal(run(toy, tmp_path, toy.toy_plan()), expected)
    said = capsys.readouterr().err
    assert f"{newest} is passed over" in said
    assert ("manifest.json" if damage == "no manifest" else "optimizer.safetensors") in said
    assert "step-00000008" in said


def test_a_damaged_checkpoint_takes_no_later_ones_place(toy, tmp_path):
    checkpoints = Checkpoints(tmp_path, {}, limit=1)
    for step in (3, 9):
        checkpoints.save(step, {"model": {"w": torch.ones(1)}}, {})
    (checkpoints.folder / "step-00000009/manifest.json").unlink()
    assert checkpoints.latest() is None
    for step in (4, 6):
        assert checkpoints.save(step, {"model": {"w": torch.ones(1)}}, {}) == checkpoints.latest()
    assert [path.name for path in checkpoints.all()] == ["step-00000006", "step-00000009"]


def test_another_config_starts_anew(toy, tmp_path):
    run(toy, tmp_path, toy.toy_plan(), {"width": 1})
    run(toy, tmp_path, toy.toy_plan(), {"width": 2})
    run(toy, tmp_path, toy.toy_plan(seed=1), {"width": 2})
    run(toy, tmp_path, toy.toy_plan(log_every=1, checkpoint_every=3, eval_every=4), {"width": 2})
    identities = [json.loads(path.read_text()) for path in tmp_path.glob("checkpoints/*/identity.json")]
    assert sorted((i["task"]["width"], i["plan"]["seed"]) for i in identities) == [(1, 42), (2, 1), (2, 42)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_signal_leaves_a_checkpoint_of_that_very_step(toy, tmp_path, capsys, number, code):
    class Stopped(toy.Toy):
        def loss(self, model, batch, generator):
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls == 8:  # the first counts FLOPs, then two a step: the fourth step
                os.kill(os.getpid(), number)
            return super().loss(model, batch, generator)

    before = signal.getsignal(number)
    plan = toy.toy_plan(checkpoint_every=0)
    with pytest.raises(SystemExit) as stopped:
        run(toy, tmp_path, plan, task=Stopped())
    assert stopped.value.code == code
    assert signal.getsignal(number) == before
    assert f"stopped by signal {number.value} at step 4, checkpoint written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("checkpoints/*/step-*")] == ["step-00000004"]
    assert_equal(run(toy, tmp_path, plan), run(toy, tmp_path / "whole", plan))


@pytest.mark.parametrize(("at", "before"), [(0, []), (6, [0, 3])])
def test_a_stop_signal_ends_an_evaluation_at_once_and_it_is_made_up_for(toy, tmp_path, at, before):
    class Slow(toy.Toy):
        def evaluate(self, model, step):
            for _ in range(2000 if step == at else 0):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.01)
            return super().evaluate(model, step)

    plan = toy.toy_plan(checkpoint_every=0, initial_eval=True, **{**VARIANTS["best"], "patience": 0})
    with pytest.raises(SystemExit) as stopped:
        run(toy, tmp_path, plan, task=Slow())
    assert stopped.value.code == 143
    assert [path.name for path in tmp_path.glob("checkpoints/*/step-*")] == [f"step-{at:08d}"]
    assert [line["step"] for line in numbers(tmp_path) if "val/loss" in line] == before
    assert_equal(run(toy, tmp_path, plan), run(toy, tmp_path / "whole", plan))
    assert numbers(tmp_path) == numbers(tmp_path / "whole")


@pytest.mark.parametrize("place", ["loss", "gradient"])
def test_divergence_names_its_step_and_leaves_the_last_checkpoint(toy, tmp_path, place):
    class Diverging(toy.Toy):
        def loss(self, model, batch, generator):
            loss, scalars = super().loss(model, batch, generator)
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls == 12:  # the first counts FLOPs, then two a step: step 5
                poison = torch.tensor(float("nan"))
                loss = loss * poison if place == "loss" else loss + (loss * 0).sqrt() * 0
            return loss, scalars

    name = "loss" if place == "loss" else "grad_norm"
    with pytest.raises(UserError, match=rf"{name} is nan at step 5.*learning_rate"):
        run(toy, tmp_path, toy.toy_plan(checkpoint_every=4, log_every=100), task=Diverging())
    assert [path.name for path in tmp_path.glob("checkpoints/*/step-*")] == ["step-00000004"]
    assert_equal(run(toy, tmp_path, toy.toy_plan()), run(toy, tmp_path / "whole", toy.toy_plan()))


def test_nothing_written_is_a_pickle(toy, tmp_path):
    run(toy, tmp_path, toy.toy_plan())
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"]
    assert {path.suffix for path in files} == {".json", ".jsonl", ".safetensors"}
