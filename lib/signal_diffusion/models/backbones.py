"""The networks of classifiers by name: windows in, features out, and what kind of head reads these.

A backbone maps images [batch, planes, height, width] or time series [batch, channels, samples] to features
[batch, `features`]; its `head(outputs)` makes one task's head.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

BACKBONES = {
    "cnn_light": "cnn.CnnLight",
    "cnn": "cnn.Cnn",
    "cnn_1d": "cnn_1d.Cnn1d",
    "cnn_1d_light": "cnn_1d.Cnn1dLight",
    "transformer": "transformer.Transformer",
    "eegnet": "eegnet.EEGNet",
    "shallowfbcspnet": "filterbank.ShallowFBCSPNet",
    "deep4net": "filterbank.Deep4Net",
    "spectrum": "fixed.spectrum",
    "covariance": "fixed.Covariance",
}


def module_of(name: str) -> str:
    """The module of a backbone, so that a rule can follow its code."""
    return f"{__package__}.{BACKBONES[name].partition('.')[0]}"


def build_backbone(name: str, **arguments: Any) -> "nn.Module":
    """A backbone with fresh weights, drawn from torch's global generator."""
    return getattr(import_module(module_of(name)), BACKBONES[name].partition(".")[2])(**arguments)
