"""Classification runs: every documented key is honoured or refused, and what contradicts itself is refused."""

import pytest
from signal_diffusion.config import (
    check_run,
    check_workflow,
    load_recipe,
    load_run,
    load_settings,
    representation,
)
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.fields import STAGES, metadata
from signal_diffusion.config.presets import presets
from signal_diffusion.config.stages import stage_keys
from signal_diffusion.datasets.labels import check_tasks
from signal_diffusion.errors import UserError

from .documented import REQUIRED
from .documented_classification import CLASSIFICATION, CLASSIFICATION_VALUES
from .test_documented_keys import ROOT, at, check, field_of, honoured, read_names
from .test_stages import fields

RUN = "config/classification/x.toml"
TEXT = """
[settings]
trainer = "classification"
[dataset]
name = "tiny"
tasks = ["gender", "age"]
[model]
backbone = "cnn_light"
"""
EXAMPLE = """
[settings]
config = "config/default.toml"
trainer = "classification"
[data]
output_type = "db-only"
data_type = "spectrogram"
[dataset]
name = "tiny"
train_split = "train"
val_split = "validation"
tasks = ["gender", "health", "age"]
batch_size = 32
shuffle = true
[model]
backbone = "cnn_light"
input_channels = 1
embedding_dim = 384
dropout = 0.43
depth = 3
layer_repeats = 3
[optimizer]
name = "adamw"
learning_rate = 0.0002
weight_decay = 0.009
betas = [0.9, 0.995]
[scheduler]
name = "cosine"
warmup_steps = 100
[scheduler.kwargs]
min_lr_ratio = 0.03
[training]
epochs = 15
max_steps = -1
clip_grad_norm = 1.0
log_every_batches = 5
tensorboard = true
eval_strategy = "steps"
eval_steps = 100
checkpoint_strategy = "steps"
checkpoint_steps = 100
checkpoint_total_limit = 3
compile_model = true
compile_mode = "default"
swa_enabled = false
[training.task_weights]
gender = 2.0
health = 1.0
age = 0.05
"""
RESOLVED = {"extends", "settings.config", "settings.trainer", "data.output_type", "data.data_type"}


SHIPPED = sorted((ROOT / "config" / "classification").glob("*.toml"))


@pytest.fixture
def project(project):
    project.write(RUN, TEXT)
    return project


@pytest.mark.parametrize(("key", "default", "claim"), CLASSIFICATION, ids=[row[0] for row in CLASSIFICATION])
def test_every_key(project, key, default, claim):
    check(project, RUN, key, claim, lambda: load_run(RUN))


@pytest.mark.parametrize(("key", "value"), CLASSIFICATION_VALUES)
def test_values(project, key, value):
    project.change(RUN, key, f'"{value}"')
    if value in ("cnn_1d", "cnn_1d_light"):
        project.change(RUN, "data.data_type", '"timeseries"')
    assert at(load_run(RUN), key) == value


@pytest.mark.parametrize(
    ("key", "default"),
    [row[:2] for row in CLASSIFICATION if "kwargs" not in row[0] and row[0] != "dataset.num_workers"],
)
def test_defaults(key, default):
    field = field_of(ClassificationRun, key)
    assert field.is_required() == (default is REQUIRED)
    assert default is REQUIRED or field.default == default


def test_every_accepted_key_is_read_by_code():
    read = read_names()
    ignored = [
        key
        for key in honoured(ClassificationRun)
        if key.rpartition(".")[2] not in read and key not in RESOLVED
    ]
    assert not ignored


def test_every_key_says_what_it_means():
    for table, name, field in fields(ClassificationRun):
        if table != "ClassificationRun":
            assert field.description and field.description.endswith("."), (table, name)
            assert set(metadata(field)["stage"]) <= set(STAGES), (table, name)


def test_the_documents_example(project):
    project.write(RUN, EXAMPLE)
    run = load_run(RUN)
    check_run(run, load_recipe("tiny"))
    check_workflow(run, load_settings())
    assert (run.dataset.val_split, run.training.task_weights["age"]) == ("val", 0.05)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dataset.tasks": '["age", "age"]'}, "[dataset] tasks: names a task twice"),
        ({"dataset.val_split": '"train"'}, "[dataset] val_split: is the training split"),
        ({"training.eval_strategy": '"steps"'}, '[training] eval_steps: eval_strategy is "steps"'),
        ({"training.eval_steps": "3"}, '[training] eval_steps: goes with eval_strategy = "steps"'),
        ({"training.eval_strategy": '"none"'}, '[training] keep: eval_strategy is "none"'),
        ({"training.max_steps": "0"}, "[training] max_steps: trains nothing"),
        ({"training.task_weights": "{ health = 1.0 }"}, "[training] task_weights: health is not among"),
        ({"training.focal_tasks": '["health"]'}, "[training] focal_tasks: health is not among"),
        (
            {"training.focal_alpha": "{ gender = [1.0, 2.0] }"},
            "[training.focal_alpha] gender: is not among focal_tasks",
        ),
        ({"training.wandb_entity": '"me"'}, "[training] wandb_entity: goes with wandb_project"),
        ({"training.run_name": '"y"'}, "[training] run_name: the run is called after its file"),
        (
            {"model.backbone": '"EEGNet"', "model.depth": "2"},
            "[model] depth: eegnet has one shape alone",
        ),
        ({"model.extras.num_heads": "2"}, "[model.extras] num_heads: cnn_light has none"),
        ({"model.backbone": '"transformer"', "model.extras.num_heads": "3"}, "num_heads: does not divide"),
        ({"model.backbone": '"transformer"', "model.extras.seq_length": "9"}, "it follows from the dataset"),
        ({"evaluation.n_folds": "3"}, '[evaluation] n_folds: goes with folds = "subject"'),
        (
            {"evaluation.folds": '"subject"', "evaluation.n_folds": "2"},
            "[evaluation] n_folds: evaluations choose the weights, which takes 3 groups or more; set that, or",
        ),
        (
            {"selection.candidates": "{ a = {}, b = {} }", "selection.inner_folds": "2"},
            "[selection] inner_folds: evaluations choose the weights, which takes 3 groups",
        ),
        (
            {"dataset.shuffle": "false", "dataset.weighted": "true"},
            "[dataset] weighted: shuffle is false, so that nothing is drawn",
        ),
        (
            {"model.backbone": '"transformer"', "model.extras.patch_size": "0"},
            "[model.extras] patch_size: is one number or [height, width], each 1 or more",
        ),
        ({"training.label_smoothin": "0.1"}, "unknown key; did you mean label_smoothing?"),
    ],
)
def test_contradictions_end_in_one_line(project, keys, message):
    for key, literal in keys.items():
        project.change(RUN, key, literal)
    with pytest.raises(UserError) as caught:
        load_run(RUN)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"model.backbone": '"eegnet"'}, "[model] backbone: eegnet does not take db-only; use cnn_light"),
        (
            {"data.data_type": '"timeseries"'},
            "[model] backbone: cnn_light does not take timeseries; use cnn_1d",
        ),
        ({"model.input_channels": "3"}, "[model] input_channels: db-only images have 1"),
        ({"augmentation.noise": "0.1"}, "[augmentation] noise: the run trains on spectrograms"),
    ],
)
def test_what_does_not_fit_the_representation_is_refused_while_jobs_are_planned(project, keys, message):
    for key, literal in keys.items():
        project.change(RUN, key, literal)
    with pytest.raises(UserError) as caught:
        check_run(load_run(RUN), load_recipe("tiny"))
    assert message in str(caught.value)


@pytest.mark.parametrize("key", ["output_dir", "log_dir", "metrics_summary_path"])
def test_the_workflow_refuses_what_the_dag_decides(project, key):
    project.change(RUN, f"training.{key}", '"a"')
    project.change(RUN, "training.tensorboard", "true")
    with pytest.raises(UserError, match=rf"\[training\] {key}: is for scripts run by hand"):
        check_workflow(load_run(RUN), load_settings())


def test_a_constant_rate_may_warm_up(project):
    project.change(RUN, "scheduler.warmup_steps", "5")
    assert load_run(RUN).scheduler.name == "constant_with_warmup"


def test_how_to_evaluate_is_read_by_training_where_it_chooses_the_weights(project):
    assert "training.eval_strategy" in stage_keys(load_run(RUN), "training")
    project.change(RUN, "training.keep", '"last"')
    assert "training.eval_strategy" not in stage_keys(load_run(RUN), "training")


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_validation_split_is_always_read_for_it_decides_who_is_held_out(project, keep):
    project.change(RUN, "training.keep", f'"{keep}"')
    assert stage_keys(load_run(RUN), "training")["dataset.val_split"] == "val"
    assert load_run(RUN).dataset.held_out_split == "test"
    project.change(RUN, "dataset.val_split", '"test"')
    assert load_run(RUN).dataset.held_out_split == "val"


def test_two_groups_do_where_the_last_weights_are_kept(project):
    project.change(RUN, "training.keep", '"last"')
    project.change(RUN, "evaluation.folds", '"subject"')
    project.change(RUN, "evaluation.n_folds", "2")
    project.change(RUN, "selection.candidates", "{ a = {}, b = {} }")
    project.change(RUN, "selection.inner_folds", "2")
    assert len(load_run(RUN).evaluation.fold_names(9)) == 2


def test_folds(project):
    assert load_run(RUN).evaluation.fold_names(7) == []
    project.change(RUN, "evaluation.folds", '"loso"')
    assert load_run(RUN).evaluation.fold_names(3) == ["fold-01", "fold-02", "fold-03"]
    project.change(RUN, "evaluation.folds", '"subject"')
    assert len(load_run(RUN).evaluation.fold_names(3)) == 5


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_runs_fit_their_recipes_and_the_workflow(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("SIGNAL_DIFFUSION_CONFIG", raising=False)
    run = load_run(path)
    recipe = load_recipe(run.dataset.name)
    check_run(run, recipe)
    check_workflow(run, load_settings())
    check_tasks(run.dataset.tasks, recipe.recipe.datasets)


def test_every_preset_makes_a_run(project, monkeypatch):
    monkeypatch.chdir(ROOT)
    known = presets("classification")
    assert "baseline-db-only" in known
    for name in known:
        path = project.write(
            "config/classification/y.toml", f'extends = "{name}"\n' + TEXT.split("[model]")[0]
        )
        run = load_run(path)
        run.check_data(representation(run))


@pytest.mark.parametrize(
    ("names", "datasets", "message"),
    [
        (["gendr"], ["demo"], "unknown label 'gendr'; did you mean gender?"),
        (["emotion"], ["math", "mit"], "emotion: math and mit have no emotion; remove the task"),
    ],
)
def test_tasks_that_no_dataset_has(names, datasets, message):
    with pytest.raises(UserError) as caught:
        check_tasks(names, datasets)
    assert str(caught.value) == message
    check_tasks(["activity", "math_condition"], ["math", "seed"])
    check_tasks(["activity"], ["a_dataset_of_my_own"])
