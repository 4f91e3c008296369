"""Several recordings by one process: what is made stays made."""

import errno
import json
import os
from pathlib import Path

import pytest
from signal_diffusion.config.recipe import Channels, Recipe, RecipeTable, Signal, Simulation, Spectrogram
from signal_diffusion.errors import UserError
from signal_diffusion.files import sha256
from signal_diffusion.recordings.batches import Job
from signal_diffusion.recordings.simulate import simulate_subject
from signal_diffusion.signals import batch
from signal_diffusion.signals.batch import shard_batch
from signal_diffusion.signals.shards import read_shard

RECIPE = Recipe(
    name="tiny",
    path=Path("tiny.toml"),
    recipe=RecipeTable(datasets=["demo"]),
    channels=Channels(set="1020-8"),
    signal=Signal(nsamps=512),
    spectrogram=Spectrogram(resolution=32, window=128),
    simulation=Simulation(subjects=3, seconds=10.0),
)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    paths = [path for index in range(2) for path in simulate_subject(RECIPE.simulation, index, folder)]
    return [Job(path.stem, path) for path in paths]


@pytest.fixture
def made(monkeypatch):
    """The recordings that were read, in order."""
    read, make = [], batch.shard_recording

    def heard(path, *rest, **named):
        read.append(path.stem)
        return make(path, *rest, **named)

    monkeypatch.setattr(batch, "shard_recording", heard)
    return read


def test_the_manifest_holds_the_hash_of_every_shard(jobs, tmp_path):
    shard_batch(jobs, RECIPE, tmp_path / "batch-0-of-1.json", ["keys"])
    manifest = json.loads((tmp_path / "batch-0-of-1.json").read_text())
    assert manifest == {job.recording: sha256(tmp_path / f"{job.recording}.safetensors") for job in jobs}
    assert all(len(read_shard(tmp_path / f"{job.recording}.safetensors").starts) for job in jobs)


def test_only_what_has_changed_is_made_again(jobs, tmp_path, made):
    manifest = tmp_path / "batch-0-of-1.json"
    shard_batch(jobs[:3], RECIPE, manifest, ["keys"])
    before, made[:] = manifest.read_bytes(), []
    shard_batch(jobs[:3], RECIPE, manifest, ["keys"])
    assert not made and manifest.read_bytes() == before
    shard_batch(jobs, RECIPE, manifest, ["keys"])
    assert made == [jobs[3].recording]
    made.clear()
    shard_batch(jobs, RECIPE, manifest, ["other keys"])
    assert made == [job.recording for job in jobs]


def test_a_touched_recording_is_read_again_and_gives_the_same_manifest(jobs, tmp_path, made):
    manifest = tmp_path / "batch-0-of-1.json"
    shard_batch(jobs, RECIPE, manifest, [])
    before, made[:] = manifest.read_bytes(), []
    os.utime(jobs[1].path)
    shard_batch(jobs, RECIPE, manifest, [])
    assert made == [jobs[1].recording] and manifest.read_bytes() == before


def test_a_stopped_batch_goes_on_where_it_was(jobs, tmp_path, made, monkeypatch):
    whole = tmp_path / "whole/batch-0-of-1.json"
    shard_batch(jobs, RECIPE, whole, [])
    made.clear()
    heard = batch.shard_recording

    def stopped(path, *rest, **named):
        if len(made) == 2:
            raise KeyboardInterrupt
        return heard(path, *rest, **named)

    monkeypatch.setattr(batch, "shard_recording", stopped)
    manifest = tmp_path / "stopped/batch-0-of-1.json"
    with pytest.raises(KeyboardInterrupt):
        shard_batch(jobs, RECIPE, manifest, [])
    assert not manifest.exists()
    monkeypatch.setattr(batch, "shard_recording", heard)
    shard_batch(jobs, RECIPE, manifest, [])
    assert made == [job.recording for job in jobs] and manifest.read_bytes() == whole.read_bytes()


def test_recordings_may_move_between_batches_but_no_foreign_shard_is_kept(jobs, tmp_path, made):
    shard_batch(jobs, RECIPE, tmp_path / "batch-0-of-1.json", [])
    made.clear()
    shard_batch(jobs[:2], RECIPE, tmp_path / "batch-1-of-2.json", [])
    assert not made
    damaged = tmp_path / f"{jobs[0].recording}.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    (tmp_path / f"{jobs[1].recording}.safetensors").unlink()
    shard_batch(jobs[:2], RECIPE, tmp_path / "batch-1-of-2.json", [])
    assert made == [job.recording for job in jobs[:2]]


def test_a_file_that_is_lost_after_planning_ends_the_job_and_writes_nothing(jobs, tmp_path, made):
    gone = tmp_path / "gone.edf"
    gone.symlink_to("nowhere.edf")
    with pytest.raises(UserError, match="gone.edf: links to a file that is not there"):
        shard_batch([jobs[0], Job("gone", gone)], RECIPE, tmp_path / "batch-0-of-1.json", [])
    assert not made and not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_file_that_the_system_keeps_back_is_read_again_and_the_others_are_made(
    jobs, tmp_path, made, monkeypatch, number
):
    opened, bad, manifest = Path.open, jobs[0].path, tmp_path / "batch-0-of-1.json"

    def keep_back(path, *rest, **named):
        if path == bad:
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *rest, **named)

    with monkeypatch.context() as disk, pytest.raises(UserError, match="cannot be read"):
        disk.setattr(Path, "open", keep_back)
        shard_batch(jobs[:2], RECIPE, manifest, [])
    assert not manifest.exists() and made == [job.recording for job in jobs[:2]]
    shard_batch(jobs[:2], RECIPE, manifest, [])
    assert made[2:] == [jobs[0].recording]
    assert all(len(read_shard(tmp_path / f"{job.recording}.safetensors").starts) for job in jobs[:2])
