"""What a Stable Diffusion run starts from beside its seed: the null condition, pretrained weights, text encoders."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.prompts import TrainedText, adapters, prompt_encoder
from signal_diffusion.files import sha256

if TYPE_CHECKING:
    from signal_diffusion.config.diffusion import DiffusionRun
    from signal_diffusion.families.diffusion.denoiser import Denoiser
    from signal_diffusion.families.diffusion.material import Material

NULL_CAPTION = ""
PARTS = {
    "stable-diffusion": "unet",
    "stable-diffusion-35": "transformer",
}  # of the folders that diffusers writes
PIPELINES = {"stable-diffusion": "StableDiffusionPipeline", "stable-diffusion-35": "StableDiffusion3Pipeline"}
REMEDY = "give the folder of a diffusers pipeline with safetensors, or a hub id that was downloaded or can be reached"


def start_from(denoiser: "Denoiser", material: "Material") -> None:
    """Set what the seed does not say: the pretrained weights; the caption "", which guidance leads away from."""
    if material.run.model.pretrained is not None:
        load_under_adapters(denoiser.network.inner, _weights(material.run))
    if material.text is None:
        return
    null = torch.from_numpy(material.embeddings[NULL_CAPTION])
    if not isinstance(denoiser.conditioner, TrainedText):
        denoiser.network.prompt.null.copy_(null)
        return
    denoiser.conditioner.empty.copy_(null)
    if material.encoder is None:
        raise UserError(
            f"{material.run.path} [model.extras] train_text_encoder: give --encoder, the folder or hub id to start from"
        )
    given = prompt_encoder(material.run, material.encoder).towers.encoders
    for ours, theirs in zip(denoiser.conditioner.towers.encoders, given, strict=True):
        load_under_adapters(ours, theirs.state_dict())


def pretrained_arguments(
    run: "DiffusionRun", shape: tuple[int, ...], condition_width: int, text: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the registry builds a network of that pretrained weights fit; UserError where they do not fit the data."""
    kind, source = _kind(run.model.name), run.model.pretrained
    with _as_user_error(run):
        config = kind.load_config(source, subfolder=PARTS[run.model.name], revision=run.model.revision)
    if "cross_attention_dim" not in config and "joint_attention_dim" not in config:
        raise UserError(f"{_where(run)}: not of a {kind.__name__}; {REMEDY}")
    _check_grid(run, config, shape)
    _check_text(run, config, text)
    plain = {key: value for key, value in config.items() if not key.startswith("_")}
    return {
        "config": plain,
        "condition_width": 0 if text else condition_width,
        "text": text,
        "lora": adapters(run),
    }


def pretrained_digests(run: "DiffusionRun") -> list[str]:
    """Hashes of the weights of a folder that a run starts from; a hub id and its revision speak for themselves."""
    folder = Path(run.model.pretrained or "") / PARTS.get(run.model.name, "")
    if run.model.pretrained is None or not folder.is_dir():
        return []
    return [sha256(path) for path in sorted(folder.glob("*.safetensors"))]


def encoder_digests(material: "Material") -> list[str]:
    """Hashes of the weights that text encoders which train start from, or their hub id; of frozen ones the captions'
    embeddings tell."""
    if not getattr(material.run.model.extras, "train_text_encoder", False):
        return []
    if not Path(material.encoder or "").is_dir():
        return [str(material.encoder)]
    return [sha256(path) for path in sorted(Path(material.encoder).glob("text_encoder*/*.safetensors"))]


def load_under_adapters(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load weights into a model whose layers may lie under adapters."""
    names = {name.replace(".base_layer.", "."): name for name in model.state_dict()}
    missing = sorted(set(state) - set(names))
    if missing:
        raise UserError(f"pretrained weights hold {missing[0]}, which this network has not; {REMEDY}")
    model.load_state_dict({names[name]: value for name, value in state.items()}, strict=False)


def _check_grid(run: "DiffusionRun", config: Mapping[str, Any], shape: tuple[int, ...]) -> None:
    if config["in_channels"] != shape[0]:
        message = f"reads {config['in_channels']} channels, the latents have {shape[0]}; name the VAE that goes with it"
        raise UserError(f"{_where(run)}: {message}")
    places = config.get("pos_embed_max_size")
    most = places * config["patch_size"] if places else max(shape[1:])
    if max(shape[1:]) > most:
        message = f"knows places of {most} x {most} latents, these are {max(shape[1:])} high or wide"
        raise UserError(f"{_where(run)}: {message}; give the recipe a lower spectrogram.resolution")


def _check_text(run: "DiffusionRun", config: Mapping[str, Any], text: Mapping[str, Any] | None) -> None:
    if text is None:
        return
    read = config.get("cross_attention_dim") or config["joint_attention_dim"]
    widest = max(width for _, width in text["blocks"])
    pooled = config.get("pooled_projection_dim", 0)
    if widest > read or text["pooled"] != pooled:
        found = f"words of {widest} and a pooled vector of {text['pooled']}"
        message = f"reads words of {read} and a pooled vector of {pooled}, the text encoders give {found}"
        raise UserError(f"{_where(run)}: {message}; remove model.extras.text_encoder")


def _weights(run: "DiffusionRun") -> dict[str, Tensor]:
    with _as_user_error(run):
        model = _kind(run.model.name).from_pretrained(
            run.model.pretrained,
            subfolder=PARTS[run.model.name],
            revision=run.model.revision,
            use_safetensors=True,
            torch_dtype=torch.float32,
        )
    return model.state_dict()


def _kind(name: str) -> type:
    import diffusers

    return diffusers.UNet2DConditionModel if name == "stable-diffusion" else diffusers.SD3Transformer2DModel


def _where(run: "DiffusionRun") -> str:
    return f"{run.path} [model] pretrained: {run.model.pretrained}, {PARTS[run.model.name]}"


@contextmanager
def _as_user_error(run: "DiffusionRun") -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise UserError(f"{_where(run)}: {reason}; {REMEDY}") from error
