"""One recipe yields every representation on demand, each stale by what it reads alone."""

import json
import shutil

import numpy as np
import pytest

from .conftest import Project


@pytest.fixture(scope="module")
def built(finished, tmp_path_factory):
    """A copy of the finished project with the other datasets of its recipe."""
    folder = tmp_path_factory.mktemp("representations") / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    project = Project(folder, finished.environment)
    targets = [f"results/dataset/demo-{kind}" for kind in ("db-iq", "db-polar", "timeseries")]
    project.run("snakemake", "--quiet", "rules", "reason", "host", "--", *targets)
    return project


def test_each_representation_is_a_target(built):
    folders = {
        kind: built.folder / f"results/dataset/demo-{kind}" for kind in ("db-only", "db-iq", "timeseries")
    }
    specs = {kind: json.loads((folder / "dataset.json").read_text()) for kind, folder in folders.items()}
    assert {kind: spec["representation"] for kind, spec in specs.items()} == {kind: kind for kind in specs}
    assert len({json.dumps(spec["counts"]) for spec in specs.values()}) == 1
    shapes = {kind: np.load(folder / "train.npy").shape[1:] for kind, folder in folders.items()}
    assert shapes == {"db-only": (1, 32, 32), "db-iq": (3, 32, 32), "timeseries": (8, 512)}
    grey = [np.load(folders[kind] / "test.npy")[:, 0] for kind in ("db-only", "db-iq")]
    assert np.array_equal(*grey)
    splits = {(folder / "splits.csv").read_text() for folder in folders.values()}
    assert len(splits) == 1


def test_time_series_do_not_depend_on_how_images_are_made(built):
    built.edit("config/dataset/demo.toml", lambda text: text.replace("window = 128", "window = 256"))
    assert built.planned("results/dataset/demo-timeseries") == {}
    assert set(built.planned("results/dataset/demo-db-polar")) >= {"shards", "dataset"}
