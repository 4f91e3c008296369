"""A dataset's arrays from windows and back, by the numbers in its `dataset.json`; the same for every split.

Read from there: `representation`, `channels`; for images `resolution`, `frames`, `bins`, `min_db`, `max_db`; and
`scales`. They hold what becomes level 255 of each row, "I" and "Q" alike under "iq", or "magnitude"; for time series
the "mean" and "sd" of each channel, in uV.
"""

from typing import Any

import numpy as np

from signal_diffusion.signals import levels
from signal_diffusion.signals.images import (
    dequantise,
    dequantise_truncated,
    quantise,
    quantise_truncated,
    tile,
    untile,
)
from signal_diffusion.signals.representations import PLANES, SERIES
from signal_diffusion.signals.transforms import LEGACY

_VALUES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
_NUMBERS = np.nan_to_num(_VALUES).astype(np.float32)


class Encoder:
    """Windows as shards keep them -> what a dataset stores: uint8 images or z-scores.

    `shape` and `dtype` are those of one window as it is stored.
    """

    def __init__(self, spec: dict[str, Any]):
        self._spec = spec
        self._decibels = None
        if spec["representation"] == SERIES:
            self.shape, self.dtype = (len(spec["channels"]), spec["nsamps"]), np.float32
        else:
            size = spec["resolution"]
            self.shape, self.dtype = (len(PLANES[spec["representation"]]), size, size), np.uint8
        if spec["representation"] != SERIES and spec["bins"] != LEGACY:
            # A table of all float16 values: faster than the formula, and equal.
            self._decibels = quantise(_NUMBERS, spec["min_db"], spec["max_db"])

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """[n, channels, rows, frames] or [n, 3, channels, rows, frames] -> uint8 [n, 1 or 3, height, width].

        [n, channels, nsamps] -> float32 of the same shape.
        """
        representation, scales = self._spec["representation"], self._spec.get("scales", {})
        if representation == SERIES:
            mean, sd = (np.float32(scales[key])[:, None] for key in ("mean", "sd"))
            return (windows - mean) / sd
        if representation == "db-only":
            return self._tiled([self._grey(windows)])
        first, second = _numbers(windows[:, 1]), _numbers(windows[:, 2])
        if representation == "db-iq":
            scale = _per_row(scales["iq"])
            others = [levels.signed_levels(first, scale), levels.signed_levels(second, scale)]
        else:
            scale = _per_row(scales["magnitude"])
            others = [levels.magnitude_levels(first, scale), levels.phase_levels(second)]
        return self._tiled([self._grey(windows[:, 0]), *others])

    def _grey(self, db: np.ndarray) -> np.ndarray:
        if self._decibels is None:
            return quantise_truncated(db, self._spec["min_db"], self._spec["max_db"])
        return _looked_up(self._decibels, db.astype(np.float16, copy=False))

    def _tiled(self, planes: list[np.ndarray]) -> np.ndarray:
        return np.stack([tile(plane, self._spec["resolution"]) for plane in planes], axis=1)


def decode(array: np.ndarray, spec: dict[str, Any]) -> np.ndarray:
    """Inverse of `Encoder` up to rounding, float32: windows as shards have them, [n, (3,) channels, rows, frames].

    array: uint8 [n, 1 or 3, height, width], or z-scores [n, channels, nsamps], which come back in uV.
    """
    representation, scales = spec["representation"], spec.get("scales", {})
    if representation == SERIES:
        mean, sd = (np.float32(scales[key])[:, None] for key in ("mean", "sd"))
        return np.asarray(array, np.float32) * sd + mean
    planes = [untile(plane, len(spec["channels"]), spec["frames"]) for plane in np.moveaxis(array, 1, 0)]
    if len(planes) != len(PLANES[representation]):
        raise ValueError(
            f"{representation} images have {len(PLANES[representation])} planes, got {len(planes)}"
        )
    inverse = dequantise_truncated if spec["bins"] == LEGACY else dequantise
    db = inverse(planes[0], spec["min_db"], spec["max_db"])
    if representation == "db-only":
        return db
    if representation == "db-iq":
        scale = _per_row(scales["iq"])
        others = [levels.from_signed_levels(plane, scale) for plane in planes[1:]]
    else:
        magnitude = levels.from_magnitude_levels(planes[1], _per_row(scales["magnitude"]))
        others = [magnitude, levels.from_phase_levels(planes[2])]
    return np.stack([db, *others], axis=1)


def _per_row(scale: list[float]) -> np.ndarray:
    return np.float32(scale)[:, None]


def _numbers(values: np.ndarray) -> np.ndarray:
    """float16 -> float32 by table, several times as fast as numpy's conversion; other types as they are."""
    return _looked_up(_NUMBERS, values) if values.dtype == np.float16 else values


def _looked_up(table: np.ndarray, values: np.ndarray) -> np.ndarray:
    # mode="clip" spares a pass that looks for indices out of range: there are none.
    return np.take(table, np.ascontiguousarray(values).view(np.uint16), mode="clip")
