"""Whether a network's tokens fit what it is trained on: pixels, latents or the samples of electrodes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.images import IMAGES
from signal_diffusion.config.messages import located
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.config.support import SupportRun

SERIES = "timeseries"
PLANES = (1, 3)  # of images from elsewhere: grey, or in colour
CHANNELS = {"db-only": 1, "db-iq": 3, "db-polar": 3, SERIES: 1, IMAGES: 3}


class Grid(NamedTuple):
    """What a network sees, as far as the files say: channels, height, width; None where the data alone say it."""

    channels: int | None
    height: int | None
    width: int | None


def grid_of(run: DiffusionRun, recipe: Recipe | None, kind: str, vae: SupportRun | None) -> Grid:
    """The grid of a run on representation `kind`; electrodes are the rows of a time series, and are counted later."""
    if kind == IMAGES:
        side = None if run.model.extras.latent_space else run.dataset.resolution
        return Grid(run.model.extras.in_channels, side, side)
    if kind == SERIES:
        return Grid(1, None, recipe.signal.nsamps)
    side = recipe.spectrogram.resolution
    if not run.model.extras.latent_space:
        return Grid(CHANNELS[kind], side, side)
    if vae is None:
        return Grid(None, None, None)
    return Grid(vae.vae.latent_channels, side // vae.vae.factor, side // vae.vae.factor)


def check_grid(run: DiffusionRun, recipe: Recipe | None, kind: str, vae: SupportRun | None) -> None:
    """Refuse (UserError) a network that does not fit the grid of its run."""
    if recipe is not None:
        _check_resolution(run, recipe, kind)
    if vae is not None:
        _check_halved(run, recipe, vae)
    grid = grid_of(run, recipe, kind, vae)
    _check_sample_size(run, kind, grid, f"recipe {recipe.name}" if recipe else run.dataset.name)
    _check_channels(run.path, run, kind, grid)
    if kind == IMAGES and not run.model.extras.latent_space and grid.channels not in (None, *PLANES):
        message = f"found {grid.channels}, but images are read grey or in colour; set 1 or 3"
        raise located(run.path, "model.extras.in_channels", message)
    _check_patches(run, grid)


def _check_resolution(run: DiffusionRun, recipe: Recipe, kind: str) -> None:
    size, given = recipe.spectrogram.resolution, run.dataset.resolution
    if given != size and (kind != SERIES or "resolution" in run.dataset.model_fields_set):
        message = f"found {given}, but recipe {recipe.name} makes {size}; set {size}"
        raise located(run.path, "dataset.resolution", message)


def _check_halved(run: DiffusionRun, recipe: Recipe, vae: SupportRun) -> None:
    size, factor = recipe.spectrogram.resolution, vae.vae.factor
    if size % factor:
        message = (
            f"{vae.name} shrinks images {factor} times, which does not divide {size}; give it fewer widths"
        )
        raise located(run.path, "model.extras.vae", message)


def _check_sample_size(run: DiffusionRun, kind: str, grid: Grid, source: str) -> None:
    found = run.model.sample_size
    if found is not None and kind == SERIES:
        raise located(run.path, "model.sample_size", "a time series is no square; remove the key")
    if found is not None and grid.height is not None and found != grid.height:
        made = "latents" if run.model.extras.latent_space else "images"
        message = f"found {found}, but {made} of {source} are {grid.height} high; set that"
        raise located(run.path, "model.sample_size", message)


def _check_channels(path: Path, run: DiffusionRun, kind: str, grid: Grid) -> None:
    for name in ("in_channels", "out_channels"):
        found = getattr(run.model.extras, name)
        if found is not None and grid.channels is not None and found != grid.channels:
            noun = "channel" if grid.channels == 1 else "channels"
            what = "its latents have" if run.model.extras.latent_space else f"{kind} has"
            message = (
                f"found {found}, but {what} {grid.channels} {noun}; set {grid.channels}, or remove the key"
            )
            raise located(path, f"model.extras.{name}", message)


def _check_patches(run: DiffusionRun, grid: Grid) -> None:
    """Rows of a time series are not asked: electrodes are filled up to whole tokens."""
    extras = run.model.extras
    sides = zip(extras.patch_size, extras.coarsest, (grid.height, grid.width), strict=True)
    for patch, coarsest, side in sides:
        if side is not None and side % coarsest:
            doubled = f", doubled to {coarsest} over the levels," if coarsest != patch else ""
            message = f"{patch} pixels{doubled} do not divide {side}; change it"
            raise located(run.path, "model.extras.patch_size", message)
