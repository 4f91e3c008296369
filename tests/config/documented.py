"""Every key of the document `reference/seeds/001_f8daf09946ce70d7.txt`, and what becomes of it.

A row is (key, documented default, claim). The claim is `kept(literal, value)`: the TOML literal is
accepted and read back as value; or `refused(literal, reason)`: it ends in one line that holds the reason.
`None` as default: the document says null, auto or nothing; REQUIRED: it must be given.
"""

from dataclasses import dataclass, field
from typing import Any

REQUIRED = object()


@dataclass(frozen=True)
class Kept:
    literal: str
    value: Any
    read_as: str | None = None
    also: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    literal: str
    reason: str


def kept(literal: str, value: Any, read_as: str | None = None, **also: str) -> Kept:
    """`also`: other keys that the value needs, dots written as double underscores."""
    return Kept(literal, value, read_as, {name.replace("__", "."): each for name, each in also.items()})


refused = Refused

SETTINGS = [
    ("hf_models.stable_diffusion_model_id", "stabilityai/stable-diffusion-3.5-medium", kept('"a/b"', "a/b")),
    ("data.root", REQUIRED, kept('"/a"', "/a")),
    ("data.output_root", REQUIRED, kept('"/a"', "/a")),
    ("data.max_sampling_weight", None, kept("5.0", 5.0)),
    ("data.output_type", "db-only", kept('"db-iq"', "db-iq")),
    ("data.data_type", "spectrogram", kept('"timeseries"', "timeseries")),
    ("datasets.math.root", None, kept('"/a"', "/a")),
    ("datasets.math.output", None, refused('"/a"', "under data.output_root")),
    ("datasets.math.timeseries_output", None, refused('"/a"', "under data.output_root")),
    ("datasets.math.min_db", None, kept("-10.0", -10.0, datasets__math__max_db="1.0")),
    ("datasets.math.max_db", None, kept("-10.0", -10.0, datasets__math__min_db="-20.0")),
]

LORA, SCRATCH, COLUMN = "enabled = true", "only stable-diffusion", "canonical columns"
DIFFUSION = [
    ("settings.config", "config/default.toml", kept('"other.toml"', "other.toml")),
    ("settings.trainer", REQUIRED, kept('"diffusion"', "diffusion")),
    ("data.output_type", None, kept('"db-only"', "db-only")),
    ("data.data_type", None, kept('"spectrogram"', "spectrogram")),
    ("dataset.name", REQUIRED, kept('"tiny"', "tiny")),
    ("dataset.batch_size", 4, kept("8", 8)),
    ("dataset.eval_batch_size", None, kept("8", 8)),
    ("dataset.num_workers", 4, refused("4", "without workers")),
    ("dataset.resolution", 256, kept("128", 128)),
    ("dataset.train_split", "train", kept('"val"', "val")),
    ("dataset.val_split", None, kept('"val"', "val")),
    ("dataset.cache_dir", None, refused('"/a"', "read in place")),
    ("dataset.center_crop", False, refused("true", "recipe's resolution")),
    ("dataset.random_flip", False, refused("true", "would reverse channel order and time")),
    ("dataset.image_column", "image", refused('"picture"', "no columns")),
    ("dataset.caption_column", "text", kept('"text"', "text")),
    (
        "dataset.class_column",
        None,
        kept('"label"', "label", model__conditioning='"classes"', dataset__num_classes="2"),
    ),
    ("dataset.gender_column", "gender", refused('"sex"', COLUMN)),
    ("dataset.health_column", "health", refused('"group"', COLUMN)),
    ("dataset.age_column", "age", refused('"years"', COLUMN)),
    (
        "dataset.num_classes",
        0,
        kept("2", 2, model__conditioning='"classes"', dataset__class_column='"label"'),
    ),
    ("dataset.dataset_type", "auto", refused('"imagefolder"', "recipe says")),
    ("dataset.max_train_samples", None, kept("100", 100)),
    ("dataset.max_eval_samples", None, kept("100", 100, dataset__val_split='"val"')),
    ("model.name", REQUIRED, kept('"hourglass"', "hourglass")),
    ("model.conditioning", "none", kept('"caption"', "caption")),
    ("model.pretrained", None, refused('"a/b"', SCRATCH)),
    ("model.revision", None, refused('"main"', "model.pretrained is not set")),
    ("model.sample_size", None, kept("64", 64)),
    ("model.vae_tiling", False, kept("true", True, model__extras__latent_space="true")),
    ("model.lora.enabled", False, refused("true", "need pretrained weights")),
    ("model.lora.rank", 4, refused("8", LORA)),
    ("model.lora.alpha", 4.0, refused("8.0", LORA)),
    ("model.lora.dropout", 0.0, refused("0.1", LORA)),
    ("model.lora.target_modules", ["to_q", "to_k", "to_v", "to_out.0"], refused('["to_q"]', LORA)),
    ("model.lora.bias", "none", refused('"all"', LORA)),
    ("model.lora.scaling", None, refused("2.0", LORA)),
    ("model.extras.latent_space", False, kept("true", True)),
    ("model.extras.vae", None, kept('"a/b"', "a/b", model__extras__latent_space="true")),
    ("model.extras.in_channels", None, kept("1", 1)),
    ("model.extras.out_channels", None, kept("1", 1)),
    ("model.extras.cfg_dropout", 0.0, kept("0.2", 0.2)),
    ("model.extras.num_attention_heads", None, kept("4", 4)),
    ("model.extras.attention_head_dim", None, refused("64", "d_head in self_attns")),
    ("model.extras.num_layers", None, refused("12", "belongs to dit")),
    ("model.extras.patch_size", None, kept("4", [4, 4])),
    (
        "model.extras.num_classes",
        None,
        kept(
            "2",
            2,
            "dataset.num_classes",
            model__conditioning='"classes"',
            dataset__class_column='"label"',
        ),
    ),
    ("model.extras.block_out_channels", None, kept("[64, 128, 256]", [64, 128, 256], "model.extras.widths")),
    ("model.extras.num_res_blocks", None, kept("3", [3, 3, 3], "model.extras.depths")),
    ("model.extras.mapping_cond", None, kept("2048", 2048, "model.extras.mapping_cond_dim")),
    ("model.extras.d_state", None, refused("16", "belongs to localmamba")),
    ("model.extras.d_conv", None, refused("3", "belongs to localmamba")),
    ("model.extras.expand", None, refused("2", "belongs to localmamba")),
    ("model.extras.joint_attention_dim", None, refused("64", "belongs to stable-diffusion-35")),
    ("model.extras.caption_projection_dim", None, refused("64", "belongs to stable-diffusion-35")),
    ("model.extras.pooled_projection_dim", None, refused("64", "belongs to stable-diffusion-35")),
    ("objective.prediction_type", "epsilon", kept('"sample"', "sample")),
    ("objective.scheduler", "ddim", kept('"heun"', "heun", "inference.solver")),
    ("objective.num_timesteps", 1000, refused("500", "times are continuous")),
    ("optimizer.name", "adamw", kept('"sgd"', "sgd")),
    ("optimizer.learning_rate", 1e-4, kept("2e-4", 2e-4)),
    ("optimizer.weight_decay", 1e-2, kept("0.0", 0.0)),
    ("optimizer.betas", [0.9, 0.999], kept("[0.8, 0.9]", [0.8, 0.9])),
    ("optimizer.eps", 1e-8, kept("1e-6", 1e-6)),
    ("scheduler.name", "constant", kept('"cosine"', "cosine")),
    ("scheduler.warmup_steps", 0, kept("5", 5, scheduler__name='"linear"')),
    ("training.seed", 42, kept("1", 1)),
    ("training.output_dir", None, kept('"a"', "a")),
    ("training.mixed_precision", "bf16", kept('"fp16"', "fp16")),
    ("training.gradient_checkpointing", False, kept("true", True)),
    ("training.gradient_accumulation_steps", 1, kept("2", 2)),
    ("training.epochs", 1, kept("3", 3)),
    ("training.max_train_steps", None, kept("10", 10)),
    ("training.log_every_steps", 10, kept("5", 5)),
    ("training.checkpoint_interval", None, kept("5", 5)),
    ("training.checkpoint_total_limit", None, kept("5", 5)),
    ("training.resume", None, kept('"a"', "a")),
    ("training.gradient_clip_norm", 1.0, kept("0.5", 0.5)),
    ("training.ema_decay", 0.999, kept("0.99", 0.99)),
    ("training.ema_power", 0.75, kept("0.5", 0.5)),
    ("training.ema_inv_gamma", 1.0, kept("2.0", 2.0)),
    ("training.ema_update_after_step", 5000, kept("0", 0)),
    ("training.ema_use_ema_warmup", True, kept("false", False)),
    ("training.allow_tf32", True, kept("false", False)),
    ("training.snr_gamma", None, kept("5.0", 5.0)),
    ("training.eval_num_examples", 0, kept("8", 8)),
    ("training.eval_mmd_samples", 0, kept("8", 8, dataset__val_split='"val"')),
    ("training.eval_mmd_fallback_ntrain", 0, kept("8", 8, training__eval_mmd_samples="8")),
    ("training.eval_strategy", "epoch", kept('"steps"', "steps", training__eval_num_steps="3")),
    ("training.eval_num_steps", 0, kept("3", 3, training__eval_strategy='"steps"')),
    ("training.eval_batch_size", 0, kept("8", 8)),
    ("training.initial_eval", True, kept("false", False)),
    ("logging.tensorboard", False, kept("true", True)),
    ("logging.log_dir", None, kept('"a"', "a", logging__tensorboard="true")),
    ("logging.wandb_project", None, kept('"a"', "a")),
    ("logging.wandb_entity", None, kept('"a"', "a", logging__wandb_project='"b"')),
    ("logging.run_name", None, kept('"tiny"', "tiny")),
    ("inference.denoising_steps", 50, kept("5", 5)),
    ("inference.cfg_scale", 7.5, kept("2.0", 2.0)),
]

# What the keys of `[model.extras]` mean to the other networks.
LEVELS, HEADS = "belongs to hourglass and localmamba", "has no attention"
EXTRAS = {
    "dit": [
        ("num_attention_heads", kept("4", 4)),
        ("attention_head_dim", kept("32", 32)),
        ("num_layers", kept("3", 3)),
        ("patch_size", kept("[1, 8]", [1, 8])),
        ("mapping_cond", kept("2048", 2048, "model.extras.mapping_cond_dim")),
        ("block_out_channels", refused("[64]", LEVELS)),
        ("num_res_blocks", refused("2", LEVELS)),
        ("d_state", refused("16", "belongs to localmamba")),
        ("d_conv", refused("3", "belongs to localmamba")),
        ("expand", refused("2", "belongs to localmamba")),
        ("joint_attention_dim", refused("64", "belongs to stable-diffusion-35")),
        ("caption_projection_dim", refused("64", "belongs to stable-diffusion-35")),
        ("pooled_projection_dim", refused("64", "belongs to stable-diffusion-35")),
    ],
    "localmamba": [
        ("block_out_channels", kept("[8, 16, 24, 32]", [8, 16, 24, 32], "model.extras.widths")),
        ("num_res_blocks", kept("3", [3, 3, 3, 3], "model.extras.depths")),
        ("mapping_cond", kept("2048", 2048, "model.extras.mapping_cond_dim")),
        ("d_state", kept("8", 8)),
        ("d_conv", kept("5", 5)),
        ("expand", kept("1", 1, "model.extras.ssm_ratio")),
        ("patch_size", kept("4", [4, 4])),
        ("num_attention_heads", refused("4", HEADS)),
        ("attention_head_dim", refused("64", HEADS)),
        ("num_layers", refused("12", "belongs to dit")),
        ("joint_attention_dim", refused("64", "belongs to stable-diffusion-35")),
        ("caption_projection_dim", refused("64", "belongs to stable-diffusion-35")),
        ("pooled_projection_dim", refused("64", "belongs to stable-diffusion-35")),
    ],
    "stable-diffusion": [
        ("block_out_channels", kept("[8, 16, 24, 32]", [8, 16, 24, 32], "model.extras.widths")),
        ("num_res_blocks", kept("3", [3, 3, 3, 3], "model.extras.depths")),
        ("num_attention_heads", kept("4", 4)),
        ("patch_size", kept("4", [4, 4])),
        ("attention_head_dim", refused("64", "use num_attention_heads")),
        ("num_layers", refused("12", "belongs to dit and stable-diffusion-35")),
        ("d_state", refused("16", "belongs to localmamba")),
        ("d_conv", refused("3", "belongs to localmamba")),
        ("expand", refused("2", "belongs to localmamba")),
        ("joint_attention_dim", refused("64", "use cross_attention_dim")),
        ("caption_projection_dim", refused("64", "belongs to stable-diffusion-35")),
        ("pooled_projection_dim", refused("64", "belongs to stable-diffusion-35")),
    ],
    "stable-diffusion-35": [
        ("num_layers", kept("12", 12)),
        ("attention_head_dim", kept("32", 32)),
        ("num_attention_heads", kept("4", 4)),
        ("joint_attention_dim", kept("64", 64)),
        ("caption_projection_dim", kept("1536", 1536)),
        ("pooled_projection_dim", kept("64", 64)),
        ("patch_size", kept("[1, 8]", [1, 8])),
        ("block_out_channels", refused("[64]", "use num_layers")),
        ("num_res_blocks", refused("2", "use num_layers")),
        ("d_state", refused("16", "belongs to localmamba")),
        ("d_conv", refused("3", "belongs to localmamba")),
        ("expand", refused("2", "belongs to localmamba")),
    ],
}

# `[model.lora]` and `model.pretrained` of the networks that have released weights.
PRETRAINED = [
    ("model.pretrained", kept('"a/b"', "a/b")),
    ("model.revision", kept('"v2"', "v2")),
    ("model.lora.rank", kept("8", 8)),
    ("model.lora.alpha", kept("8.0", 8.0)),
    ("model.lora.dropout", kept("0.1", 0.1)),
    ("model.lora.target_modules", kept('["to_q"]', ["to_q"])),
    ("model.lora.bias", kept('"all"', "all")),
    ("model.lora.scaling", kept("2.0", 2.0)),
]

KEPT_VALUES = [
    *[
        ("model.name", name)
        for name in ("hourglass", "dit", "localmamba", "stable-diffusion", "stable-diffusion-35")
    ],
    *[("data.output_type", name) for name in ("db-only", "db-iq", "db-polar")],
    *[("data.data_type", name) for name in ("spectrogram", "timeseries")],
    *[("model.conditioning", name) for name in ("caption", "gend_hlth_age")],
    *[("objective.prediction_type", name) for name in ("epsilon", "sample", "vector_field", "v")],
    *[("objective.noise_schedule", name) for name in ("flow", "cosine", "linear", "scaled-linear")],
    *[("optimizer.name", name) for name in ("adamw", "adam", "sgd")],
    *[
        ("scheduler.name", name)
        for name in ("constant", "constant_with_warmup", "linear", "cosine", "polynomial")
    ],
    *[("training.mixed_precision", name) for name in ("no", "fp16", "bf16")],
    ("training.eval_strategy", "epoch"),
]
