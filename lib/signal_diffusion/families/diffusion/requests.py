"""What a synthetic dataset asks of a model: rows of labels and captions, and the prompts that they become."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.synthetic import SyntheticSet
from signal_diffusion.datasets.batches import systematic_counts
from signal_diffusion.datasets.captions import caption, modality
from signal_diffusion.datasets.labels import LABELS, check_labels
from signal_diffusion.errors import UserError
from signal_diffusion.families.diffusion.conditioning import FIELDS, Conditioning, class_word
from signal_diffusion.families.diffusion.generate import reference_rows

NUMBERS = ("age",)
TEXT, SHARE = "text", "share"
Prompt = str | dict[str, Any] | None


def requested_rows(
    synthetic: SyntheticSet,
    real: pd.DataFrame,
    labels: Sequence[str],
    told: Conditioning,
    recipe: Recipe,
    kind: str,
) -> pd.DataFrame:
    """One row per synthetic window: its `labels`, as words, ages as numbers, and its caption in `text`.

    real: rows of the split that `conditions` names; kind: the representation. UserError for labels that the model's
    dataset has not.
    """
    wanted, seed, known = synthetic.conditions, synthetic.generation.seed, _told_labels(told, recipe)
    # Classes may be those of a column that is no label, such as the dataset.
    labels = list(dict.fromkeys([*labels, *(known if told.kind == "classes" else ())]))
    count, columns = synthetic.generation.num_samples, [*labels, TEXT]
    if wanted.distribution == "reference":
        rows = real.iloc[reference_rows(len(real), count, seed)]
    elif wanted.distribution == "balanced":
        chosen = wanted.labels or [name for name in known if name not in NUMBERS and name in real]
        rows = _balanced(synthetic, real, chosen, known, count)
    else:
        rows = _given(synthetic, labels, known, count)
    rows = _words(rows.reset_index(drop=True).reindex(columns=columns), known)
    if told.kind != "caption" or wanted.distribution != "reference":
        rows[TEXT] = _captions(rows, recipe, kind, wanted.distribution == "given")
    return rows


def _words(rows: pd.DataFrame, told: Sequence[str]) -> pd.DataFrame:
    """Words and ages; a label that the model was not told is unknown of what it draws, whatever the real row says."""
    for name in rows:
        if name in NUMBERS:
            rows[name] = pd.to_numeric(rows[name] if name in told else pd.Series(np.nan, rows.index))
        elif name != TEXT and name not in told:
            rows[name] = ""
        else:
            rows[name] = rows[name].astype(object).fillna("").astype(str)
    return rows


def prompts_of(rows: pd.DataFrame, told: Conditioning) -> list[Prompt]:
    """What the published model is asked with for each row."""
    records = rows.to_dict("records")
    if told.kind == "caption":
        return [record[TEXT] for record in records]
    if told.kind == "classes":
        return [{told.column: class_word(record, told.column)} for record in records]
    if told.kind == "gend_hlth_age":
        return [_known(record) for record in records]
    return [None] * len(records)


def _known(record: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: record.get(name) for name in FIELDS}
    return {name: value for name, value in found.items() if value not in ("", None) and value == value}


def _told_labels(told: Conditioning, recipe: Recipe) -> Sequence[str]:
    if told.kind == "caption":
        return recipe.captions.fields
    if told.kind == "classes":
        return LABELS[told.column].columns if told.column in LABELS else (told.column,)
    return FIELDS if told.kind == "gend_hlth_age" else ()


def _check_told(source: str, asked: Sequence[str], known: Sequence[str]) -> None:
    if unheard := [name for name in asked if name not in known]:
        raise UserError(
            f"{source}: the model is not told of {unheard[0]}, only of {', '.join(known) or 'nothing'}; leave it out"
        )


def _balanced(
    synthetic: SyntheticSet, real: pd.DataFrame, labels: Sequence[str], known: Sequence[str], count: int
) -> pd.DataFrame:
    """Every combination of the labels' known words equally often; the rest as in real rows, like ones if there are."""
    rng = np.random.default_rng(synthetic.generation.seed)
    if missing := [name for name in labels if name not in real]:
        raise UserError(
            f"{synthetic.path} [conditions] labels: the dataset has no {missing[0]}; name one it has"
        )
    _check_told(f"{synthetic.path} [conditions] labels", labels, known)
    words = [sorted(set(real[name].astype(str)) - {"", "nan"}) for name in labels]
    cells = list(product(*words))
    if not (labels and cells):
        raise UserError(
            f"{synthetic.path} [conditions] labels: there are none that the model is told and the real rows know"
        )
    parts = []
    for place, cell in enumerate(cells):
        wanted = count // len(cells) + (place < count % len(cells))
        alike = np.flatnonzero((real[list(labels)].astype(str) == list(cell)).all(axis=1))
        pool = alike if len(alike) else np.arange(len(real))
        drawn = real.iloc[rng.choice(pool, wanted)]
        parts.append(drawn.assign(**dict(zip(labels, cell, strict=True))))
    return pd.concat(parts)


def _given(synthetic: SyntheticSet, labels: Sequence[str], told: Sequence[str], count: int) -> pd.DataFrame:
    """The given conditions in proportion to their shares, each rounded up or down."""
    wanted = synthetic.conditions
    source = wanted.table or f"{synthetic.path} [[conditions.given]]"
    table = _read(Path(wanted.table)) if wanted.table else pd.DataFrame(wanted.given)
    if unknown := [name for name in table if name not in (*labels, TEXT, SHARE)]:
        known = ", ".join([*labels, TEXT, SHARE])
        raise UserError(f"{source}: column {unknown[0]!r} is no label here; known are {known}")
    _check_told(source, [name for name in table if name not in (TEXT, SHARE)], told)
    table = table.astype(object).where(table.notna(), "")
    check_labels(table, source)
    shares = _shares(table)
    if not (len(table) and (shares > 0).all()):
        raise UserError(f"{source}: {SHARE} must be a number above 0 in every line; correct it")
    counts = systematic_counts(shares.to_numpy(np.float64), count, 0.5)
    return table.loc[table.index.repeat(counts)].drop(columns=SHARE, errors="ignore").replace("", np.nan)


def _shares(table: pd.DataFrame) -> pd.Series:
    """1 where none is given, NaN for what is no number."""
    if SHARE not in table:
        return pd.Series(1.0, table.index)
    return pd.to_numeric(table[SHARE].replace("", 1.0), errors="coerce")


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); [conditions] table wants a CSV") from None


def _captions(rows: pd.DataFrame, recipe: Recipe, kind: str, keep: bool) -> list[str]:
    """Captions by the recipe's template; a text that was given stays."""
    made = [caption(row, recipe.captions, modality(kind)) for row in rows.to_dict("records")]
    return [text if keep and text else own for text, own in zip(rows[TEXT], made, strict=True)]
