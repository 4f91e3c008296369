"""What a model is told of a window: nothing, a caption, a class, or gender, health and age.

Whatever it is, a network takes one vector [batch, width]. Captions are vectors already (`text`); labels are codes
[batch, ...] that a module of the model embeds, so that the embeddings are trained and travel in its weights. A label
that is unknown has a learned null of its own; the null condition that guidance needs is the network's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.datasets.labels import LABELS
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.prompts import TrainedText, fresh_towers
from signal_diffusion.models.mapping import FourierFeatures
from signal_diffusion.models.prompt import packed_width

AGE_SCALE = 100.0  # years; ages are divided by it in training, evaluation and sampling alike
LABEL_WIDTH = 256
FIELDS = ("gender", "health", "age")
Labels = Mapping[str, Any]


@dataclass(frozen=True)
class Conditioning:
    """A plain description of what a model is told.

    kind: "none", "caption", "classes" or "gend_hlth_age"; width: of the vector, 0 for none; column: the label of
    classes; classes: its words, in the order of their codes; guided: whether the null condition was trained;
    text: where captions are read word by word, how they are packed, and text encoders that train (`prompts`).
    """

    kind: str
    width: int = 0
    column: str | None = None
    classes: tuple[str, ...] = ()
    guided: bool = False
    text: Mapping[str, Any] | None = None

    def module(self) -> nn.Module | None:
        """What embeds codes or ids, with fresh weights; None where conditions are vectors or nothing."""
        if self.text is not None and self.text["towers"] is not None:
            return TrainedText(fresh_towers(self.text["towers"]), self.text["towers"]["lora"])
        if self.kind == "classes":
            return ClassEmbedding(len(self.classes), self.width)
        return LabelEmbedding(self.width) if self.kind == "gend_hlth_age" else None

    def codes(self, rows: pd.DataFrame | Sequence[Labels]) -> Tensor | None:
        """Conditions of rows of labels: int64 [n], float32 [n, 3]; None for kinds that read none.

        UserError for a word that the model does not know.
        """
        records = rows.to_dict("records") if isinstance(rows, pd.DataFrame) else list(rows)
        if self.kind == "classes":
            return torch.tensor([self._class(record) for record in records], dtype=torch.int64)
        if self.kind == "gend_hlth_age":
            return torch.tensor([_fields(record) for record in records], dtype=torch.float32)
        return None

    def _class(self, record: Labels) -> int:
        word = class_word(record, self.column)
        if word == "":
            return len(self.classes)
        if word not in self.classes:
            raise UserError(
                f"{self.column} is {word!r}; the model knows {', '.join(self.classes)}; leave it empty when unknown"
            )
        return self.classes.index(word)


def conditioning_of(
    run: DiffusionRun,
    training: pd.DataFrame,
    embeddings: Mapping[str, np.ndarray] | None,
    text: Mapping[str, Any] | None = None,
) -> Conditioning:
    """The conditioning of a run, from its training rows and its captions' embeddings; UserError if they do not fit."""
    kind, wanted = run.model.conditioning, run.model.extras.mapping_cond_dim
    guided = run.model.extras.cfg_dropout > 0
    if kind == "none":
        return Conditioning(kind)
    if kind == "caption":
        width = packed_width(text) if text else len(next(iter(embeddings.values())))
        return Conditioning(kind, _caption_width(run, wanted, width), guided=guided, text=text)
    classes, column = (), run.dataset.class_column
    if kind == "classes":
        classes = _classes(run, training)
    return Conditioning(kind, wanted or LABEL_WIDTH, column, classes, guided)


def conditions_of(
    conditioning: Conditioning,
    rows: pd.DataFrame,
    embeddings: Mapping[str, np.ndarray] | None,
    caption_column: str,
) -> "Conditions | None":
    """The condition of each metadata row, [n, ...]; None for a model that is told nothing."""
    if conditioning.kind != "caption":
        return conditioning.codes(rows)
    codes, captions = pd.factorize(rows[caption_column])
    return Looked(torch.from_numpy(np.stack([embeddings[caption] for caption in captions])), codes)


class Looked:
    """Conditions of rows that share a few: `vectors` [distinct, ...], and which of them each row has."""

    def __init__(self, vectors: Tensor, codes: np.ndarray):
        self._vectors, self._codes = vectors, codes

    def __len__(self) -> int:
        return len(self._codes)

    def __getitem__(self, rows: Any) -> Tensor:
        """The conditions of rows, [n, ...]."""
        return self._vectors[self._codes[rows]]

    def of(self, rows: np.ndarray) -> "Looked":
        """Those of rows in place of all."""
        return Looked(self._vectors, self._codes[rows])


Conditions = Tensor | Looked


def chosen(conditions: Conditions | None, rows: np.ndarray) -> Conditions | None:
    """The conditions of rows, not looked up before they are asked for."""
    if conditions is None or isinstance(conditions, Tensor):
        return None if conditions is None else conditions[rows]
    return conditions.of(rows)


def class_word(record: Labels, column: str) -> str:
    """The word of a row's class, empty when unknown; words of composite labels are joined by `-`."""
    parts = LABELS[column].columns if column in LABELS else (column,)
    words = (
        [str(record.get(column, ""))] if record.get(column) else [_text(record.get(part)) for part in parts]
    )
    return "" if "" in words else "-".join(words)


class ClassEmbedding(nn.Module):
    """A vector per class, and a last one for an unknown class."""

    def __init__(self, classes: int, width: int):
        super().__init__()
        self.vectors = nn.Embedding(classes + 1, width)

    def forward(self, codes: Tensor) -> Tensor:
        """Codes int64 [batch] to [batch, width]."""
        return self.vectors(codes)


class LabelEmbedding(nn.Module):
    """The sum of a vector for gender, one for health and one for age, of which each has its own for unknown."""

    def __init__(self, width: int):
        super().__init__()
        self.gender, self.health = (
            nn.Embedding(LABELS[name].num_classes + 1, width) for name in ("gender", "health")
        )
        self.features = FourierFeatures(width)
        self.age = nn.Linear(self.features.frequencies.numel() * 2, width)
        self.no_age = nn.Parameter(torch.randn(width))

    def forward(self, codes: Tensor) -> Tensor:
        """Codes float32 [batch, 3], gender, health and age in years, NaN for unknown, to [batch, width]."""
        gender, health, age = codes.unbind(1)
        known = torch.where(age.isnan(), self.no_age.new_zeros(()), age) / AGE_SCALE
        years = torch.where(age.isnan()[:, None], self.no_age, self.age(self.features(known)))
        return _looked_up(self.gender, gender) + _looked_up(self.health, health) + years


def _looked_up(table: nn.Embedding, codes: Tensor) -> Tensor:
    return table(torch.where(codes.isnan(), table.num_embeddings - 1, codes).long())


def _fields(record: Labels) -> list[float]:
    codes = [LABELS[name].encode({name: _text(record.get(name))}) for name in FIELDS]
    return [float("nan") if code is None else float(code) for code in codes]


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _classes(run: DiffusionRun, training: pd.DataFrame) -> tuple[str, ...]:
    column, wanted = run.dataset.class_column, run.dataset.num_classes
    label = LABELS.get(column)
    if label is not None and not label.parts:
        raise UserError(f"{run.path} [dataset] class_column: {column} is a number; name a label with classes")
    columns = label.columns if label else (column,)
    if missing := [name for name in columns if name not in training]:
        raise UserError(
            f"{run.path} [dataset] class_column: the dataset has no column {missing[0]}; name one it has"
        )
    if label is not None:
        found = tuple(label.decode(code) for code in range(label.num_classes))
    else:
        found = tuple(sorted(set(training[column].astype(str)) - {""}))
    if len(found) != wanted:
        known = ", ".join(found) or "none"
        raise UserError(
            f"{run.path} [dataset] num_classes: found {wanted}, but {column} has {len(found)} ({known}); set that"
        )
    return found


def _caption_width(run: DiffusionRun, wanted: int | None, found: int) -> int:
    if wanted not in (None, found):
        raise UserError(
            f"{run.path} [model.extras] mapping_cond_dim: found {wanted}, the text encoders give {found}; "
            f"set {found} or remove the key"
        )
    return found
