"""Changing a value makes exactly the stages that read it stale: `stage_keys` differs there alone."""

import json

import pytest
from signal_diffusion.config import load_recipe, load_run, load_settings, load_synthetic, stage_keys
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.fields import STAGES, Section, metadata
from signal_diffusion.config.messages import sections_of
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.settings import Settings
from signal_diffusion.config.support import SupportRun
from signal_diffusion.errors import UserError

RECIPE, RUN = "config/dataset/tiny.toml", "config/diffusion/tiny.toml"
SYNTHETIC = "config/synthetic/made.toml"
REAL_STAGES = [stage for stage in STAGES if stage != "none"]


def snapshot() -> dict[str, str]:
    models = load_recipe("tiny", load_settings()), load_run(RUN), load_synthetic("made")
    return {stage: json.dumps([stage_keys(model, stage) for model in models]) for stage in REAL_STAGES}


@pytest.mark.parametrize(
    ("file", "key", "literal", "stages"),
    [
        (RUN, "optimizer.learning_rate", "5e-4", {"training"}),
        (RUN, "training.threads", "1", {"training"}),
        (RUN, "training.log_every_steps", "3", set()),
        (RUN, "training.checkpoint_interval", "3", set()),
        (RUN, "logging.tensorboard", "true", set()),
        (RUN, "model.extras.widths", "[64, 128, 192]", {"training"}),
        (RUN, "model.extras.text_encoder", '"words"', {"captions", "training"}),
        (RUN, "inference.denoising_steps", "5", {"generation"}),
        (RUN, "generation.seed", "5", {"generation"}),
        (RUN, "generation.grid_per_condition", "3", {"figures"}),
        (RUN, "evaluation.bootstrap", "50", {"evaluation"}),
        (RUN, "evaluation.reference_split", '"val"', {"generation", "evaluation"}),
        (RECIPE, "captions.modality", '"picture"', {"dataset"}),
        (RECIPE, "spectrogram.lower_percentile", "1.0", {"dataset"}),
        (RECIPE, "spectrogram.window", "256", {"shards"}),
        (RECIPE, "signal.fs", "100.0", {"shards"}),
        (RECIPE, "simulation.subjects", "81", {"index"}),
        ("config/default.toml", "data.max_sampling_weight", "3.0", {"dataset"}),
        (SYNTHETIC, "generation.num_samples", "5", {"synthetic"}),
        (SYNTHETIC, "export.parquet", "true", {"dataset", "synthetic"}),
        (SYNTHETIC, "export.imagefolder", "true", {"dataset", "synthetic"}),
    ],
)
def test_a_change_reaches_its_stages_alone(project, file, key, literal, stages):
    before = snapshot()
    project.change(file, key, literal)
    after = snapshot()
    assert {stage for stage in REAL_STAGES if before[stage] != after[stage]} == stages


def test_evaluation_is_read_by_training_where_it_chooses_the_weights(project):
    before = stage_keys(load_run(RUN), "training")
    project.change(RUN, "dataset.val_split", '"val"')
    project.change(RUN, "training.initial_eval", "false")
    assert stage_keys(load_run(RUN), "training") == before
    project.change(RUN, "training.keep", '"best"')
    found = stage_keys(load_run(RUN), "training")
    assert found["dataset.val_split"] == "val" and found["training.initial_eval"] is False


def test_generation_is_read_by_training_where_a_score_of_it_chooses_the_weights(project):
    choosing = {"dataset.val_split": '"val"', "training.keep": '"best"', "training.eval_mmd_samples": "8"}
    for key, literal in choosing.items():
        project.change(RUN, key, literal)
    assert "inference.denoising_steps" not in stage_keys(load_run(RUN), "training")
    project.change(RUN, "training.keep_score", '"eval/kid"')
    found = stage_keys(load_run(RUN), "training")
    assert {"inference.denoising_steps", "inference.cfg_scale", "training.eval_mmd_samples"} <= set(found)


def test_the_best_weights_need_a_validation_split(project):
    with pytest.raises(UserError, match=r"val_split.*\"best\""):
        project.change(RUN, "training.keep", '"best"')
        load_run(RUN)


def test_writing_a_default_out_changes_nothing(project):
    before = snapshot()
    project.change(RUN, "optimizer.learning_rate", "1e-4")
    project.change(RUN, "model.extras.d_ffs", "[384, 768, 1536]")
    project.change(RUN, "objective.scheduler", '"ddim"')
    project.change(RECIPE, "signal.fs", "125")
    assert snapshot() == before


def test_values_are_resolved_and_plain(project):
    keys = stage_keys(load_run(RUN), "training")
    assert keys["model.extras.d_ffs"] == [384, 768, 1536]
    assert keys["model.extras.self_attns"][2] == {"type": "global", "d_head": 64, "kernel_size": 7}
    assert json.loads(json.dumps(keys)) == keys


def test_an_unknown_stage_is_a_programming_error(project):
    with pytest.raises(ValueError, match="no stage 'train'"):
        stage_keys(load_run(RUN), "train")


def fields(model: type[Section]):
    for name, field in model.model_fields.items():
        children = sections_of(field)
        if metadata(field) or not children:
            yield model.__name__, name, field
        for child in children:
            yield from fields(child)


@pytest.mark.parametrize("model", [Settings, Recipe, DiffusionRun, SupportRun])
def test_every_key_says_what_it_means_and_what_it_changes(model):
    for table, name, field in fields(model):
        if name in ("name", "path") and table == model.__name__:
            continue
        assert field.description and field.description.endswith("."), (table, name)
        assert set(metadata(field)["stage"]) <= set(STAGES), (table, name)
