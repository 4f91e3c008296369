"""Captions as the Stable Diffusion networks read them: token by token.

Of 1.5 the words are the last output of CLIP's text encoder; of 3 and 3.5 the outputs before the last of two of them
beside each other, then those of T5 (zeros where it is left out), and the two projected outputs are the pooled vector.
All as the pipelines of diffusers encode them. A caption is packed into one vector, pooled first (`models.prompt`).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.text import cache_embeddings, check_source, model_of, tokenizer_of

if TYPE_CHECKING:
    from signal_diffusion.config.diffusion import DiffusionRun

CLIP_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")
READERS = {"stable-diffusion": "clip", "stable-diffusion-35": "clips-t5"}


class Towers(nn.Module):
    """The text encoders of one kind, "clip" or "clips-t5", from ids [batch, tokens of all] to packed captions.

    Args:
        lengths: tokens that each encoder reads.
        zeros: tokens of zeros that follow, where T5 is left out.
    """

    def __init__(self, kind: str, encoders: Sequence[nn.Module], lengths: Sequence[int], zeros: int = 0):
        super().__init__()
        self.kind, self.lengths, self.zeros = kind, tuple(lengths), zeros
        self.encoders = nn.ModuleList(encoders)

    @property
    def text(self) -> dict[str, Any]:
        """Blocks and pooled width of a packed caption."""
        configs = [encoder.config for encoder in self.encoders]
        if self.kind == "clip":
            return {"blocks": [[self.lengths[0], configs[0].hidden_size]], "pooled": 0}
        words = [self.lengths[0], configs[0].hidden_size + configs[1].hidden_size]
        more = [self.lengths[2], configs[2].d_model] if len(configs) > 2 else [self.zeros, 0]
        return {"blocks": [words, more], "pooled": configs[0].projection_dim + configs[1].projection_dim}

    def forward(self, ids: Tensor) -> Tensor:
        """ids int64 [batch, tokens of all encoders] to [batch, packed width]."""
        parts = ids.split(self.lengths, dim=1)
        if self.kind == "clip":
            return self.encoders[0](input_ids=parts[0]).last_hidden_state.flatten(1)
        clips = [
            encoder(input_ids=part, output_hidden_states=True)
            for encoder, part in zip(self.encoders[:2], parts[:2], strict=True)
        ]
        words = torch.cat([clip.hidden_states[-2] for clip in clips], dim=-1)
        packed = [*(clip.text_embeds for clip in clips), words.flatten(1)]
        if len(parts) > 2:
            packed.append(self.encoders[2](input_ids=parts[2]).last_hidden_state.flatten(1))
        return torch.cat(packed, dim=1)


class PromptEncoder:
    """Frozen text encoders with their tokenizers, whose `encode` gives packed captions."""

    def __init__(self, towers: Towers, tokenizers: Sequence[Any]):
        self.towers, self.tokenizers = towers.eval().requires_grad_(False), list(tokenizers)

    @classmethod
    def load(
        cls,
        kind: str,
        source: str | Path,
        tokens: int = 77,
        t5_tokens: int = 0,
        skip_t5: bool = True,
        device: str | torch.device = "cpu",
        revision: str | None = None,
    ) -> "PromptEncoder":
        """Read the encoders of a folder or hub id laid out as the released ones; UserError when there are none."""
        from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection
        from transformers.models.clip.tokenization_clip import CLIPTokenizer

        suffixes = [""] if kind == "clip" else ["", "_2"]
        model = CLIPTextModel if kind == "clip" else CLIPTextModelWithProjection
        names = [f"{part}{suffix}" for suffix in suffixes for part in ("tokenizer", "text_encoder")]
        check_source(source, names if skip_t5 else [*names, "tokenizer_3", "text_encoder_3"])
        tokenizers = [
            tokenizer_of(CLIPTokenizer, source, f"tokenizer{suffix}", revision) for suffix in suffixes
        ]
        encoders = [model_of(model, source, f"text_encoder{suffix}", revision) for suffix in suffixes]
        lengths = [tokens] * len(suffixes)
        if not skip_t5:
            from transformers import AutoTokenizer, T5EncoderModel

            tokenizers.append(tokenizer_of(AutoTokenizer, source, "tokenizer_3", revision, least=2))
            encoders.append(model_of(T5EncoderModel, source, "text_encoder_3", revision))
            lengths.append(t5_tokens)
        zeros = t5_tokens if skip_t5 and kind != "clip" else 0
        return cls(Towers(kind, encoders, lengths, zeros).to(device), tokenizers)

    @property
    def text(self) -> dict[str, Any]:
        return self.towers.text

    def parts(self) -> dict[str, Any]:
        """Encoders and tokenizers under the names that pipelines of diffusers give them; they read as many tokens."""
        found: dict[str, Any] = {}
        for number, encoder in enumerate(self.towers.encoders):
            suffix = "" if number == 0 else f"_{number + 1}"
            self.tokenizers[number].model_max_length = self.towers.lengths[number]
            found |= {f"text_encoder{suffix}": encoder, f"tokenizer{suffix}": self.tokenizers[number]}
        return found

    def save(self, folder: Path) -> None:
        """A folder that `load` reads."""
        for name, part in self.parts().items():
            part.save_pretrained(folder / name)

    def arguments(self) -> dict[str, Any]:
        """What `load` is to be told beside the source."""
        towers = self.towers
        third = towers.lengths[2] if len(towers.lengths) > 2 else towers.zeros
        skip = len(towers.lengths) < 3
        return {"kind": towers.kind, "tokens": towers.lengths[0], "t5_tokens": third, "skip_t5": skip}

    def ids(self, captions: Sequence[str]) -> Tensor:
        """int64 [n, tokens of all encoders]; a caption of more tokens than one of them reads raises UserError."""
        parts = []
        keys = ["text_tokens", "text_tokens", "t5_tokens"][: len(self.tokenizers)]
        for key, tokenizer, length in zip(keys, self.tokenizers, self.towers.lengths, strict=True):
            rows = tokenizer(list(captions), padding="max_length", max_length=length)["input_ids"]
            for caption, row in zip(captions, rows, strict=True):
                if len(row) > length:
                    raise UserError(
                        f"caption {caption!r}: {len(row)} tokens, {length} are read; shorten it, or raise "
                        f"model.extras.{key}"
                    )
            parts.append(torch.tensor(rows))
        return torch.cat(parts, dim=1)

    @torch.inference_mode()
    def encode(self, captions: Sequence[str], batch_size: int = 64) -> Tensor:
        """float32 [len(captions), packed width] on the CPU."""
        ids = self.ids(captions)
        device = next(self.towers.parameters()).device
        return torch.cat([self.towers(part.to(device)).float().cpu() for part in ids.split(batch_size)])


class TrainedText(nn.Module):
    """Text encoders that train with the network: ids of captions to packed captions.

    `empty` are the ids of "", which take the place of a dropped caption's.
    """

    def __init__(self, towers: Towers, lora: Mapping[str, Any] | None = None):
        super().__init__()
        self.towers = towers
        if lora is not None:
            from peft import LoraConfig

            towers.requires_grad_(False)
            for encoder in towers.encoders:
                encoder.add_adapter(LoraConfig(**lora))
        self.register_buffer("empty", torch.zeros(sum(towers.lengths), dtype=torch.int64))

    def forward(self, ids: Tensor) -> Tensor:
        """int64 [batch, tokens] to [batch, packed width]."""
        return self.towers(ids)

    def emptied(self, ids: Tensor, drop: Tensor) -> Tensor:
        """ids [batch, tokens] with those of "" where drop [batch]."""
        return torch.where(drop[:, None], self.empty, ids)


def described(encoder: PromptEncoder) -> dict[str, Any]:
    """What `fresh_towers` builds towers of."""
    towers = encoder.towers
    configs = [each.config.to_dict() for each in towers.encoders]
    return {"kind": towers.kind, "configs": configs, "lengths": list(towers.lengths), "zeros": towers.zeros}


def packing(text: Mapping[str, Any]) -> dict[str, Any]:
    """Of all that is known of a run's captions, how they are packed."""
    return {name: text[name] for name in ("blocks", "pooled")}


def fresh_towers(about: Mapping[str, Any]) -> Towers:
    """CLIP text encoders of the described kind with fresh weights."""
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

    model = CLIPTextModel if about["kind"] == "clip" else CLIPTextModelWithProjection
    encoders = [model(CLIPTextConfig(**config)) for config in about["configs"]]
    return Towers(about["kind"], encoders, about["lengths"], about["zeros"])


def prompt_encoder(
    run: "DiffusionRun", source: str | Path, device: str | torch.device = "cpu"
) -> PromptEncoder:
    """The text encoders of a run of a Stable Diffusion network."""
    extras, model = run.model.extras, run.model
    return PromptEncoder.load(
        READERS[model.name],
        source,
        extras.text_tokens,
        extras.t5_tokens,
        extras.skip_t5,
        device,
        model.revision if str(source) == model.pretrained else None,
    )


def cache_prompts(run: "DiffusionRun", captions: Iterable[str], source: str | Path, path: str | Path) -> None:
    """What training reads of captions and of "": packed captions, or their ids where the encoders train."""
    encoder = prompt_encoder(run, source)
    text = {**encoder.text, "towers": None}
    if run.model.extras.train_text_encoder:
        text["towers"] = {**described(encoder), "lora": lora_of_text(run)}
    cache_embeddings({*captions, ""}, encoder.ids if text["towers"] else encoder.encode, path, text=text)


def adapters(run: "DiffusionRun") -> dict[str, Any] | None:
    """Arguments of peft's LoraConfig; None where nothing adapts."""
    lora = run.model.lora
    if not lora.enabled:
        return None
    return {
        "r": lora.rank,
        "lora_alpha": lora.alpha if lora.scaling is None else lora.scaling * lora.rank,
        "lora_dropout": lora.dropout,
        "target_modules": lora.target_modules,
        "bias": lora.bias,
    }


def lora_of_text(run: "DiffusionRun") -> dict[str, Any] | None:
    """Adapters of the text encoders: as the network's, of all projections of attention."""
    lora = adapters(run)
    return None if lora is None else {**lora, "target_modules": list(CLIP_PROJECTIONS)}
