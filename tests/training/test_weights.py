import os
import resource
import shutil

import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.training import checkpoints as module
from signal_diffusion.training.checkpoints import Checkpoints, load_checkpoint
from signal_diffusion.training.weights import load_weights, save_weights
from torch import nn


def test_weights_carry_their_config_and_are_the_same_bytes(tmp_path):
    state = {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.ones((), dtype=torch.int64)}
    config = {"widths": [1, 2], "name": "é"}
    save_weights(tmp_path / "1.safetensors", state, config)
    save_weights(tmp_path / "2.safetensors", dict(reversed(state.items())), dict(reversed(config.items())))
    assert (tmp_path / "1.safetensors").read_bytes() == (tmp_path / "2.safetensors").read_bytes()
    found, read = load_weights(tmp_path / "1.safetensors")
    assert read == config
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_tied_weights_come_back_under_both_names(tmp_path):
    model = nn.ModuleDict({"in": nn.Linear(3, 3, bias=False), "out": nn.Linear(3, 3, bias=False)})
    model["out"].weight = model["in"].weight
    save_weights(tmp_path / "w.safetensors", model.state_dict(), {})
    found, _ = load_weights(tmp_path / "w.safetensors")
    assert torch.equal(found["in.weight"], found["out.weight"])


def test_other_files_are_refused_by_name(tmp_path):
    garbage = tmp_path / "w.safetensors"
    garbage.write_bytes(b"not weights")
    for path in (garbage, tmp_path / "missing.safetensors"):
        with pytest.raises(UserError, match=path.name):
            load_weights(path)


def test_rotation_keeps_the_newest(tmp_path):
    checkpoints = Checkpoints(tmp_path, {}, limit=2)
    for step in range(1, 5):
        checkpoints.save(step, {"model": {"w": torch.full((2,), float(step))}}, {"note": [step]})
    assert [path.name for path in checkpoints.all()] == ["step-00000003", "step-00000004"]
    tensors, state = load_checkpoint(checkpoints.latest())
    assert tensors["model"]["w"].tolist() == [4.0, 4.0]
    assert state == {"note": [4], "step": 4}


class Killed(BaseException):
    """What no handler of errors sees."""


def killed_at(patch, number):
    """Die in place of the n-th write, flush, removal (which has removed one file) or renaming."""
    calls = []

    def dying(function):
        def call(path, *arguments, **more):
            calls.append(function)
            if len(calls) <= number:
                return function(path, *arguments, **more)
            for file in sorted(path.glob("*"))[:1] if function is removal else ():
                file.unlink()
            raise Killed

        return call

    removal = shutil.rmtree
    for home, name in ((shutil, "rmtree"), (os, "replace"), (module, "write_tensors"), (module, "_flush")):
        patch.setattr(home, name, dying(getattr(home, name)))


def test_a_kill_while_a_step_is_saved_again_loses_no_checkpoint(tmp_path, monkeypatch):
    pending = []
    for number in range(100):
        checkpoints = Checkpoints(tmp_path / str(number), {}, limit=1)
        checkpoints.prepare()
        checkpoints.save(7, {"model": {"w": torch.ones(2)}}, {"pending": True})
        try:
            with monkeypatch.context() as patch:
                killed_at(patch, number)
                checkpoints.save(7, {"model": {"w": torch.ones(2)}}, {"pending": False})
        except Killed:
            resumed = Checkpoints(tmp_path / str(number), {}, limit=1)
            resumed.prepare()
            pending.append(load_checkpoint(resumed.latest())[1]["pending"])
            assert [path.name for path in resumed.folder.glob("step-*")] == ["step-00000007"]
        else:
            break
    assert len(pending) >= 8 and pending == sorted(pending, reverse=True) and pending[-1] is False


def test_a_renaming_that_fails_loses_no_checkpoint(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, {})
    checkpoints.save(1, {"model": {"w": torch.ones(2)}}, {})

    def refuse(*paths):
        raise OSError("no")

    with monkeypatch.context() as patch, pytest.raises(UserError, match="checkpoint not written"):
        patch.setattr(os, "replace", refuse)
        checkpoints.save(1, {"model": {"w": torch.ones(2)}}, {})
    checkpoints.prepare()
    assert checkpoints.latest().name == "step-00000001"


def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path, {})
    checkpoints.save(1, {"model": {"w": torch.ones(2)}}, {})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(UserError, match="step-00000002: checkpoint not written .* make room"):
            checkpoints.save(2, {"model": {"w": torch.ones(1_000_000)}}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoints.latest().name == "step-00000001"
    assert not list(checkpoints.folder.glob("*.staging"))
