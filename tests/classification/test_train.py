"""What a training leaves: averaged weights, the best ones, a summary, nothing of the shuffled labels' truth."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from signal_diffusion.datasets.pool import Part, Pool, moments
from signal_diffusion.errors import UserError
from signal_diffusion.families.classification import task
from signal_diffusion.families.classification.prediction import load_classifier
from signal_diffusion.families.classification.sample import held_out, sample
from signal_diffusion.families.classification.targets import codes_of, targets_of
from signal_diffusion.families.classification.train import plan, train_fold
from signal_diffusion.files import sha256

from .conftest import write_dataset


def stats(folder: Path, tag: str) -> list[tuple[int, float]]:
    records = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
    return [(record["step"], record[tag]) for record in records if tag in record]


def test_the_plan_follows_the_documents(make_run):
    text = (
        "keep = 'best'\nearly_stopping = true\neval_strategy = 'epoch'\ncheckpoint_strategy = 'steps'\n"
        "checkpoint_steps = 7\nuse_amp = true\nmax_best_checkpoints = 3\nswa_enabled = true\nclip_grad_norm = 0.5"
    )
    found = plan(make_run(steps=-1, training=text), rows=83)
    per_epoch = 83 // 8
    assert (found.max_steps, found.eval_every, found.checkpoint_every) == (10000 * per_epoch, per_epoch, 7)
    assert (found.keep, found.keep_count, found.patience) == (("val/score", "max"), 3, 5)
    assert (found.precision, found.clip_norm) == ("bf16", 0.5)
    assert found.swa.every == per_epoch and found.swa.steps == 3334 * per_epoch
    assert (found.swa.lr_fraction, found.swa.anneal_steps) == (0.25, int(0.9 * per_epoch))
    last = plan(make_run(training="keep = 'last'\neval_strategy = 'none'"), rows=83)
    assert last.keep is None and last.eval_every == 0 and last.max_steps == 4


@pytest.mark.parametrize(("rows", "batches"), [(3, 1), (11, 1), (13, 2), (83, 10), (87, 11)])
def test_an_epoch_is_as_many_batches_as_come_nearest_to_all_windows(make_run, rows, batches):
    assert plan(make_run(steps=-1), rows).max_steps == 10000 * batches


def test_the_best_weights_are_those_that_were_scored(make_run, datasets, tmp_path):
    """Evaluations by steps, between two epochs: what is kept gives the very score of that step."""
    text = "keep = 'best'\neval_strategy = 'steps'\neval_steps = 3\nmax_best_checkpoints = 2"
    run, dataset = make_run(steps=12, training=text, dataset='val_split = "validation"'), datasets("db-only")
    train_fold(run, dataset, tmp_path / "model.safetensors")
    scores = stats(tmp_path, "val/score")
    best = max(value for _, value in scores)
    from signal_diffusion.families.classification import scores as module

    net, _ = load_classifier(tmp_path / "model.safetensors")
    pool = Pool(dataset)
    train, val = (Part(pool, np.flatnonzero(pool.metadata["split"] == name)) for name in ("train", "val"))
    guessed = module.guesses(net.targets, codes_of(train.metadata, run.dataset.tasks))
    answers = net.answers(val.array(range(len(val))))
    again = module.evaluate(net.targets, answers, codes_of(val.metadata, run.dataset.tasks), guessed)
    assert again["score"] == pytest.approx(best, abs=1e-6)
    assert (tmp_path / "best-2.safetensors").is_file()


def test_validation_losses_are_over_windows_whose_label_is_known(make_run, datasets, tmp_path, monkeypatch):
    """However they are cut into blocks, some of which know no label."""
    dataset = tmp_path / "half"
    shutil.copytree(datasets("timeseries"), dataset)
    table = pd.read_csv(dataset / "val-metadata.csv", keep_default_na=False)
    table.loc[table.index < len(table) // 2, "gender"] = ""
    table.to_csv(dataset / "val-metadata.csv", index=False)
    text = "keep = 'last'\neval_strategy = 'steps'\neval_steps = 1"
    run = make_run("cnn_1d", "timeseries", steps=1, training=text, dataset='val_split = "validation"')
    found = []
    for together in (256, 3):
        monkeypatch.setattr(task, "EVALUATED_TOGETHER", together)
        train_fold(run, dataset, tmp_path / f"{together}/model.safetensors")
        found.append([stats(tmp_path / str(together), f"val/loss{each}") for each in ("", "/gender", "/age")])
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_early_stopping_counts_evaluations_without_a_better_one(make_run, datasets, tmp_path):
    text = (
        "keep = 'best'\neval_strategy = 'steps'\neval_steps = 1\nearly_stopping = true\n"
        "early_stopping_patience = 2"
    )
    train_fold(
        make_run(steps=60, rate=0.5, training=text), datasets("db-only"), tmp_path / "model.safetensors"
    )
    scores = [value for _, value in stats(tmp_path, "val/score")]
    best = int(np.argmax(scores))
    assert len(scores) == best + 1 + 2 < 60


def test_averaged_weights_are_published_with_their_own_batch_norm(make_run, datasets, tmp_path):
    text = "keep = 'last'\nswa_enabled = true\nswa_extra_ratio = 0.5"
    run = make_run("cnn_1d", "timeseries", steps=-1, training=text)
    training = run.training.model_copy(update={"epochs": 4})
    run = run.model_copy(update={"training": training})
    dataset = datasets("timeseries")
    train_fold(run, dataset, tmp_path / "model.safetensors")
    assert stats(tmp_path, "train/loss")[-1][0] == 4 + 2  # one batch an epoch, two epochs more
    net, _ = load_classifier(tmp_path / "model.safetensors")
    part = Part(Pool(dataset, ["train"]), np.arange(8))
    first = net.backbone.blocks[0][0]
    with torch.no_grad():
        x = first[0](net.encode(torch.from_numpy(part.array(range(8)))))
    np.testing.assert_allclose(first[1].running_mean, x.mean((0, 2)), rtol=1e-4, atol=1e-5)


def test_options_of_the_loop(make_run, datasets, tmp_path):
    text = (
        f"keep = 'best'\neval_strategy = 'steps'\neval_steps = 2\ntensorboard = true\nuse_amp = true\n"
        f"metrics_summary_path = '{tmp_path / 'summary.csv'}'\noutput_dir = '{tmp_path / 'out'}'"
    )
    run = make_run(training=text, dataset="shuffle = false", more="[augmentation]\ntime_mask = 0.2")
    train_fold(run, datasets("db-only"))
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert list((tmp_path / "out").glob("tensorboard/tiny/events*"))
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert summary["step"].tolist() == [2, 4]
    assert {"score", "loss", "age/mae", "gender/balanced_accuracy", "loss/age"} <= set(summary.columns)


def test_folds_train_on_other_subjects_and_standardise_by_them(make_run, datasets, tmp_path):
    run = make_run(more='[evaluation]\nfolds = "subject"\nn_folds = 3')
    dataset = datasets("db-only")
    train_fold(run, dataset, tmp_path / "model.safetensors", fold="fold-02")
    net, description = load_classifier(tmp_path / "model.safetensors")
    pool = Pool(dataset)
    held_out = {subject for _, subject in description["held_out"]}
    assert len(held_out) == 4
    others = Part(pool, np.flatnonzero(~pool.metadata["subject"].isin(held_out)))
    np.testing.assert_allclose(net.mean, moments(others)[0], atol=1e-4)
    with pytest.raises(UserError, match='folds: is "none", so there is no fold-02'):
        train_fold(make_run(), dataset, tmp_path / "none.safetensors", fold="fold-02")


def test_groups_are_alike_in_the_labels_of_a_composite_task(make_run, datasets):
    """A composite is no column of the table; the order of the columns decides who is held out by which fold."""
    tasks = {"composite": '["parkinsons_condition", "age"]', "parts": '["health", "gender"]'}
    more = '[evaluation]\nfolds = "subject"\nn_folds = 3'
    found = {}
    for name, each in tasks.items():
        run = make_run(tasks=each, more=more)
        parts = [sample(run, datasets("db-only"), f"fold-0{k}", "true").test for k in (1, 2, 3)]
        found[name] = [held_out(part) for part in parts]
        assert all(part.metadata.drop_duplicates("subject")["gender"].nunique() == 2 for part in parts)
    assert found["composite"] == found["parts"]


def test_who_chooses_weights_takes_the_last_of_no_class_of_a_composite_task(make_run, tmp_path):
    folder = write_dataset(tmp_path / "twelve", "db-only", {"train": 6, "val": 3, "test": 3})
    run = make_run(
        tasks='["parkinsons_condition"]', training='keep = "best"', more='[evaluation]\nfolds = "loso"'
    )
    for number in range(1, 13):
        found = sample(run, folder, f"fold-{number:02d}", "true")
        train, val = (set(codes["parkinsons_condition"]) for codes in (found.codes, found.val_codes))
        assert {code for code in val if code == code} <= train


@pytest.mark.parametrize("fold, who", [("split", "split val"), ("fold-01", "the validation part of fold-01")])
def test_a_validation_part_that_tells_nothing_ends_the_training_at_once(make_run, tmp_path, fold, who):
    folder = write_dataset(tmp_path / "few", "db-only", {"train": 2, "val": 1, "test": 1})
    run = make_run(tasks='["gender"]', training='keep = "best"', more='[evaluation]\nfolds = "loso"')
    with pytest.raises(UserError, match=f"{who} (has one value alone|is empty).*nothing tells the best"):
        sample(run, folder, fold, "true")


def test_shuffled_labels_train_another_model(make_run, datasets, tmp_path):
    for labels in ("true", "shuffled"):
        train_fold(make_run(), datasets("db-only"), tmp_path / labels / "model.safetensors", labels=labels)
    assert sha256(tmp_path / "true" / "model.safetensors") != sha256(
        tmp_path / "shuffled" / "model.safetensors"
    )


def test_a_label_without_two_values_is_refused(datasets):
    metadata = Pool(datasets("db-only")).metadata
    codes = codes_of(metadata.assign(gender="F"), ["gender"])
    with pytest.raises(UserError, match="gender is F in all of them, the training windows; remove the task"):
        targets_of(codes)
    with pytest.raises(UserError, match="the dataset's rows have no emotion, which emotion needs"):
        codes_of(metadata, ["emotion"])
