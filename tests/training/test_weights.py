import resource

import pytest
import torch
from signal_diffusion.errors import UserError
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
