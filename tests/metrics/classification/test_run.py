"""A run from its prediction tables and models to metrics.json: both ways to hold out, events, occlusion."""

import json

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config import load_run
from signal_diffusion.datasets.pool import Part, Pool
from signal_diffusion.families.classification.evaluate import FITS, evaluate_run, fit_run_baselines
from signal_diffusion.families.classification.model import describe, initial
from signal_diffusion.families.classification.occlude import occlude_run
from signal_diffusion.families.classification.targets import codes_of, targets_of
from signal_diffusion.files import read_json
from signal_diffusion.metrics.classification.tables import Answers, Predictions, write_predictions
from signal_diffusion.training.weights import save_weights

from .material import SUBJECTS, WINDOWS, held_out, write_dataset

RUN = """
[settings]
trainer = "classification"
[dataset]
name = "r"
tasks = ["activity", "age"]
[model]
backbone = "cnn_1d_light"
embedding_dim = 8
depth = 1
[training]
threads = 1
[evaluation]
bootstrap = 40
baselines = ["demographics", "band_power"]
occlusion_windows = 8
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Folder of a run whose tables are there: the split and two folds, true and shuffled; its dataset and config."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "classification").mkdir()
    path = folder / "classification" / "r.toml"
    path.write_text(RUN)
    busy = np.tile(np.repeat(["none", "seizure"], WINDOWS), SUBJECTS)
    (folder / "dataset").mkdir()
    pool = write_dataset(folder / "dataset", seizure=busy)
    rows = held_out(pool, ["activity", "age"])
    for labels in ("true", "shuffled"):
        for fold in ("split", "fold-00", "fold-01"):
            _write(folder / labels / fold / "predictions.csv", pool, rows, fold, labels == "true")
    return folder, load_run(path), pool


def _write(path, pool: Pool, rows: Predictions, fold: str, knows: bool) -> None:
    chosen = rows.rows["split"] == "test" if fold == "split" else rows.rows["fold"] == fold
    places = np.flatnonzero(chosen)
    rng = np.random.default_rng(0)
    busy = (pool.metadata["activity"] == "arithmetic").to_numpy()[places].astype(float)
    p = np.clip(0.5 + knows * 0.25 * (2 * busy - 1) + rng.uniform(-0.4, 0.4, len(places)), 0.01, 0.99)
    pair = np.stack([1 - p, p], axis=1)
    age = rows.tasks["age"].truth[places]
    tasks = {
        "activity": Answers(("rest", "arithmetic"), busy, pair),
        "seizure": Answers(("none", "seizure"), busy, pair),
        "age": Answers((), age, age * knows + rng.normal(0, 5, len(places))),
    }
    write_predictions(path, Predictions(pool.metadata.iloc[places].reset_index(drop=True), tasks))


@pytest.fixture(scope="module")
def metrics(world):
    folder, run, _ = world
    true, shuffled = (sorted((folder / labels).glob("*/predictions.csv")) for labels in ("true", "shuffled"))
    fit_run_baselines(run, folder / "dataset", true, folder / "baselines")
    index = pd.DataFrame({"dataset": "set0", "recording": "s000_arithmetic", "duration": "40"}, index=[0])
    index["events"] = json.dumps({"seizure": [[0, 24]]})
    index.to_csv(folder / "index.csv", index=False)
    arguments = (folder / "baselines", None, [folder / "index.csv"], folder / "metrics.json")
    (folder / "selection.json").write_text('{"chosen": "a"}')
    # The tables of shuffled labels stand in for those of another run, which would be called after its folder.
    told = ([folder / "selection.json"], shuffled)
    evaluate_run(run, folder / "dataset", true, shuffled, *arguments, *told)
    return read_json(folder / "metrics.json")


def test_both_ways_to_hold_out_are_judged(world, metrics):
    folds, split = metrics["protocols"]["folds"], metrics["protocols"]["split"]
    assert (folds["subjects"], split["subjects"]) == (SUBJECTS, 6)
    assert folds["folds"] == ["fold-00", "fold-01"] and split["folds"] == ["split"]
    for protocol in (folds, split):
        scores = protocol["tasks"]["activity"]["levels"]["window"]["scores"]
        beside = world[0].name
        assert list(scores) == ["model", "chance", "shuffled", "band_power", "demographics", beside]
        assert scores[beside] == scores["shuffled"]
        assert scores["model"]["balanced_accuracy"]["low"] > 0.5
        assert (
            scores["model"]["balanced_accuracy"]["value"] > scores["shuffled"]["balanced_accuracy"]["value"]
        )
    assert metrics["selection"] == [{"chosen": "a"}]
    assert metrics["run"] == "r" and metrics["backbone"] == "cnn_1d_light"
    assert metrics["held_out_split"] == "test"


def test_baselines_are_fitted_on_all_that_a_fold_does_not_hold_out(world, metrics):
    fits = read_json(world[0] / "baselines" / FITS)
    per_subject = 2 * WINDOWS
    assert fits["split"]["fits"]["band_power"]["activity"]["split"]["windows"] == 18 * per_subject
    assert fits["folds"]["fits"]["band_power"]["age"]["fold-01"]["windows"] == 12 * per_subject
    assert metrics["protocols"]["split"]["fits"] == fits["split"]["fits"]


def test_events_are_scored_against_the_index_and_else_against_the_windows(metrics):
    events = metrics["protocols"]["folds"]["tasks"]["seizure"]["events"]
    assert events["reference"] == "index"
    # One recording has its event in the index, the other arithmetic ones are of an event from end to end.
    assert events["events"] == SUBJECTS and events["pooled"]["sensitivity"]["value"] == 1
    assert events["pooled"]["false_alarms_per_day"]["value"] > 0
    assert "events" not in metrics["protocols"]["folds"]["tasks"]["activity"]


def test_what_untrained_models_look_at_is_measured(world):
    folder, run, pool = world
    part = Part(pool, np.arange(len(pool)))
    description = describe(run, part, targets_of(codes_of(part.metadata, run.dataset.tasks)))
    models = [folder / "true" / fold / "model.safetensors" for fold in ("split", "fold-00", "fold-01")]
    for seed, path in enumerate(models):
        save_weights(path, initial(description, part, seed).state_dict(), description)
    occlude_run(run, folder / "dataset", models, folder / "occlusion.json")
    found = read_json(folder / "occlusion.json")
    assert found["protocol"] == "folds" and found["windows"] == 16
    assert set(found["tasks"]) == {"activity", "age"}
    assert {record["channel"] for record in found["tasks"]["age"]} == {"C3", "C4", "all"}
    occlude_run(run, folder / "dataset", models, folder / "again.json")
    assert (folder / "again.json").read_bytes() == (folder / "occlusion.json").read_bytes()
