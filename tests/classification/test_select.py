"""A configuration is chosen by those whom a fold trains on, and who is held out has no part."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config import load_recipe, load_run
from signal_diffusion.config.candidates import candidate_run, candidate_runs
from signal_diffusion.datasets.folds import fold_parts, inner_parts
from signal_diffusion.errors import UserError
from signal_diffusion.families.classification.prediction import load_classifier
from signal_diffusion.families.classification.select import select_fold
from signal_diffusion.families.classification.task import ClassificationTask
from signal_diffusion.families.classification.train import train_fold
from signal_diffusion.files import read_json

from .test_battery import Killed

TRIED = """
[evaluation]
folds = "subject"
n_folds = 3
[selection]
inner_folds = 2
[selection.candidates]
still = { model = { backbone = "cnn_light", embedding_dim = 16 }, optimizer = { learning_rate = 1e-9 } }
moving = {}
"""


@pytest.fixture
def run(make_run):
    return make_run("spectrum", tasks='["activity"]', steps=40, more=TRIED)


def test_the_one_that_learns_is_chosen_trained_and_told(run, datasets, tmp_path):
    dataset, out = datasets("db-only"), tmp_path / "fold-01" / "selection.json"
    select_fold(run, dataset, out, "fold-01")
    found = read_json(out)
    assert found["chosen"] == "moving" and list(found["candidates"]) == ["still", "moving"]
    scores = {name: each["scores"] for name, each in found["candidates"].items()}
    assert [len(each) for each in scores.values()] == [2, 2]
    assert np.mean(scores["moving"]) > max(0.5, np.mean(scores["still"]))
    assert sorted(path.name for path in out.parent.iterdir()) == ["selection.json"]
    train_fold(run, dataset, out.with_name("model.safetensors"), fold="fold-01", selection=out)
    _, description = load_classifier(out.with_name("model.safetensors"))
    assert description["candidate"] == "moving" and description["held_out"] == found["held_out"]


def test_who_is_held_out_has_no_part_in_the_choice(run, datasets, tmp_path):
    first, second = tmp_path / "a" / "selection.json", tmp_path / "b" / "selection.json"
    select_fold(run, datasets("db-only"), first, "fold-01")
    people = {subject for _, subject in read_json(first)["held_out"]}
    other = shutil.copytree(datasets("db-only"), tmp_path / "other")
    for split in ("train", "val", "test"):
        table = pd.read_csv(other / f"{split}-metadata.csv", keep_default_na=False)
        windows, theirs = np.load(other / f"{split}.npy"), table["subject"].isin(people).to_numpy()
        windows[theirs] = 255 - windows[theirs]
        np.save(other / f"{split}.npy", windows)
    select_fold(run, other, second, "fold-01")
    assert read_json(second)["candidates"] == read_json(first)["candidates"]
    select_fold(run, other, second, "fold-02")
    assert read_json(second)["held_out"] != read_json(first)["held_out"]


def test_a_killed_choice_goes_on_and_ends_alike(run, datasets, monkeypatch, tmp_path):
    dataset = datasets("db-only")
    whole, broken = tmp_path / "whole" / "selection.json", tmp_path / "broken" / "selection.json"
    select_fold(run, dataset, whole)
    batch, asked = ClassificationTask.batch, []

    def counted(self, *step):
        asked.append(step)
        if len(asked) == 100:
            raise Killed
        return batch(self, *step)

    monkeypatch.setattr(ClassificationTask, "batch", counted)
    with pytest.raises(Killed):
        select_fold(run, dataset, broken)
    select_fold(run, dataset, broken)
    assert json.loads(broken.read_text()) == json.loads(whole.read_text())
    assert len(asked) < 100 + 3 * 42  # of four trainings, the first two were not begun again


def test_inner_folds_part_the_training_subjects():
    metadata = pd.DataFrame([{"dataset": "d", "subject": f"s{k:02d}"} for k in range(12) for _ in range(3)])
    outer = fold_parts(metadata, "fold-04", "loso", 5, 0, validation=False)
    tested = []
    for number in (1, 2, 3):
        inner = inner_parts(metadata, outer, number, 3, 0, validation=False)
        assert set(inner.train) | set(inner.test) == set(outer.train) and not set(inner.train) & set(
            inner.test
        )
        subjects = [set(metadata["subject"].iloc[rows]) for rows in (inner.train, inner.test)]
        assert not subjects[0] & subjects[1] and "s03" not in subjects[0] | subjects[1]
        tested += sorted(subjects[1])
    assert len(tested) == len(set(tested)) == 11


def test_candidates_are_the_run_but_for_what_they_say(run):
    still = candidate_run(run, "still")
    assert still.optimizer.learning_rate == 1e-9 and still.training == run.training
    assert still.evaluation == run.evaluation and not still.selection.candidates
    assert [each.optimizer.learning_rate for each in candidate_runs(run)] == [
        1e-9,
        run.optimizer.learning_rate,
    ]
    assert candidate_runs(still) == [still]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[selection]\ninner_folds = 4", r"\[selection\] inner_folds: goes with candidates"),
        ("[selection.candidates]\na = {}", "candidates: has one alone"),
        (
            "[selection.candidates]\na = {}\nb = { data = {} }",
            r"\[selection.candidates.b\] data: cannot differ from the run",
        ),
        (
            "[selection.candidates]\na = {}\nb = { model = { depth = 2 } }",
            r"\[selection.candidates\] b: \[model\] depth: spectrum has one shape alone",
        ),
    ],
)
def test_what_cannot_be_chosen_from_ends_in_one_line(make_run, more, message):
    with pytest.raises(UserError, match=message) as caught:
        make_run("spectrum", more=more)
    assert "\n" not in str(caught.value)


def test_a_run_beside_has_the_same_folds(make_run, tmp_path):
    from signal_diffusion.config import check_run

    recipe = load_recipe("demo")
    run = make_run("spectrum", more='[evaluation]\nbeside = ["other"]')
    with pytest.raises(UserError, match="beside: no other run .*other.toml; correct the name"):
        check_run(run, recipe)
    with pytest.raises(UserError, match="beside: no other run .*demo.toml; correct the name"):
        check_run(make_run("spectrum", more='[evaluation]\nbeside = ["../diffusion/demo"]'), recipe)
    with pytest.raises(UserError, match="beside: band_power is what a score of every run is called"):
        check_run(make_run("spectrum", more='[evaluation]\nbeside = ["band_power"]'), recipe)
    text = run.path.read_text().replace('beside = ["band_power"]', 'folds = "loso"')
    run.path.write_text(text.replace('folds = "loso"', 'beside = ["other"]'))
    run.path.with_name("other.toml").write_text(text)
    with pytest.raises(
        UserError, match="other has another evaluation.folds, so that it predicts other windows"
    ):
        check_run(load_run(run.path), recipe)


@pytest.mark.parametrize(
    ("key", "mine", "other", "message"),
    [
        (
            "val_split",
            "",
            'val_split = "test"',
            "other has another dataset.val_split, so that it predicts other",
        ),
        ("tasks", '["gender"]', '["health", "gender"]', "other has another dataset.tasks, in whose classes"),
        ("tasks", '["gender", "age"]', '["gender"]', None),
    ],
)
def test_a_run_beside_holds_out_the_same_people(make_run, key, mine, other, message):
    """Groups are alike in the classes of all tasks, so that those of other tasks hold out others."""
    from signal_diffusion.config import check_run

    folds, keys = '[evaluation]\nfolds = "subject"', {"tasks": "tasks", "val_split": "dataset"}
    given = {keys[key]: other}
    path = make_run("spectrum", more=folds, **given).path
    path.rename(path.with_name("other.toml"))
    run = make_run("spectrum", more=f'{folds}\nbeside = ["other"]', **{keys[key]: mine})
    if message is None:
        check_run(run, load_recipe("demo"))
        return
    with pytest.raises(UserError, match=message):
        check_run(run, load_recipe("demo"))
