"""A transformer over patches of images or stretches of time series (Dosovitskiy et al. 2021)."""

import math

import torch
from torch import Tensor, nn

from signal_diffusion.errors import UserError
from signal_diffusion.models.readout import activation, two_layer_head


class Transformer(nn.Module):
    """`depth` times `layer_repeats` pre-norm layers over tokens that know their place.

    A token is a patch of all planes of an image, or a stretch of all channels of a time series; a learned position is
    added to each. Features are the mean of all tokens, or a token of its own (`pooling` "class_token"). Input
    [batch, planes, height, width] or [batch, channels, samples]; UserError if patches do not fill it.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        embedding_dim: int,
        dropout: float,
        activation_name: str,
        depth: int,
        layer_repeats: int,
        patch: tuple[int, ...],
        num_heads: int,
        pooling: str,
    ):
        super().__init__()
        _check_patches(shape[1:], patch)
        self.features, width = embedding_dim, embedding_dim
        convolution = nn.Conv2d if len(shape) == 3 else nn.Conv1d
        self.tokens = convolution(shape[0], width, patch, stride=patch)
        count = math.prod(n // p for n, p in zip(shape[1:], patch, strict=True))
        self.class_token = nn.Parameter(torch.zeros(1, 1, width)) if pooling == "class_token" else None
        self.positions = nn.Parameter(torch.empty(1, count, width))
        nn.init.trunc_normal_(self.positions, std=0.02)
        layers = [
            nn.TransformerEncoderLayer(
                width,
                num_heads,
                2 * width,
                dropout,
                activation(activation_name),
                batch_first=True,
                norm_first=True,
            )
            for _ in range(depth * layer_repeats)
        ]
        self.encoder = nn.TransformerEncoder(
            layers[0], len(layers), norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.encoder.layers = nn.ModuleList(layers)  # torch copies one, so that all would start alike
        self.project = nn.Linear(width, embedding_dim)

    def head(self, outputs: int) -> nn.Module:
        return two_layer_head(self.features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.tokens(x).flatten(2).transpose(1, 2) + self.positions
        if self.class_token is None:
            return self.project(self.encoder(tokens).mean(1))
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), tokens], dim=1)
        return self.project(self.encoder(tokens)[:, 0])


def _check_patches(size: tuple[int, ...], patch: tuple[int, ...]) -> None:
    if len(size) != len(patch) or any(n % p for n, p in zip(size, patch, strict=True)):
        windows, patches = (" x ".join(map(str, each)) for each in (size, patch))
        raise UserError(
            f"model.extras.patch_size: windows of {windows} do not divide into {patches}; change it"
        )
