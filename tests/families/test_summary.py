"""The row of a published run: what it is, what one call costs, how fast it trained."""

import json

import pytest
from signal_diffusion.families.diffusion.generate import load_denoiser
from signal_diffusion.families.diffusion.publish import publish_model
from signal_diffusion.families.diffusion.summary import COSTS, described_run, summary_table
from signal_diffusion.families.diffusion.train import train_run
from signal_diffusion.files import write_json

from .world import World

ESTIMATE = {"value": 1.0, "low": 0.5, "high": 1.5}


def scores(closed: float) -> dict:
    return {
        "generated": ESTIMATE, "floor": ESTIMATE, "closed": {**ESTIMATE, "value": closed},
        "baselines": {"untrained": ESTIMATE}, "best_baseline": "untrained",
    }  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("summary")
        patch.chdir(root)
        world = World(root)
        run = world.run("tiny", model="dit", conditioning="gend_hlth_age")
        read = world.read_by(run)
        train_run(run, read["dataset"], None, root / "model.safetensors", root / "checkpoints")
        publish_model(run, read["dataset"], None, root / "model.safetensors", root / "out/tiny/model")
        lines = [
            {"step": 2, "ms_per_step": 100.0},
            {"step": 4, "ms_per_step": 300.0},
            {"step": 4, "val/loss": 1},
        ]
        (root / "out/tiny/stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        yield root / "out/tiny"


def test_parameters_are_those_of_the_weights_and_steps_those_of_the_log(published):
    found = described_run(published)
    denoiser, _, _ = load_denoiser(published / "model/model.safetensors")
    learned = sum(p.numel() for p in denoiser.parameters())
    assert found["parameters"] == learned and found["flops"] > learned
    assert (found["model"], found["conditioning"], found["recipe"]) == ("dit", "gend_hlth_age", "tiny")
    assert (found["steps"], found["steps_per_s"]) == (4, 1000 / 200)
    assert found["minutes"] == pytest.approx((2 * 100 + 2 * 300) / 60_000)


def test_the_best_run_comes_first_and_models_without_one_are_there(published):
    for name, closed in (("poor", 0.2), ("good", 0.9)):
        folder = published.with_name(name)
        folder.mkdir()
        (folder / "model").symlink_to(published / "model")
        distances = {"spectral": {"mmd": scores(closed), "frechet": scores(closed), "kid": scores(closed)}}
        effects = [{"primary": True, "agrees": True}, {"primary": True, "agrees": False}]
        write_json(folder / "metrics.json", {"distances": distances, "effects": effects})
    table = summary_table([published.with_name("poor"), published.with_name("good")])
    rows = table.dropna(subset=["run"])
    assert list(rows["run"]) == ["good", "poor"] * 2 and set(rows["effects"]) == {"1 of 2"}
    assert rows[list(COSTS[:2])].notna().all().all()
    assert "hourglass" in set(table[table["run"].isna()]["model"])
