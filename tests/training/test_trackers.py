"""W&B and MLflow at their seams: modules of a few lines in place of the clients."""

import sys
import types

import numpy as np
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import train
from signal_diffusion.training.trackers import MlFlow, WeightsAndBiases

IMAGE = np.zeros((4, 4), np.uint8)


class Recorder(types.ModuleType):
    """A module whose functions write down their calls."""

    def __init__(self, name, **results):
        super().__init__(name)
        self.__spec__ = types.SimpleNamespace(name=name)
        self.calls, self._results = [], results

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*arguments, **named):
            self.calls.append((name, arguments, named))
            return self._results.get(name)

        return call

    def named(self, name):
        return [(arguments, named) for found, arguments, named in self.calls if found == name]


@pytest.fixture
def wandb(monkeypatch):
    run = Recorder("run")
    run.id = "abc"
    module = Recorder("wandb", init=run, Image="picture")
    module.run = run
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


@pytest.fixture
def mlflow(monkeypatch):
    run = types.SimpleNamespace(info=types.SimpleNamespace(run_id="xyz"))
    module = Recorder("mlflow", start_run=run)
    monkeypatch.setitem(sys.modules, "mlflow", module)
    return module


def fit(toy, folder, tracker, steps=2, **changes):
    with RunLog(folder, trackers=[tracker]) as log:
        train(toy.Toy(), toy.toy_plan(steps, log_every=1, **changes), folder / "checkpoints", {}, log)


def test_wandb_gets_scalars_images_and_the_config(toy, tmp_path, wandb):
    tracker = WeightsAndBiases("project", "name", {"training.seed": 1}, "me", ["tag"])
    fit(toy, tmp_path, tracker, eval_every=2)
    [(_, given)] = wandb.named("init")
    assert given == {
        "project": "project", "name": "name", "entity": "me", "tags": ["tag"], "dir": str(tmp_path),
        "config": {"training.seed": 1}, "id": None, "resume": None,
    }  # fmt: skip
    logged = wandb.run.named("log")
    assert [named["step"] for _, named in logged] == [1, 2, 2, 2]
    assert "train/loss" in logged[0][0][0] and logged[-1][0][0] == {"samples": "picture"}
    assert wandb.run.named("finish") == [((), {"exit_code": 0})]


def test_a_resumed_training_goes_on_in_the_same_wandb_run(toy, tmp_path, wandb):
    task = toy.Toy()
    task.evaluate = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError), RunLog(tmp_path, trackers=[tracker(wandb)]) as log:
        train(task, toy.toy_plan(4, eval_every=2), tmp_path / "checkpoints", {}, log)
    assert wandb.run.named("finish") == [((), {"exit_code": 1})]
    fit(toy, tmp_path, tracker(wandb), 4)
    assert [named["id"] for _, named in wandb.named("init")] == [None, "abc"]


def tracker(_):
    return WeightsAndBiases("project", "name", {})


def test_mlflow_gets_metrics_parameters_and_images(toy, tmp_path, mlflow):
    fit(toy, tmp_path, MlFlow("experiment", "name", {"a": 1}), eval_every=2)
    assert mlflow.named("set_experiment") == [(("experiment",), {})]
    assert mlflow.named("start_run") == [((), {"run_id": None, "run_name": "name"})]
    assert mlflow.named("log_params") == [(({"a": 1},), {})]
    assert [named["step"] for _, named in mlflow.named("log_metrics")] == [1, 2, 2]
    assert mlflow.named("log_image")[0][1] == {"key": "samples", "step": 2}
    assert mlflow.named("end_run") == [(("FINISHED",), {})]


@pytest.mark.parametrize(("kind", "package"), [(WeightsAndBiases, "wandb"), (MlFlow, "mlflow")])
def test_a_missing_client_is_refused_at_the_start(monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("signal_diffusion.packages.find_spec", lambda name: None)
    with pytest.raises(UserError, match=f"{package} is not installed; run pip install {package}, or remove"):
        kind("project", "name", {})
