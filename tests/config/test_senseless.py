"""Each combination that makes no sense is refused with its reason, listed in the docs, and nothing else is."""

from pathlib import Path

import pytest
from signal_diffusion.config import check_run, load_recipe, load_run, load_settings
from signal_diffusion.config.senseless import SENSELESS, table
from signal_diffusion.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
RUN = "config/diffusion/tiny.toml"
NONE = {"model.conditioning": '"none"', "model.extras.cfg_dropout": "0.0"}
CLASSES = {"model.conditioning": '"classes"'}
# What has to be changed in a caption run for it to have the combination.
HAVING = {
    "a time series in latent space": {"data.data_type": '"timeseries"', "model.extras.latent_space": "true"},
    "a VAE in pixel space": {"model.extras.vae": '"a/b"'},
    "a tiled VAE in pixel space": {"model.vae_tiling": "true"},
    "pretrained weights of a network that has none": {"model.pretrained": '"a/b"'},
    "a revision of no weights": {"model.revision": '"main"'},
    "adapters of weights that are drawn at random": {
        "model.name": '"stable-diffusion"',
        "model.lora.enabled": "true",
    },
    "text encoders that train without captions": {
        **NONE,
        "model.name": '"stable-diffusion"',
        "model.extras.train_text_encoder": "true",
    },
    "preconditioning of another prediction than the vector field": {
        "objective.precondition": "true",
        "objective.prediction_type": '"v"',
    },
    "preconditioning on a variance-preserving schedule": {
        "objective.precondition": "true",
        "objective.prediction_type": '"vector_field"',
        "objective.noise_schedule": '"cosine"',
    },
    "guidance without a condition": {**NONE, "inference.cfg_scale": "2.0"},
    "dropped conditions without a condition": {"model.conditioning": '"none"'},
    "a condition's width without a condition": {**NONE, "model.extras.mapping_cond_dim": "8"},
    "text encoders without captions": {**NONE, "model.extras.text_encoder": '"words"'},
    "T5 without captions": {
        **NONE,
        "model.name": '"stable-diffusion-35"',
        "model.extras.skip_t5": "false",
    },
    "tokens of T5 without captions": {
        **NONE,
        "model.name": '"stable-diffusion-35"',
        "model.extras.t5_tokens": "128",
    },
    "captions from no column": {"dataset.caption_column": '""'},
    "classes from no column": CLASSES,
    "no classes to tell apart": {**CLASSES, "dataset.class_column": '"activity"'},
    "a column of classes without classes": {"dataset.class_column": '"activity"'},
    "a number of classes without classes": {"dataset.num_classes": "2"},
    "rectified CFG++ without a condition": {
        **NONE,
        "inference.guidance": '"rectified-cfg++"',
        "inference.solver": '"euler"',
    },
    "rectified CFG++ on a variance-preserving schedule": {
        "inference.guidance": '"rectified-cfg++"',
        "inference.solver": '"euler"',
        "objective.noise_schedule": '"linear"',
    },
    "rectified CFG++ with another solver than Euler": {
        "inference.guidance": '"rectified-cfg++"',
        "inference.solver": '"heun"',
    },
    "the power of a guidance that has none": {"inference.guidance_power": "1.0"},
    "a form of the loss weight without one": {"objective.snr_weight": '"hard"'},
    "a number of validation windows without a validation split": {"dataset.max_eval_samples": "10"},
    "a distance from no windows": {
        "training.eval_mmd_samples": "8",
        "training.eval_mmd_fallback_ntrain": "1",
    },
}


def load(project, changes):
    for key, literal in changes.items():
        project.change(RUN, key, literal)
    run = load_run(RUN)
    check_run(run, load_recipe("tiny", load_settings()))
    return run


@pytest.mark.parametrize("each", SENSELESS, ids=lambda each: each.combination)
def test_a_senseless_combination_is_refused_with_its_reason(project, each):
    with pytest.raises(UserError) as caught:
        load(project, HAVING[each.combination])
    section, _, name = each.key.rpartition(".")
    assert f"{RUN} [{section}] {name}: {each.reason}" in str(caught.value)


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "ddim"])
@pytest.mark.parametrize("schedule", ["flow", "cosine", "linear", "scaled-linear"])
@pytest.mark.parametrize("prediction", ["vector_field", "epsilon", "sample", "v"])
def test_every_prediction_goes_with_every_schedule_and_solver(project, prediction, schedule, solver):
    run = load(
        project,
        {
            "objective.prediction_type": f'"{prediction}"',
            "objective.noise_schedule": f'"{schedule}"',
            "inference.solver": f'"{solver}"',
        },
    )
    assert run.inference.solver == ("euler" if (schedule, solver) == ("flow", "ddim") else solver)


def test_the_default_solver_is_ddim_on_variance_preserving_schedules(project):
    assert load(project, {}).inference.solver == "euler"
    assert load(project, {"objective.noise_schedule": '"cosine"'}).inference.solver == "ddim"


def test_rectified_guidance_is_kept_where_it_makes_sense(project):
    run = load(project, {"inference.guidance": '"rectified-cfg++"', "inference.guidance_power": "0.5"})
    assert (run.inference.guidance, run.inference.guidance_power) == ("rectified-cfg++", 0.5)


def test_the_docs_list_what_is_refused():
    assert table() in (ROOT / "docs" / "diffusion.md").read_text(), table()
