"""What one step does to the weights, when evaluation happens, and what the log says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.training.ema import EmaPlan
from signal_diffusion.training.feed import Share, batches
from signal_diffusion.training.logging import RunLog, rewind
from signal_diffusion.training.loop import Plan, train
from signal_diffusion.training.meters import Meters
from signal_diffusion.training.optim import OptimizerPlan
from torch import nn

LIB = Path(__file__).parents[2] / "lib"


class Line:
    """Least squares on fixed data, without randomness."""

    def __init__(self, parts=1):
        self.model = nn.Linear(4, 1, bias=False)
        self.model.weight.data.copy_(torch.tensor([[1.0, -2.0, 0.5, 3.0]]))
        self.parts, self.seen = parts, []
        self.x = np.random.default_rng(0).standard_normal((16, 4), dtype=np.float32)

    def parameter_groups(self):
        return [{"params": self.model.parameters()}]

    def batch(self, step, micro):
        return [np.array_split(self.x, self.parts)[micro]]

    def loss(self, model, batch, generator):
        out = model(batch[0])
        self.seen.append((out.dtype, generator.initial_seed(), torch.initial_seed()))
        return out.float().square().mean(), {}

    def evaluate(self, model, step):
        assert not torch.is_grad_enabled()
        return {"val/training": float(model.training), "val/weight": float(model.weight.sum())}

    def images(self, model, step):
        return [("eval/samples", np.full((8, 8, 3), step, np.uint8))]


def fit(task, folder, tensorboard=None, **changes):
    plain = {"precision": "no", "threads": 1, "device": "cpu", "clip_norm": None}
    plain["optimizer"] = OptimizerPlan("sgd", lr=0.1, weight_decay=0.0, betas=(0.0, 0.0))
    with RunLog(folder, tensorboard) as log:
        return train(task, Plan(**{**plain, **changes}), folder / "checkpoints", {}, log)


def gradient(task):
    x, w = torch.from_numpy(task.x).double(), torch.tensor([1.0, -2.0, 0.5, 3.0]).double()
    return 2 * x.T @ (x @ w) / len(x)


def step_of(task, final):
    return final["model"]["weight"][0].double() - torch.tensor([1.0, -2.0, 0.5, 3.0]).double()


@pytest.mark.parametrize("parts", [1, 4])
def test_a_step_is_the_gradient_of_the_mean_over_micro_batches(tmp_path, parts):
    task = Line(parts)
    moved = step_of(task, fit(task, tmp_path, max_steps=1, accumulation=parts))
    torch.testing.assert_close(moved, -0.1 * gradient(task), rtol=1e-5, atol=1e-6)


def test_clipping_bounds_the_norm(tmp_path):
    task = Line()
    moved = step_of(task, fit(task, tmp_path, max_steps=1, clip_norm=0.25))
    torch.testing.assert_close(moved, -0.025 * gradient(task) / gradient(task).norm(), rtol=1e-4, atol=1e-6)
    logged = json.loads((tmp_path / "stats.jsonl").read_text())
    assert logged["train/grad_norm"] == pytest.approx(gradient(task).norm().item(), rel=1e-5)


def test_bf16_computes_in_bf16_and_keeps_float32_weights(tmp_path):
    task = Line()
    final = fit(task, tmp_path, max_steps=2, precision="bf16", ema=EmaPlan(update_after_step=0))
    assert {dtype for dtype, *_ in task.seen} == {torch.bfloat16}
    assert {value.dtype for state in final.values() for value in state.values()} == {torch.float32}


def test_every_micro_step_has_its_own_randomness(tmp_path):
    task, again = Line(2), Line(2)
    fit(task, tmp_path / "a", max_steps=5, accumulation=2)
    fit(again, tmp_path / "b", max_steps=5, accumulation=2)
    drawn = task.seen[1:]  # the first counts FLOPs
    assert len({seed for _, seed, _ in drawn}) == len({seed for *_, seed in drawn}) == 10
    assert drawn == again.seen[1:]


def test_evaluation_sees_averages_in_eval_mode(tmp_path):
    task = Line()
    ema = EmaPlan(decay=0.5, update_after_step=-(10**6))
    final = fit(task, tmp_path, max_steps=4, eval_every=2, initial_eval=True, log_every=0, ema=ema)
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    scores = {line["step"]: line for line in lines if "val/weight" in line}
    assert list(scores) == [0, 2, 4]
    assert {score["val/training"] for score in scores.values()} == {0.0}
    assert scores[4]["val/weight"] == pytest.approx(final["ema"]["weight"].sum().item(), rel=1e-6)
    assert scores[4]["val/weight"] != pytest.approx(final["model"]["weight"].sum().item(), rel=1e-3)
    assert task.model.training


def test_the_process_is_left_as_it_was(tmp_path):
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    seen = []

    class Watching(Line):
        def loss(self, model, batch, generator):
            seen.append((torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()))
            return super().loss(model, batch, generator)

    fit(Watching(), tmp_path, max_steps=1, threads=1)
    assert set(seen) == {(1, True)}
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_who_compiles_nothing_does_not_wait_for_the_compiler():
    code = (
        "import sys; from signal_diffusion.training.numerics import numerics\nwith numerics(1, False): pass\n"
    )
    command = [sys.executable, "-c", f"{code}sys.exit('torch._dynamo' in sys.modules)"]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(LIB)}, check=True)


def test_the_log_averages_over_its_interval(tmp_path):
    fit(Line(), tmp_path / "each", max_steps=6, log_every=1)
    fit(Line(), tmp_path / "third", max_steps=6, log_every=3)
    each, third = (
        [json.loads(line) for line in (tmp_path / name / "stats.jsonl").read_text().splitlines()]
        for name in ("each", "third")
    )
    losses = [line["train/loss"] for line in each]
    assert losses == sorted(losses, reverse=True)
    assert [line["step"] for line in third] == [3, 6]
    assert [line["train/loss"] for line in third] == pytest.approx([np.mean(losses[:3]), np.mean(losses[3:])])
    assert third[0]["samples_per_second"] * third[0]["ms_per_step"] == pytest.approx(16e3)


def test_parameters_and_flops_are_said_first(tmp_path, capsys):
    fit(Line(4), tmp_path, max_steps=1, accumulation=4)
    first = capsys.readouterr().err.splitlines()[0]
    flops = 4 * 2 * (2 * 4 * 4)  # 4 micro-batches of 4 x 4, forward and the weight's gradient
    assert first.startswith("4 parameters, 4 trained;")
    assert f"{flops / 1e9:.3g} GFLOPs a step; cpu, 1 threads, mixed precision no" in first


def test_tensorboard_when_asked(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(Line(), tmp_path, tmp_path / "board", max_steps=2, log_every=1, eval_every=2)
    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    assert {"train/loss", "train/lr", "train/grad_norm", "val/weight"} <= set(events.Tags()["scalars"])
    assert events.Tags()["images"] == ["eval/samples"]
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2]


def test_rewind_drops_later_records_and_a_torn_line(tmp_path):
    path = tmp_path / "stats.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    rewind(path, 2)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_rewind_drops_an_evaluation_that_is_made_again(tmp_path):
    path = tmp_path / "stats.jsonl"
    trained, judged = '{"step": 2, "train/loss": 1.0}\n', '{"step": 2, "val/loss": 1.0}\n'
    path.write_text(trained + judged + '{"st')
    rewind(path, 2)
    assert path.read_text() == trained + judged
    rewind(path, 2, judged_again=True)
    assert path.read_text() == trained


def test_what_is_not_finite_and_not_watched_has_no_part_in_a_mean():
    meters = Meters(["loss"])
    meters.add(1, loss=1.0, grad_norm=torch.tensor(torch.inf))
    meters.add(2, loss=3.0, grad_norm=torch.tensor(2.0))
    assert meters.flush() == {"loss": 2.0, "grad_norm": 2.0}
    meters.add(3, loss=1.0, grad_norm=torch.tensor(torch.inf))
    assert meters.flush() == {"loss": 1.0}
    meters.add(4, loss=torch.inf)
    with pytest.raises(UserError, match="loss"):
        meters.flush()


def test_batches_come_in_order_and_their_errors_too():
    class Source:
        def batch(self, step, micro):
            if step == 3:
                raise UserError("no such row")
            return {"a": (np.array([[step, micro]]), "word")}

    found = []
    with pytest.raises(UserError, match="no such row"):
        for step, micros in batches(Source(), range(1, 5), Share(2), torch.device("cpu")):
            found.append((step, [micro.batch["a"][0].tolist() for micro in micros]))
            assert micros[0].batch["a"][1] == "word"
            assert micros[0].rows == 1
    assert found == [(1, [[[1, 0]], [[1, 1]]]), (2, [[[2, 0]], [[2, 1]]])]


@pytest.mark.parametrize("change", [{"precision": "fp8"}, {"max_steps": 0}])
def test_impossible_plans_are_refused(tmp_path, change):
    with pytest.raises(UserError, match=r"training\.m"):
        fit(Line(), tmp_path, **{"max_steps": 1, **change})


class Descent(Line):
    """Scores that are lowest at a step of the test's choice."""

    def __init__(self, lowest):
        super().__init__()
        self.lowest, self.weights = lowest, {}

    def evaluate(self, model, step):
        self.weights[step] = model.weight.detach().clone()
        return {"val/loss": float(abs(step - self.lowest))}


@pytest.mark.parametrize(("lowest", "kept"), [(0, 0), (5, 4), (7, 8), (100, 11)])
def test_the_weights_with_the_lowest_score_are_kept(tmp_path, lowest, kept):
    task = Descent(lowest)
    ema = EmaPlan(decay=0.5, update_after_step=0)
    final = fit(
        task, tmp_path, max_steps=11, eval_every=4, initial_eval=True, keep=("val/loss", "min"), ema=ema
    )
    assert sorted(task.weights) == [0, 4, 8, 11]
    assert torch.equal(final["best"]["weight"], task.weights[kept])
    assert torch.equal(final["ema"]["weight"], task.weights[11])


def test_patience_ends_a_training_that_has_stopped_improving(tmp_path):
    task = Descent(4)
    plan = {"max_steps": 100, "eval_every": 2, "keep": ("val/loss", "min"), "patience": 3}
    final = fit(task, tmp_path, **plan)
    assert sorted(task.weights) == [2, 4, 6, 8, 10]
    assert torch.equal(final["best"]["weight"], task.weights[4])
    again = Descent(4)
    resumed = fit(again, tmp_path, **plan)
    assert not again.weights and torch.equal(resumed["best"]["weight"], final["best"]["weight"])


def test_a_score_that_is_not_there_cannot_choose(tmp_path):
    with pytest.raises(UserError, match="lowest val/loss.*val/weight"):
        fit(Line(), tmp_path, max_steps=2, eval_every=1, keep=("val/loss", "min"))


def test_evaluation_counts_where_it_chooses():
    plans = [Plan(max_steps=4, eval_every=every) for every in (1, 2)]
    assert plans[0].numbers() == plans[1].numbers()
    choosing = [Plan(max_steps=4, eval_every=every, keep=("val/loss", "min")) for every in (1, 2)]
    assert choosing[0].numbers() != choosing[1].numbers()
