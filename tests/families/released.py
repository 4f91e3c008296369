"""Tiny folders laid out as the released Stable Diffusion models, and runs that start from them."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from signal_diffusion.config import check_run, load_run
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.families.diffusion.latents import encode_latents
from signal_diffusion.families.diffusion.prompts import cache_prompts
from signal_diffusion.families.support.tokenizer import build_tokenizer
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from .world import SAID, World

RUN = """
[settings]
trainer = "diffusion"
[data]
output_type = "db-only"
data_type = "spectrogram"
[dataset]
name = "tiny"
batch_size = 4
resolution = 16
standardise = "none"
[model]
name = "{model}"
conditioning = "caption"
{start}
[model.extras]
cfg_dropout = 0.5
text_tokens = 24
{extras}
[optimizer]
learning_rate = 1e-2
[training]
threads = 1
max_train_steps = 2
mixed_precision = "no"
ema_decay = 0.5
ema_update_after_step = 0
log_every_steps = 1
initial_eval = false
[inference]
solver = "{solver}"
denoising_steps = 2
cfg_scale = 2.0
[generation]
num_samples = 4
batch_size = 4
[evaluation]
bootstrap = 2
"""
# What a network from the seed is made of.
SCRATCH = {
    "stable-diffusion": "widths = [8, 16]\ndepths = 1\nnum_attention_heads = 2",
    "stable-diffusion-35": "num_layers = 2\nnum_attention_heads = 2\nattention_head_dim = 8",
}
LORA = "[model.lora]\nenabled = true\nrank = 2\nalpha = 3.0"


def released(model: str, folder: Path) -> Path:
    """A tiny pipeline of diffusers with random weights."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer(SAID[1:])
    sizes = {"vocab_size": len(tokenizer), "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2}
    text = CLIPTextConfig(
        **sizes,
        num_attention_heads=2,
        projection_dim=6,
        max_position_embeddings=77,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    vae = AutoencoderKL(
        block_out_channels=[8, 8],
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        norm_num_groups=4,
        latent_channels=2,
        scaling_factor=1.5,
        shift_factor=0.2,
    )
    made = _first(text, tokenizer, vae) if model == "stable-diffusion" else _third(text, tokenizer, vae)
    made.save_pretrained(folder)
    return folder


def _first(text, tokenizer, vae) -> StableDiffusionPipeline:
    unet = UNet2DConditionModel(
        in_channels=2,
        out_channels=2,
        block_out_channels=[8, 16],
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
        up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
        layers_per_block=1,
        cross_attention_dim=8,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    parts = {"vae": vae, "text_encoder": CLIPTextModel(text), "tokenizer": tokenizer, "unet": unet}
    none = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    return StableDiffusionPipeline(**parts, scheduler=DDIMScheduler(), **none)


def _third(text, tokenizer, vae) -> StableDiffusion3Pipeline:
    transformer = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=2,
        out_channels=2,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=20,
        caption_projection_dim=16,
        pooled_projection_dim=12,
        pos_embed_max_size=8,
        dual_attention_layers=(0,),
        qk_norm="rms_norm",
    )
    encoders = {f"text_encoder{suffix}": CLIPTextModelWithProjection(text) for suffix in ("", "_2")}
    tokenizers = {"tokenizer": tokenizer, "tokenizer_2": tokenizer}
    none = {"text_encoder_3": None, "tokenizer_3": None}
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    return StableDiffusion3Pipeline(
        vae=vae, transformer=transformer, scheduler=scheduler, **encoders, **tokenizers, **none
    )


class Released:
    """A world with one tiny released model."""

    def __init__(self, world: World, model: str):
        self.world, self.model = world, model
        self.folder = released(model, world.root / f"released-{model}")
        self.latents = world.root / f"latents-{model}"
        encode_latents(world.dataset("db-only"), self.folder, self.latents)

    def run(self, name: str, lora: bool = False, text: bool = False, scratch: bool = False) -> DiffusionRun:
        """A run from the released weights, or from the seed in their latent space and with their text encoders."""
        extras = ["t5_tokens = 4"] if self.model == "stable-diffusion-35" else []
        extras += ["train_text_encoder = true"] if text else []
        start = [f'pretrained = "{self.folder}"', *([LORA] if lora else [])]
        if scratch:
            start = []
            extras += ["latent_space = true", f'text_encoder = "{self.folder}"', SCRATCH[self.model]]
        values = {
            "model": self.model,
            "start": "\n".join(start),
            "extras": "\n".join(extras),
            "solver": "ddim" if self.model == "stable-diffusion" else "euler",
        }
        path = self.world.root / f"config/diffusion/{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RUN.format(**values))
        run = load_run(path)
        check_run(run, self.world.recipe)
        return run

    def read_by(self, run: DiffusionRun) -> dict:
        captions = self.world.root / f"{run.name}-captions.safetensors"
        cache_prompts(run, SAID[1:], self.folder, captions)
        encoder = self.folder if run.model.extras.train_text_encoder else None
        return {
            "dataset": self.world.dataset("db-only"),
            "captions": captions,
            "latents": self.latents,
            "vae": self.folder,
            "encoder": encoder,
        }
