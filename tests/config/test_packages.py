"""What a run needs beside the dependencies is refused at the dry run where it is missing."""

import pytest
from signal_diffusion.config import check_workflow, load_run, load_settings
from signal_diffusion.errors import UserError

RUN = "config/diffusion/tiny.toml"


@pytest.mark.parametrize(
    ("key", "literal", "package"),
    [
        ("logging.wandb_project", '"eeg"', "wandb"),
        ("logging.mlflow_experiment", '"eeg"', "mlflow"),
        ("optimizer.name", '"adamw_8bit"', "bitsandbytes"),
    ],
)
def test_a_missing_package_is_named_with_its_key(project, monkeypatch, key, literal, package):
    project.change(RUN, key, literal)
    section, name = key.split(".")
    monkeypatch.setattr("signal_diffusion.packages.find_spec", lambda asked: None)
    with pytest.raises(
        UserError, match=rf"\[{section}\] {name}: {package} is not installed; run pip install"
    ):
        check_workflow(load_run(RUN), load_settings())
    monkeypatch.setattr("signal_diffusion.packages.find_spec", lambda asked: asked)
    check_workflow(load_run(RUN), load_settings())


@pytest.mark.parametrize(
    ("key", "literal", "says"),
    [
        ("logging.wandb_entity", '"me"', "wandb_entity: goes with wandb_project"),
        ("training.keep_better", '"higher"', 'keep_better: goes with keep = "best"'),
        ("training.max_best_checkpoints", "3", 'max_best_checkpoints: goes with keep = "best"'),
        ("training.compile_mode", '"max-autotune"', "compile_mode: goes with compile_model = true"),
    ],
)
def test_keys_that_would_do_nothing_are_refused(project, key, literal, says):
    project.change(RUN, key, literal)
    with pytest.raises(UserError, match=says):
        load_run(RUN)
