"""Global settings: where raw recordings lie, where work goes, which text encoders are used."""

import os
import shlex
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from signal_diffusion.config.datasets import DatasetPaths, check_name, check_tasks, from_file
from signal_diffusion.config.fields import Section, key, section
from signal_diffusion.config.homes import HOMES, NO_ADDRESS, how_to_get, is_address
from signal_diffusion.config.messages import shown
from signal_diffusion.config.reading import build, find, project_root, read_toml
from signal_diffusion.errors import UserError

ENVIRONMENT_VARIABLE = "SIGNAL_DIFFUSION_CONFIG"
DEFAULT = Path("config/default.toml")

RootPath = Annotated[Path, BeforeValidator(from_file)]


class HfModels(Section):
    """Hugging Face ids of shared models."""

    stable_diffusion_model_id: str = key(
        "stabilityai/stable-diffusion-3.5-medium",
        "Hub id or folder of a Stable Diffusion 3 pipeline; its two CLIP text encoders embed the captions.",
        stage=("captions", "training"),
    )


class Data(Section):
    """Roots, and the representation that runs use unless they say otherwise."""

    root: RootPath = key(
        ..., "Folder of the raw datasets; absolute, or relative to this file.", stage="index", strict=False
    )
    output_root: RootPath = key(
        ...,
        "Folder of `work/`, all that is in between; path rules of `root`.",
        stage="index",
        strict=False,
    )
    recordings_per_job: int = key(
        128,
        "About how many recordings one preprocessing job takes together, where eight jobs of 16 are not enough; "
        "2 GB of them are a job in any case.",
        stage="shards",  # which are kept, by other jobs: so the dataset is made again
        ge=1,
        le=2000,  # their names stand in its command line
    )
    max_sampling_weight: float | None = key(
        None,
        "Largest training weight of a window, relative to the mean; unset: no cap.",
        stage="dataset",
        ge=1,
    )
    output_type: Literal["db-only", "db-iq", "db-polar"] = key(
        "db-only", "Planes of a spectrogram: the dB, or with them I and Q, or magnitude and phase."
    )
    data_type: Literal["spectrogram", "timeseries"] = key("spectrogram", "What a window becomes.")


class Settings(Section):
    """A settings file, its paths resolved; `path` is the file itself."""

    path: Path
    hf_models: HfModels = section(HfModels)
    data: Data
    datasets: dict[str, DatasetPaths] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self.data.fill(root=_absolute(self.data.root), output_root=_absolute(self.data.output_root))
        for name in HOMES:
            self.datasets.setdefault(name, DatasetPaths())
        for name, dataset in self.datasets.items():
            check_name(name)
            check_tasks(name, dataset)
            dataset.fill(root=_absolute(self.data.root / (dataset.root or name)))
        return self


def load_settings(path: str | os.PathLike | None = None) -> Settings:
    """Return the settings of `path`, else of SIGNAL_DIFFUSION_CONFIG, else of config/default.toml."""
    chosen = path or os.environ.get(ENVIRONMENT_VARIABLE)
    file = find(chosen) if chosen else project_root() / DEFAULT
    return build(Settings, file, read_toml(file))


def missing_dataset_message(settings: Settings, name: str) -> str:
    """Return one line for an absent dataset: the path, the key that sets it, how to get the data."""
    known = settings.datasets.get(name)
    where = f"{shown(settings.path)} [datasets.{name}] root"
    if known is None:
        return f"{name}: no such dataset in {shown(settings.path)}; set {where}"
    home = HOMES.get(name)
    how = how_to_get(home, download_command(settings, name)) if home else "put its recordings there"
    return f"{name}: no recordings in {known.root} ({where}); {how}, or correct the key"


def download_command(settings: Settings, name: str) -> str:
    """What downloads a dataset into the folder that these settings name."""
    file = shown(settings.path)
    chosen = f"--config {shlex.quote(f'settings={file}')} -- " if file != DEFAULT.as_posix() else ""
    return f"snakemake {chosen}data/{name}"


def dataset_address(settings: Settings, name: str, given: str | None = None) -> str:
    """Return where a dataset is downloaded, unless an address is given: its `url`, or its home.

    Raises UserError, which says in one line what to do, where it cannot be downloaded.
    """
    known = settings.datasets.get(name)
    if known is None:
        have = ", ".join(sorted(settings.datasets))
        raise UserError(f"{name}: no such dataset in {shown(settings.path)}; it has {have}")
    if given is not None and not is_address(given):
        raise UserError(f"{name}: {NO_ADDRESS}")
    home = HOMES.get(name)
    if address := given or known.url or (home and home.address):
        return address if address.endswith("/") else f"{address}/"
    how = f"{how_to_get(home, '')} and put it into {known.root}" if home else "it is published nowhere"
    where = f"{shown(settings.path)} [datasets.{name}] url"
    raise UserError(f"{name}: cannot be downloaded; {how}, or set {where} to a copy that you may use")


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))
