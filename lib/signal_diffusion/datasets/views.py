"""Windows of any representation as decibel images: what distances, spectra and figures of all of them look at."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_diffusion.config.images import IMAGES
from signal_diffusion.datasets.ranges import DecibelHistogram, decibel_range
from signal_diffusion.datasets.storage import Windows, read_spec
from signal_diffusion.signals.encoding import decode
from signal_diffusion.signals.images import quantise, tile
from signal_diffusion.signals.representations import SERIES
from signal_diffusion.signals.transforms import described, make_transform, transform_of

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe

BLOCK = 64
RANGE_WINDOWS = 2048  # training windows that say where the decibels of a time series lie


class DecibelView:
    """The dB plane of spectrograms; time series through the recipe's own STFT; all planes of images from elsewhere.

    `spec` is the dataset's `dataset.json`, for time series with the keys of an image beside its own.
    """

    def __init__(self, spec: dict[str, Any]):
        self.spec = spec

    @classmethod
    def of(cls, dataset: str | Path, recipe: "Recipe | None", split: str = "train") -> "DecibelView":
        """The view of a dataset folder; the range of a time series' decibels is that of `split`."""
        spec = read_spec(dataset)
        if spec["representation"] != SERIES:
            return cls(spec)
        return cls({**spec, **_image_keys(Windows(dataset, split), recipe)})

    def images(self, array: np.ndarray) -> np.ndarray:
        """Windows as their dataset stores them -> uint8 [n, 1, resolution, resolution]; images keep their planes."""
        if self.spec["representation"] == IMAGES:
            return array
        if array.ndim == 4:
            return array[:, :1]
        blocks = [array[first : first + BLOCK] for first in range(0, len(array), BLOCK)]
        size = self.spec["resolution"]
        images = [tile(self._levels(block), size)[:, None] for block in blocks]
        return np.concatenate(images) if images else np.zeros((0, 1, size, size), np.uint8)

    def decibels(self, series: np.ndarray) -> np.ndarray:
        """z-scores [n, channels, nsamps] -> float32 dB [n, channels, rows, frames], lowest frequency first."""
        return series_decibels(series, self.spec)

    def _levels(self, series: np.ndarray) -> np.ndarray:
        return quantise(self.decibels(series), self.spec["min_db"], self.spec["max_db"])


def series_decibels(series: np.ndarray, spec: dict[str, Any]) -> np.ndarray:
    """z-scores [n, channels, nsamps] -> float32 dB [n, channels, rows, frames] of the STFT that `spec` describes."""
    transform = transform_of(spec)
    coefficients = transform.transform_windows(decode(series, spec))
    return transform.decibels(np.square(coefficients.real) + np.square(coefficients.imag))


def _image_keys(windows: Windows, recipe: "Recipe") -> dict[str, Any]:
    """What `dataset.json` of the recipe's images says of rows, frames and range."""
    spec = windows.spec
    transform = make_transform(len(spec["channels"]), recipe.signal, recipe.spectrogram)
    keys = {
        "resolution": recipe.spectrogram.resolution,
        **described(recipe.spectrogram),
        "frequencies": transform.frequencies.tolist(),
        "frames": transform.frames,
    }
    histogram = DecibelHistogram()
    rows = np.unique(np.linspace(0, len(windows) - 1, RANGE_WINDOWS).round().astype(np.int64))
    for first in range(0, len(rows), BLOCK):
        series = windows.array(rows[first : first + BLOCK])
        histogram.add(transform.stored(series_decibels(series, {**spec, **keys})))
    low, high = decibel_range(recipe.spectrogram, histogram)
    return {**keys, "min_db": low, "max_db": high}
