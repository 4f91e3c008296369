"""One process trains a run."""

import pytest
from signal_diffusion.errors import RunHeld
from signal_diffusion.training.checkpoints import discard
from signal_diffusion.training.lock import Lock


def test_who_trains_a_run_is_said(tmp_path):
    with Lock(tmp_path), pytest.raises(RunHeld, match="is being trained by process"), Lock(tmp_path):
        pass


def test_discard_removes_the_folder_unless_it_is_held(tmp_path):
    folder = tmp_path / "checkpoints"
    (folder / "abc" / "step-1").mkdir(parents=True)
    with Lock(folder), pytest.raises(RunHeld):
        discard(folder)
    discard(folder)
    assert not folder.exists()
    discard(folder)
