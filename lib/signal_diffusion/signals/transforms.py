"""The transform that a recipe or a dataset asks for."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from signal_diffusion.signals.frames import Frames
from signal_diffusion.signals.legacy import LegacyStft, legacy_window
from signal_diffusion.signals.stft import Stft

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Signal, Spectrogram

LEGACY = "log-legacy"


def make_transform(n_channels: int, signal: "Signal", spectrogram: "Spectrogram") -> Frames:
    """For a recipe's sections, the same object again for the same ones; UserError, naming the key, if there is none."""
    sizes = (spectrogram.resolution, n_channels, signal.nsamps, signal.fs)
    return _made(*sizes, described(spectrogram))


def described(spectrogram: "Spectrogram") -> dict[str, Any]:
    """What `dataset.json` tells of the settings, so that `transform_of` can make the transform again."""
    if spectrogram.bins == LEGACY:
        length = legacy_window(spectrogram.resolution)
        return {"bins": spectrogram.bins, "window": length, "hop_step": spectrogram.hop_step}
    return {"bins": spectrogram.bins, "window": spectrogram.window, "fmin": spectrogram.fmin}


def transform_of(spec: dict[str, Any]) -> Frames:
    """For the images of a dataset, from its `dataset.json`; the same object again for the same settings."""
    return _made(spec["resolution"], len(spec["channels"]), spec["nsamps"], spec["fs"], spec)


def _made(resolution: int, n_channels: int, nsamps: int, fs: float, settings: dict[str, Any]) -> Frames:
    sizes = (resolution, n_channels, nsamps, fs)
    if settings["bins"] == LEGACY:
        return _kept(LegacyStft, *sizes, settings["hop_step"])
    return _kept(Stft, *sizes, settings["window"], settings["bins"], settings["fmin"])


# A process makes the shards of many recordings, and the rows and the basis cost a tenth of one.
@lru_cache(maxsize=2)
def _kept(kind: type[Frames], *settings: Any) -> Frames:
    return kind(*settings)
