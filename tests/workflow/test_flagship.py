"""The flagship, planned at its full size from folders that hold the headers of all its datasets."""

import pytest

from .layouts import write_layouts

# 72, 149, 720 and 1,632 recordings, the last of which take more than eight jobs of 128.
SHARDS = {"math": 8, "parkinsons": 8, "seed": 8, "longitudinal": 16}


@pytest.fixture
def flagship(project):
    write_layouts(project.folder / "data")
    return project


def test_the_flagship_is_planned_from_names_and_tables(flagship):
    plan = flagship.planned("results/diffusion/caption")
    assert plan == {
        "index": 4,
        "shards": sum(SHARDS.values()),
        "dataset": 1,
        "support": 1,
        "encode_captions": 1,
        "train_diffusion": 1,
        "generate": 2,
        "evaluate_diffusion": 1,
        "plot_diffusion": 1,
        "publish_diffusion": 1,
    }
