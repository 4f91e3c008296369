from pathlib import Path

import pytest
from signal_diffusion.config import (
    DiffusionRun,
    SupportRun,
    check_run,
    check_workflow,
    image_source,
    load_recipe,
    load_run,
    load_settings,
    representation,
    settings_for,
)
from signal_diffusion.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
RUN = "config/diffusion/tiny.toml"
ODD = {"model.extras.num_attention_heads": "1"}
NONE = {"model.conditioning": '"none"', "model.extras.cfg_dropout": "0.0"}


EXAMPLE = """
[settings]
config = "config/default.toml"
trainer = "diffusion"
[data]
output_type = "db-only"
data_type = "spectrogram"
[dataset]
name = "tiny"
train_split = "train"
val_split = "val"
batch_size = 32
resolution = 64
center_crop = false
random_flip = false
image_column = "image"
caption_column = ""
num_classes = 0
[model]
name = "hourglass"
sample_size = 64
conditioning = "none"
[model.extras]
patch_size = 2
latent_space = false
num_classes = 0
[model.lora]
enabled = false
[objective]
prediction_type = "vector_field"
flow_match_timesteps = 1000
[inference]
denoising_steps = 25
cfg_scale = 1.0
"""


def changed(project, **keys: str):
    for key, literal in keys.items():
        project.change(RUN, key, literal)
    return load_run(RUN)


def refuse(project, message: str, keys: dict[str, str], check=None):
    for key, literal in keys.items():
        project.change(RUN, key, literal)
    with pytest.raises(UserError) as caught:
        run = load_run(RUN)
        check(run)
    assert str(caught.value).startswith(f"{RUN} {message}"), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dataset.caption_column": '""'}, "[dataset] caption_column: is empty, but model.conditioning"),
        ({"model.extras.cfg_dropout": "0.0"}, "[inference] cfg_scale: guidance of 7.5 needs a trained null"),
        ({"model.conditioning": '"none"'}, "[model.extras] cfg_dropout: model.conditioning is"),
        ({**NONE, "inference.cfg_scale": "3.0"}, "[inference] cfg_scale: model.conditioning is"),
        ({**NONE, "model.extras.text_encoder": '"words"'}, "[model.extras] text_encoder: no caption is read"),
        ({"dataset.val_split": '"train"'}, "[dataset] val_split: is the training split"),
        ({"model.extras.depths": "[2, 2]"}, "[model.extras] depths: has 2 entries for the 3 levels"),
        ({"model.extras.widths": "[96, 256, 512]"}, "[model.extras] widths: 96 at level 0 is not a multiple"),
        ({"model.extras.num_attention_heads": "5"}, "[model.extras] num_attention_heads: 5 heads"),
        (
            {"model.extras.self_attns": '[{ type = "shifted-window" }]'},
            "[model.extras] self_attns[0].type: found 'shifted-window', expected 'neighborhood' or 'global'",
        ),
        (
            {"model.extras.self_attns": '[{ type = "global", kernel_size = 7 }]'},
            "[model.extras] self_attns[0].kernel_size: global attention has no neighbourhood",
        ),
        ({"model.extras.dropout_rate": "1.5"}, "[model.extras] dropout_rate: is not in 0 to 1"),
        (
            {"model.name": '"dit"', "model.extras.attention_head_dim": "18", **ODD},
            "[model.extras] attention_head_dim: 1 heads of it make 18; positions need",
        ),
        (
            {"model.name": '"dit"', "model.extras.num_layer": "3"},
            "[model.extras] num_layer: unknown key; did you mean num_layers?",
        ),
        (
            {"model.name": '"dit"', "model.extras.depths": "[2]"},
            "[model.extras] depths: unknown key; did you mean",
        ),
        (
            {"model.name": '"dti"', "model.extras.num_layers": "3"},
            "[model] name: found 'dti', expected 'hourglass', 'dit'",
        ),
        (
            {"model.name": '"localmamba"', "model.extras.scan_directions": '["h", "d"]'},
            '[model.extras] scan_directions: "d" is no order',
        ),
        (
            {"model.name": '"localmamba"', "model.extras.scan_directions": '["h", "h"]'},
            '[model.extras] scan_directions: "h" is given twice',
        ),
        (
            {"model.name": '"localmamba"', "model.extras.depths": "[2, 2]"},
            "[model.extras] depths: has 2 entries for the 4 levels",
        ),
        ({"model.name": '"localmamba"', "model.extras.d_conv": "4"}, "[model.extras] d_conv: 4 is even"),
        ({"model.extras.widhts": "[64]"}, "[model.extras] widhts: unknown key; did you mean widths?"),
        (
            {"objective.times": '"uniform"', "objective.times_std": "2.0"},
            "[objective] times_std: uniform times",
        ),
        (
            {"objective.scheduler": '"heun"', "inference.solver": '"euler"'},
            "[objective] scheduler: is another name of inference.solver",
        ),
        (
            {"optimizer.learning_rte": "1e-3"},
            "[optimizer] learning_rte: unknown key; did you mean learning_rate?",
        ),
        ({"optimizer.betas": "[0.9]"}, "[optimizer] betas: found [0.9], expected"),
        ({"optimizer.betas": "[0.9, 1.0]"}, "[optimizer] betas: are not in 0 to 1"),
        ({"optimizer.learning_rate": '"fast"'}, "[optimizer] learning_rate: found 'fast', expected"),
        ({"optimizer.name": '"sgd"', "optimizer.eps": "1e-6"}, "[optimizer] eps: sgd has none"),
        ({"scheduler.warmup_steps": "5"}, "[scheduler] warmup_steps: constant has no warm-up"),
        ({"scheduler.kwargs": "{ power = 2.0 }"}, "[scheduler.kwargs] power: constant takes nothing"),
        (
            {"scheduler.name": '"cosine"', "scheduler.kwargs": "{ power = 2.0 }"},
            "[scheduler.kwargs] power: cosine takes min_lr_ratio, num_cycles",
        ),
        (
            {"training.epochs": "2", "training.max_train_steps": "5"},
            "[training] epochs: max_train_steps is given",
        ),
        ({"training.eval_strategy": '"steps"'}, "[training] eval_num_steps: eval_strategy is"),
        ({"training.eval_num_steps": "5"}, "[training] eval_num_steps: eval_strategy is"),
        ({"training.max_steps": "5"}, "[training] max_steps: unknown key; did you mean max_train_steps?"),
        (
            {"training.denoising_steps": "5"},
            "[training] denoising_steps: unknown key; did you mean [inference]",
        ),
        ({"trainng.seed": "5"}, "[trainng]: unknown section; did you mean [training]?"),
        ({"logging.run_name": '"other"'}, "[logging] run_name: the run is called after its file"),
        ({"logging.log_dir": '"a"'}, "[logging] log_dir: logging.tensorboard is false"),
        (
            {"settings.trainer": '"support"'},
            "[settings] trainer: found 'support' in a file of config/diffusion/",
        ),
        ({"settings.trainer": '"diffusoin"'}, "[settings] trainer: found 'diffusoin' in a file of"),
    ],
)
def test_mistakes_and_contradictions(project, keys, message):
    refuse(project, message, keys)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dataset.resolution": "128"}, "[dataset] resolution: found 128, but recipe tiny makes 64; set 64"),
        ({"model.sample_size": "32"}, "[model] sample_size: found 32, but images of recipe tiny are 64 high"),
        (
            {"model.extras.in_channels": "3"},
            "[model.extras] in_channels: found 3, but db-only has 1 channel;",
        ),
        (
            {"data.output_type": '"db-iq"', "model.extras.out_channels": "1"},
            "[model.extras] out_channels: found 1, but db-iq has 3 channels;",
        ),
        (
            {"data.data_type": '"timeseries"', "model.extras.latent_space": "true"},
            "[model.extras] latent_space: a VAE of images would halve",
        ),
        (
            {"data.data_type": '"timeseries"', "model.extras.text_encoder": '"words"'},
            "[model.extras] text_encoder: words knows captions of images alone; set [data] data_type there",
        ),
        (
            {"data.data_type": '"timeseries"', "model.sample_size": "64"},
            "[model] sample_size: a time series is",
        ),
        (
            {"data.data_type": '"timeseries"', "model.extras.patch_size": "[2, 6]"},
            "[model.extras] patch_size: 6 pixels, doubled to 24 over the levels, do not divide 2048",
        ),
        (
            {"model.extras.latent_space": "true", "model.extras.vae": '"eyes"'},
            "[model.extras] vae: eyes is of kind feature-encoder; name one of kind vae",
        ),
        (
            {"model.extras.latent_space": "true", "model.extras.vae": '"latents"', "model.sample_size": "64"},
            "[model] sample_size: found 64, but latents of recipe tiny are 32 high; set that",
        ),
        (
            {
                "model.extras.latent_space": "true",
                "model.extras.vae": '"latents"',
                "data.output_type": '"db-iq"',
            },
            "[model.extras] vae: latents is made from db-only; name one made from db-iq",
        ),
        (
            {"model.extras.patch_size": "[2, 32]"},
            "[model.extras] patch_size: 32 pixels, doubled to 128 over the levels, do not",
        ),
        ({"dataset.caption_column": '"words"'}, "[dataset] caption_column: recipe tiny writes"),
        ({"evaluation.encoder": '"nobody"'}, "[evaluation] encoder: no config/support/nobody.toml"),
        ({"evaluation.encoder": '"words"'}, "[evaluation] encoder: words is of kind text-encoders"),
        (
            {"model.name": '"dit"', "model.extras.patch_size": "[2, 3]"},
            "[model.extras] patch_size: 3 pixels do not divide 64",
        ),
        (
            {"model.extras.text_encoder": '"eyes"'},
            "[model.extras] text_encoder: eyes is of kind feature-encoder",
        ),
        (
            {"model.extras.text_encoder": '"words"', "model.extras.mapping_cond": "2048"},
            "[model.extras] mapping_cond_dim: found 2048, but words gives 64",
        ),
    ],
)
def test_a_run_that_does_not_fit_its_recipe_or_support(project, keys, message):
    recipe = load_recipe("tiny")
    check_run(load_run(RUN), recipe)
    refuse(project, message, keys, lambda run: check_run(run, recipe))


def test_support_runs_come_from_the_same_recipe(project):
    project.change("config/support/eyes.toml", "dataset.name", '"other"')
    keys = {"evaluation.encoder": '"eyes"'}
    message = "[evaluation] encoder: eyes is made from recipe other; name one made from tiny"
    refuse(project, message, keys, lambda run: check_run(run, load_recipe("tiny")))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"training.output_dir": '"a"'}, "[training] output_dir: is for scripts run by hand"),
        ({"training.resume": '"a"'}, "[training] resume: is for scripts run by hand"),
        ({"logging.log_dir": '"a"', "logging.tensorboard": "true"}, "[logging] log_dir: is for scripts"),
    ],
)
def test_the_workflow_refuses_what_the_dag_decides(project, keys, message):
    check_workflow(load_run(RUN), load_settings())
    refuse(project, message, keys, check_workflow)


def test_settings_of_a_run_and_of_the_workflow(project, monkeypatch):
    project.write("other.toml", '[data]\nroot = "o"\noutput_root = "o"\n')
    project.write("third.toml", '[data]\nroot = "t"\noutput_root = "t"\n')
    project.change(RUN, "settings.config", '"other.toml"')
    run = load_run(RUN)
    assert settings_for(run).path == project.root / "other.toml"
    check_workflow(run, load_settings("other.toml"))
    with pytest.raises(UserError, match=r"\[settings\] config: .* add --config settings=other.toml"):
        check_workflow(run, load_settings())
    monkeypatch.setenv("SIGNAL_DIFFUSION_CONFIG", "third.toml")
    assert settings_for(run).path == project.root / "third.toml"
    project.change(RUN, "settings.config", '"config/default.toml"')
    check_workflow(load_run(RUN), load_settings())


def test_resolved_defaults(project):
    run = changed(project, **{"model.extras.widths": "[64, 128]", "model.extras.depths": "3"})
    extras = run.model.extras
    assert (extras.depths, extras.d_ffs, extras.mapping_d_ff) == ([3, 3], [192, 384], 768)
    assert [(each.type, each.d_head) for each in extras.self_attns] == [("neighborhood", 64), ("global", 64)]
    assert (extras.in_channels, extras.out_channels, extras.dropout_rate) == (None, None, [0.0, 0.0])
    assert (run.dataset.eval_batch_size, run.inference.solver, run.logging.run_name) == (4, "euler", "tiny")
    assert changed(project, **NONE).inference.cfg_scale == 1.0


def test_heads_give_the_width_of_a_head(project):
    run = changed(
        project, **{"model.extras.widths": "[64, 128, 256]", "model.extras.num_attention_heads": "4"}
    )
    assert [each.d_head for each in run.model.extras.self_attns] == [16, 32, 64]


def test_harmless_values_of_the_documents_example_are_accepted(project):
    """Its false, zero and empty values ask for nothing that is refused."""
    project.write(RUN, EXAMPLE)
    run = load_run(RUN)
    check_run(run, load_recipe("tiny"))
    assert run.dataset.caption_column is None and run.objective.num_timesteps == 1000


def test_support_kinds(project):
    assert load_run("config/support/words.toml").kind == "text-encoders"
    project.change("config/support/eyes.toml", "text.width", "16")
    with pytest.raises(UserError, match=r'eyes.toml \[text\] width: kind is "feature-encoder"; remove'):
        load_run("config/support/eyes.toml")
    project.change("config/support/words.toml", "kind", '"vea"')
    with pytest.raises(UserError, match=r"words.toml kind: found 'vea', expected 'text-encoders', 'feature-"):
        load_run("config/support/words.toml")
    assert load_run("config/support/latents.toml").vae.factor == 2
    project.change("config/support/latents.toml", "vae.widths", "[12]")
    with pytest.raises(UserError, match=r"latents.toml \[vae\] widths: 12 is no multiple of 8"):
        load_run("config/support/latents.toml")


def test_a_file_elsewhere_is_known_by_its_trainer(project):
    text = (project.root / RUN).read_text()
    assert isinstance(load_run(project.write("mine.toml", text)), DiffusionRun)
    with pytest.raises(UserError, match=r"\[settings\] trainer: found 'diffusoin', .*did you mean diffusion"):
        load_run(project.write("mine.toml", text.replace('trainer = "diffusion"', 'trainer = "diffusoin"')))


@pytest.mark.parametrize("settings", ["", "settings = 3", "[settings]", "[settings]\ntrainer = [1]"])
def test_a_file_elsewhere_without_a_trainer(project, settings):
    with pytest.raises(
        UserError,
        match=r"mine.toml \[settings\] trainer: found .* use one of diffusion, classification, support",
    ):
        load_run(project.write("mine.toml", settings))


def test_runs_are_frozen(project):
    with pytest.raises(ValueError, match="frozen"):
        load_run(RUN).training.seed = 3


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config" / "diffusion").glob("*.toml")), ids=lambda path: path.stem
)
def test_shipped_runs_fit_their_recipes_and_the_workflow(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("SIGNAL_DIFFUSION_CONFIG", raising=False)
    run, settings = load_run(path), load_settings()
    images = image_source(run.dataset.name)
    check_run(run, None if images else load_recipe(run.dataset.name, settings))
    check_workflow(run, settings)
    assert representation(settings) == "db-only" and representation(run) == (
        "images" if images else "db-only"
    )


def test_a_run_takes_what_it_does_not_say_from_the_settings(project):
    assert representation(load_run(RUN)) == "db-only"
    project.change("config/default.toml", "data.output_type", '"db-iq"')
    assert representation(load_run(RUN)) == representation(load_run("config/support/latents.toml")) == "db-iq"
    project.change("config/default.toml", "data.data_type", '"timeseries"')
    assert representation(load_run(RUN)) == "timeseries"
    assert representation(load_run("config/support/words.toml")) == "timeseries"
    assert representation(load_run("config/support/eyes.toml")) == "db-only"
    project.change(RUN, "data.data_type", '"spectrogram"')
    assert representation(load_run(RUN)) == "db-iq"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config" / "support").glob("*.toml")), ids=lambda path: path.stem
)
def test_shipped_support_runs(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    run = load_run(path)
    assert isinstance(run, SupportRun) and load_recipe(run.dataset.name)


def test_nothing_shipped_holds_an_absolute_path():
    for path in (ROOT / "config").rglob("*.toml"):
        assert '= "/' not in path.read_text() and '= "~' not in path.read_text()
