"""A trained Stable Diffusion run as it is published: adapters merged, text encoders apart, open to plain diffusers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from signal_diffusion.config.stable_diffusion import StableDiffusion35Extras
from signal_diffusion.diffusion.paths import SCALED_BETAS
from signal_diffusion.families.diffusion.generate import INNER
from signal_diffusion.families.diffusion.latents import SUBFOLDER, LatentSpace
from signal_diffusion.families.diffusion.model import build
from signal_diffusion.families.diffusion.pipeline import TEXT, WEIGHTS
from signal_diffusion.families.diffusion.pretrained import NULL_CAPTION, PARTS, PIPELINES, load_under_adapters
from signal_diffusion.families.diffusion.prompts import PromptEncoder, TrainedText, prompt_encoder
from signal_diffusion.models.foreign import ADAPTER
from signal_diffusion.training.weights import load_weights, save_weights

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

    from signal_diffusion.config.diffusion import DiffusionRun
    from signal_diffusion.families.diffusion.denoiser import Denoiser
    from signal_diffusion.models.prompt import Prompt

LORA = "lora"
WHOLE = "1000GB"  # no file is cut
INDEX = "model_index.json"  # of a folder of diffusers
PLAIN_USAGE = """

# the same with diffusers alone
from diffusers import {kind}

plain = {kind}.from_pretrained("{folder}/model"{absent})
plain({caption}, {more}).images[0]"""


@dataclass(frozen=True)
class Baked:
    """A model without adapters or trained text encoders inside, its description, and its frozen text encoders."""

    denoiser: "Denoiser"
    description: dict[str, Any]
    prompts: PromptEncoder | None


def publish_baked(
    run: "DiffusionRun", model: Path, encoder: str | Path | None, space: LatentSpace | None, out: Path
) -> dict[str, Any] | None:
    """Write a run's network, text encoders and VAE into `out`; what reads its captions, None where none are.

    A run with the objective of the released models, captions and their latent space becomes a folder of diffusers:
    `from_pretrained` of its pipeline opens it too. Adapters are merged, and lie beside it in `lora/`.
    """
    baked = bake(run, model, encoder, out)
    plain = baked.prompts is not None and opens_in_diffusers(run, baked.denoiser, space)
    state = baked.denoiser.state_dict()
    if plain:
        pipeline_of(run, baked, space).save_pretrained(out, max_shard_size=WHOLE)
        state = {name: value for name, value in state.items() if not name.startswith(INNER)}
        save_weights(out / WEIGHTS, state, {**baked.description, "inner": PARTS[run.model.name]})
    else:
        save_weights(out / WEIGHTS, state, baked.description)
        if baked.prompts is not None:
            baked.prompts.save(out / TEXT)
        if space is not None:
            space.save(out / SUBFOLDER)
    return None if baked.prompts is None else baked.prompts.arguments()


def plain_usage(run: "DiffusionRun", model: Path, folder: str, caption: str, side: int) -> str:
    """Python that generates with diffusers alone; empty where the published folder `model` is not open to it.

    caption: as Python writes it; side: of the images, pixels.
    """
    if not (model / INDEX).is_file():
        return ""
    extras, settings = run.model.extras, run.inference
    steps = f"num_inference_steps={settings.denoising_steps}"
    three = isinstance(extras, StableDiffusion35Extras)
    if three:
        steps += f", max_sequence_length={extras.t5_tokens}"
    absent = three and extras.skip_t5
    return PLAIN_USAGE.format(
        kind=PIPELINES[run.model.name],
        folder=folder,
        absent=", text_encoder_3=None, tokenizer_3=None" if absent else "",
        caption=caption,
        more=f"height={side}, width={side}, guidance_scale={settings.cfg_scale:g}, {steps}",
    )


def bake(run: "DiffusionRun", model: Path, encoder: str | Path | None, out: Path) -> Baked:
    """The model of the weights file `model` without adapters; they go to `out`/lora where diffusers takes them."""
    state, description = load_weights(model)
    trained, _ = build(description)
    trained.load_state_dict(state)
    prompts = None
    if run.model.conditioning == "caption" and encoder is not None:
        prompts = prompt_encoder(run, encoder)
    lora = description["network"].get("lora")
    if lora is not None and lora["bias"] == "none":  # `load_lora_weights` refuses trained biases
        _save_adapters(run, trained, out / LORA)
    baked_description = _without_extras(description)
    denoiser, _ = build(baked_description)
    denoiser.load_state_dict(_merged(trained), strict=False)
    if prompts is not None and isinstance(trained.conditioner, TrainedText):
        for ours, theirs in zip(prompts.towers.encoders, trained.conditioner.towers.encoders, strict=True):
            load_under_adapters(ours, _merged(theirs))
        denoiser.network.prompt.null.copy_(prompts.encode([NULL_CAPTION])[0])
    return Baked(denoiser.eval(), baked_description, prompts)


def opens_in_diffusers(run: "DiffusionRun", denoiser: "Denoiser", space: LatentSpace | None) -> bool:
    """Whether plain diffusers computes what the run's model does."""
    objective, native = run.objective, run.model.extras.native["objective"]
    predictions = {native["prediction_type"], "v" if run.model.name == "stable-diffusion" else ""}
    return (
        space is not None
        and run.model.conditioning == "caption"
        and run.dataset.standardise == "none"
        and not objective.precondition
        and objective.prediction_type in predictions
        and objective.noise_schedule == native["noise_schedule"]
        and denoiser.network.patch == (1, 1)
        and _as_wide(run.model.name, denoiser.network.prompt)
        and (run.model.name != "stable-diffusion" or space.shift_can_move)
    )


def _as_wide(name: str, prompt: "Prompt") -> bool:
    """Whether words are as wide as the network reads them; diffusers fills up CLIP's alone, those of 3.5."""
    widths = [width for _, width in prompt.text["blocks"] if width]
    return max(widths) == prompt.width or (name == "stable-diffusion-35" and len(widths) == 1)


def pipeline_of(run: "DiffusionRun", baked: Baked, space: LatentSpace) -> "DiffusionPipeline":
    """The pipeline of diffusers that is made of the same parts."""
    import diffusers

    parts = baked.prompts.parts()
    network = {PARTS[run.model.name]: baked.denoiser.network.inner}
    if run.model.name == "stable-diffusion":
        scheduler = diffusers.DDIMScheduler(
            beta_start=SCALED_BETAS[0],
            beta_end=SCALED_BETAS[1],
            beta_schedule="scaled_linear",
            clip_sample=False,
            steps_offset=1,
            timestep_spacing="trailing",
            prediction_type="v_prediction" if run.objective.prediction_type == "v" else "epsilon",
        )
        network["unet"].register_to_config(sample_size=baked.denoiser.mean.shape[-1])
        silent = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        return diffusers.StableDiffusionPipeline(
            vae=space.without_shift(), scheduler=scheduler, **parts, **network, **silent
        )
    if space.vae.config.shift_factor is None:  # which its pipeline adds
        space.vae.register_to_config(shift_factor=0.0)
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=run.inference.timestep_shift)
    third = {"text_encoder_3": None, "tokenizer_3": None}
    return diffusers.StableDiffusion3Pipeline(
        vae=space.vae, scheduler=scheduler, **{**third, **parts}, **network
    )


def _without_extras(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a model whose text encoders are frozen and whose adapters are merged."""
    network, conditioning = dict(description["network"]), dict(description["conditioning"])
    if network.get("lora") is not None:
        network["lora"] = None
    if conditioning["text"] is not None:
        conditioning["text"] = {**conditioning["text"], "towers": None}
    return {**description, "network": network, "conditioning": conditioning}


def _merged(model: nn.Module) -> dict[str, Tensor]:
    """The weights of `model` with those of its adapters added, under the names that they have without."""
    if any(".base_layer." in name for name in model.state_dict()):
        from peft.tuners.tuners_utils import BaseTunerLayer

        for module in model.modules():
            if isinstance(module, BaseTunerLayer) and not module.merged:
                module.merge()
    return {
        name.replace(".base_layer.", "."): value
        for name, value in model.state_dict().items()
        if ".lora_" not in name
    }


def _save_adapters(run: "DiffusionRun", denoiser: "Denoiser", folder: Path) -> None:
    """Adapters as `load_lora_weights` of the pipeline reads them."""
    import diffusers
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import get_peft_model_state_dict

    adapted: dict[str, nn.Module] = {PARTS[run.model.name]: denoiser.network.inner}
    if isinstance(denoiser.conditioner, TrainedText):
        encoders = denoiser.conditioner.towers.encoders
        adapted |= {f"text_encoder{'' if i == 0 else f'_{i + 1}'}": each for i, each in enumerate(encoders)}
    layers: dict[str, Any] = {}
    for name, model in adapted.items():
        state = get_peft_model_state_dict(model, adapter_name=ADAPTER)
        text = name.startswith("text_encoder")
        layers[f"{name}_lora_layers"] = convert_state_dict_to_diffusers(state) if text else state
        layers[f"{name}_lora_adapter_metadata"] = _plain(model.peft_config[ADAPTER].to_dict())
    getattr(diffusers, PIPELINES[run.model.name]).save_lora_weights(folder, **layers)


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of peft's configuration is plain values."""
    listed = {name: sorted(value) if isinstance(value, set) else value for name, value in config.items()}
    return {
        name: value for name, value in listed.items() if isinstance(value, str | int | float | list | bool)
    }
