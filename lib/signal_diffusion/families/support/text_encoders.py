"""A tiny pair of CLIP text encoders, in the folder layout of a Stable Diffusion 3 pipeline.

They stand in for the released ones where those cannot be had or are out of proportion, and are read by the
same code. They learn only what the caption template says: from each output, one linear map reads every field.
"""

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from signal_diffusion import files
from signal_diffusion.datasets.batches import BatchOrder
from signal_diffusion.datasets.captions import VOCABULARY, caption, modality
from signal_diffusion.datasets.storage import read_metadata, read_spec
from signal_diffusion.errors import UserError
from signal_diffusion.families.support.fitting import fit
from signal_diffusion.families.support.tokenizer import MAX_TOKENS, build_tokenizer
from signal_diffusion.training.seeds import seed_global

if TYPE_CHECKING:
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer

    from signal_diffusion.config.recipe import Captions
    from signal_diffusion.config.support import SupportRun, Text

ADULT_AGES = range(18, 91)
Row = dict[str, Any]


def build_text_encoders(run: "SupportRun", dataset_folder: str | Path, out: str | Path) -> None:
    """Train both encoders of `run` on the captions that the template of its recipe can make, and write `out`.

    Ages are those of adults and any other in the dataset. `out` holds tokenizer/, text_encoder/,
    tokenizer_2/, text_encoder_2/; equal inputs give equal files on one machine.
    """
    from signal_diffusion.config import load_recipe

    captions = load_recipe(run.dataset.name).captions
    if not captions.fields:
        raise UserError(
            f"recipe {run.dataset.name}: captions.fields is empty, so captions say nothing; name some"
        )
    metadata = read_metadata(Path(dataset_folder) / "metadata.csv")
    ages = {*ADULT_AGES, *metadata["age"].dropna().astype(int)}
    rows = caption_rows(captions, sorted(ages))
    tokenizer, encoders = train_text_encoders(
        run, captions, rows, set(metadata["text"]), read_spec(dataset_folder)["representation"]
    )
    with files.replaced_folder(out) as folder:
        for suffix, encoder in zip(("", "_2"), encoders, strict=True):
            tokenizer.save_pretrained(folder / f"tokenizer{suffix}")
            encoder.save_pretrained(folder / f"text_encoder{suffix}")


def caption_rows(captions: "Captions", ages: Sequence[int]) -> list[Row]:
    """Every combination of the fields that captions name, each of them known or not."""
    values = {"age": ("", *ages), **VOCABULARY}
    choices = [values[field] for field in captions.fields]
    return [dict(zip(captions.fields, choice, strict=True)) for choice in product(*choices)]


def train_text_encoders(
    run: "SupportRun",
    captions: "Captions",
    rows: Sequence[Row],
    other_texts: set[str] = frozenset(),
    representation: str = "db-only",
) -> "tuple[CLIPTokenizer, list[CLIPTextModelWithProjection]]":
    """One tokenizer, of `other_texts` too, and the two encoders, trained on the captions of `rows`."""
    texts = [caption(row, captions, modality(representation)) for row in rows]
    tokenizer = build_tokenizer({*texts, *other_texts})
    # The text after the end token is not read (attention is causal), so training need not pad to 77.
    tokens = torch.tensor(tokenizer(texts, padding="longest")["input_ids"])
    seed_global(torch.device("cpu"), run.training.seed)
    model = CaptionReader(_encoders(run.text, tokenizer), targets := field_targets(rows))
    task = CaptionTask(model, tokens, targets, run.training.batch_size, run.training.seed)
    model.load_state_dict(fit(task, run.training, "text encoders", weight_decay=0.0))
    return tokenizer, [encoder.cpu().eval() for encoder in model.encoders]


def field_targets(rows: Sequence[Row]) -> Tensor:
    """What the captions say, float32 [rows, targets], each column of mean 0 and variance 1.

    Age, its being known, and one indicator per class of the other fields; zero where nothing is said.
    """
    columns = []
    for field in rows[0]:
        values = np.array([str(row[field]) for row in rows])
        if field == "age":
            columns.append(_standardised(np.where(values == "", "nan", values).astype(np.float64)))
        columns += [_standardised((values == value).astype(np.float64)) for value in _classes(field)]
    return torch.tensor(np.stack(columns, axis=1), dtype=torch.float32)


class CaptionReader(nn.Module):
    """Two encoders with a linear read-out on each output that a pipeline may use."""

    def __init__(self, encoders: "Sequence[CLIPTextModelWithProjection]", targets: Tensor):
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        widths = [w for e in encoders for w in (e.config.hidden_size, e.config.projection_dim)]
        self.readouts = nn.ModuleList(nn.Linear(width, targets.shape[1]) for width in widths)

    def forward(self, tokens: Tensor) -> list[Tensor]:
        """Tokens [batch, length] to one prediction [batch, targets] per output."""
        outputs: list[Tensor] = []
        for encoder in self.encoders:
            pooled = encoder.text_model(input_ids=tokens).pooler_output
            outputs += [pooled, encoder.text_projection(pooled)]
        return [readout(output) for readout, output in zip(self.readouts, outputs, strict=True)]


class CaptionTask:
    """Read every field from every output (`signal_diffusion.training.task.Task`)."""

    def __init__(self, model: CaptionReader, tokens: Tensor, targets: Tensor, batch_size: int, seed: int):
        self.model, self._tokens, self._targets = model, tokens, targets
        self._order = BatchOrder(len(tokens), batch_size, seed)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.model.parameters())}]

    def batch(self, step: int, micro: int) -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(self._order.indices(step))
        return self._tokens[rows], self._targets[rows]

    def loss(
        self, model: nn.Module, batch: tuple[Tensor, Tensor], generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        tokens, targets = batch
        return torch.stack([F.mse_loss(guess, targets) for guess in model(tokens)]).mean(), {}

    def evaluate(self, model: nn.Module, step: int) -> dict[str, float]:
        losses = [F.mse_loss(guess, self._targets).item() for guess in model(self._tokens)]
        return {"mse": float(np.mean(losses))}

    def images(self, model: nn.Module, step: int) -> list[tuple[str, np.ndarray]]:
        return []


def _classes(field: str) -> tuple[str, ...]:
    return ("",) if field == "age" else tuple(value for value in VOCABULARY[field] if value)


def _standardised(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num((values - np.nanmean(values)) / np.nanstd(values))


def _encoders(text: "Text", tokenizer: "CLIPTokenizer") -> "list[CLIPTextModelWithProjection]":
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModelWithProjection

    configs = [
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=text.width,
            intermediate_size=4 * text.width,
            num_hidden_layers=text.layers,
            num_attention_heads=math.gcd(text.width, 2),
            hidden_act="gelu",
            max_position_embeddings=MAX_TOKENS,
            projection_dim=projection,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        for projection in text.projections
    ]
    return [CLIPTextModelWithProjection(config) for config in configs]
