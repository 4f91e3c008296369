"""Quality against network calls, measured on an untrained model at tiny size, and shown."""

from pathlib import Path

import pandas as pd
import pytest
from signal_diffusion.families.diffusion.calls import DEFAULT, measure_calls, points
from signal_diffusion.families.diffusion.generate import generate_run
from signal_diffusion.families.diffusion.train import train_run
from signal_diffusion.files import read_json, write_json
from signal_diffusion.report.calls import sentence, write_calls

from .world import World

DOCS = Path(__file__).resolve().parents[2] / "docs"
CALLS = 'cfg_scale = 2.0\nsolver = "heun"\n[calls]\ncalls = [1, 4]\nnum_samples = 16'


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("calls")
        patch.chdir(root)
        yield World(root)


def test_every_solver_keeps_to_the_calls_and_guidance_counts_twice(world):
    run = world.run("grid", conditioning="gend_hlth_age", inference=CALLS.replace("cfg_scale = 2.0\n", ""))
    assert [(point.name, point.sampling.steps, point.calls) for point in points(run)] == [
        (DEFAULT, 2, 6), ("euler-4", 2, 4), ("heun-4", 1, 2), ("dpmpp_2m-4", 2, 4)
    ]  # fmt: skip


def test_rectified_guidance_stands_beside_the_solvers_with_three_calls_a_step(world):
    lines = (
        'guidance = "rectified-cfg++"\nsolver = "euler"\n[calls]\nsolvers = ["ddim", "euler"]\ncalls = [8]'
    )
    found = points(world.run("rectified", conditioning="gend_hlth_age", inference=lines))
    assert [(point.method, point.calls) for point in found] == [("rectified-cfg++", 6), ("euler", 8)]


def test_ddim_is_compared_where_it_is_no_euler(world):
    lines = "[calls]\ncalls = [3]"
    found = points(world.run("vp", schedule="cosine", inference=lines))
    assert [point.method for point in found] == ["ddim", "euler", "heun", "dpmpp_2m", "ddim"]


def test_a_run_is_measured_and_shown(world, tmp_path):
    run = world.run("measured", samples=16, inference="[calls]\ncalls = [1, 3]\nnum_samples = 16")
    read, model = world.read_by(run), tmp_path / "model.safetensors"
    train_run(run, read["dataset"], None, model, tmp_path / "checkpoints")
    generate_run(run, model, read["dataset"], None, tmp_path / "untrained", untrained=True)
    read_from = model, read["dataset"], None, tmp_path / "untrained", None
    for name in ("calls.json", "again.json"):
        measure_calls(run, *read_from, tmp_path / name)
    found = read_json(tmp_path / "calls.json")
    assert found == read_json(tmp_path / "again.json")
    assert found["images"] == 16 and len(found["points"]) == 7
    write_calls("measured", tmp_path / "calls.json", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "calls.csv")
    assert len(table) == 7 * (1 + len(found["points"][0]["scores"]))
    assert table["default"].sum() == len(table) / 7
    page = (tmp_path / "out" / "README.md").read_text()
    assert sentence(found) in page and (tmp_path / "out" / "calls.png").stat().st_size > 10_000


def test_a_distance_that_has_no_way_is_left_out_of_the_figure(tmp_path):
    found = read_json(DOCS / "calls.json")
    for point in found["points"]:
        point["quality"]["low"] = None
        point["scores"][0] |= {"closed": None, "closed_low": None, "closed_high": None}
    write_json(tmp_path / "calls.json", found)
    write_calls("demo", tmp_path / "calls.json", tmp_path / "out")
    assert pd.read_csv(tmp_path / "out/calls.csv")["closed"].isna().sum() == len(found["points"])
