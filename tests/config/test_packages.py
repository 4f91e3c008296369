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


BEST = {"dataset.val_split": '"val"', "training.keep": '"best"'}
UNAVERAGED, UNWARMED = {"training.ema_decay": "0.0"}, {"training.ema_use_ema_warmup": "false"}


@pytest.mark.parametrize(
    ("given", "key", "literal", "says"),
    [
        (BEST, "training.keep_score", '"eval/kdi"', "'val/loss' or 'eval/kid'"),
        (
            BEST,
            "training.keep_score",
            '"eval/kid"',
            "keep_score: eval/kid is the MMD's; set eval_mmd_samples",
        ),
        (BEST, "training.eval_mmd_samples", "1", "eval_mmd_samples: one image has no distance"),
        (BEST, "training.eval_mmd_fallback_ntrain", "8", "fallback_ntrain: goes with eval_mmd_samples"),
        (UNAVERAGED, "training.ema_power", "0.5", "ema_power: ema_decay is 0"),
        (UNAVERAGED, "training.ema_update_after_step", "0", "ema_update_after_step: ema_decay is 0"),
        (UNWARMED, "training.ema_power", "0.5", "ema_power: goes with ema_use_ema_warmup = true"),
    ],
)
def test_keys_that_would_do_nothing_beside_others_are_refused(project, given, key, literal, says):
    for name, value in given.items():
        project.change(RUN, name, value)
    load_run(RUN)
    project.change(RUN, key, literal)
    with pytest.raises(UserError, match=says):
        load_run(RUN)
