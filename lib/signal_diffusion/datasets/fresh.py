"""A new recording as a dataset would hold it: the same preparation, windows, omissions and numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_diffusion.datasets.scan import usable
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.recording import Span
from signal_diffusion.signals.encoding import Encoder
from signal_diffusion.signals.preparation import Prepared, prepare
from signal_diffusion.signals.shards import windows_of

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe


@dataclass(frozen=True)
class Fresh:
    """array: windows as a dataset stores them. numbers: which windows of the recording they are, int64 [windows].
    starts: where they start, float64 [windows], seconds."""

    array: np.ndarray
    numbers: np.ndarray
    starts: np.ndarray


def fresh_windows(
    path: str | Path,
    recipe: "Recipe",
    spec: dict[str, Any],
    reference: str | None = None,
    span: Span | None = None,
) -> Fresh:
    """The windows of one raw file by the dataset's recipe and its `dataset.json`.

    reference: the scalp electrode that was its reference, if it is known. span: the seconds of the file to read.
    UserError, in one line, for a file that the dataset would refuse.
    """
    found = prepare(path, recipe, reference, span)
    if found.meta["status"] != "ok":
        raise UserError(f"{path}: {found.meta['reason'].removeprefix(f'{Path(path).name}: ')}")
    windows, _ = windows_of(found, recipe, spec["representation"])
    kept = np.flatnonzero(_kept(found, windows, recipe))
    if not len(kept):
        raise UserError(f"{path}: none of its {len(windows)} windows holds a usable signal; record it again")
    return Fresh(Encoder(spec)(windows[kept]), kept, found.starts[kept] / recipe.signal.fs)


def _kept(found: Prepared, windows: np.ndarray, recipe: "Recipe") -> np.ndarray:
    """As the first reading of shards keeps windows: bool [windows]."""
    finite, signal = usable(windows, recipe.signal.fs)
    kept = finite & signal
    for reason in recipe.quality.drop:
        kept[found.meta["quality"]["windows"].get(reason, [])] = False
    return kept
