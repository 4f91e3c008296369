"""Global settings: where raw recordings lie, where work goes, which text encoders are used."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from signal_diffusion.config.datasets import HOW_TO_GET
from signal_diffusion.config.fields import Contradiction, Section, key, section
from signal_diffusion.config.messages import shown
from signal_diffusion.config.reading import build, find, project_root, read_toml

ENVIRONMENT_VARIABLE = "SIGNAL_DIFFUSION_CONFIG"
LATER_OUTPUT = {
    "db-iq": "use db-only",
    "db-polar": "use db-only",
}
_OUTPUT = (
    "all in-between files lie under data.output_root, and scripts run by hand take --out; remove the key"
)
LATER_DATA = {"timeseries": "use spectrogram"}


def _from_file(value: Any, info: ValidationInfo) -> Any:
    return info.context["path"].parent / Path(value).expanduser() if isinstance(value, str) else value


def _from_file_if_dotted(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str) and value.startswith("~"):
        return Path(value).expanduser()
    return _from_file(value, info) if isinstance(value, str) and value.startswith(("./", "../")) else value


RootPath = Annotated[Path, BeforeValidator(_from_file)]
DatasetPath = Annotated[Path | None, BeforeValidator(_from_file_if_dotted)]


class HfModels(Section):
    """Hugging Face ids of shared models."""

    stable_diffusion_model_id: str = key(
        "stabilityai/stable-diffusion-3.5-medium",
        "Hub id or folder of a Stable Diffusion 3 pipeline; its two CLIP text encoders embed the captions.",
        stage=("captions", "training"),
    )


class Data(Section):
    """Roots, and the representation that runs use unless they say otherwise."""

    root: RootPath = key(..., "Folder of the raw datasets; absolute, or relative to this file.", strict=False)
    output_root: RootPath = key(
        ..., "Folder of `work/`, all that is in between; path rules of `root`.", strict=False
    )
    max_sampling_weight: float | None = key(
        None,
        "Largest training weight of a window, relative to the mean; unset: no cap.",
        stage="dataset",
        ge=1,
    )
    output_type: Literal["db-only"] = key(
        "db-only", "Channels of a spectrogram; db-only: the magnitude.", later=LATER_OUTPUT
    )
    data_type: Literal["spectrogram"] = key("spectrogram", "What a window becomes.", later=LATER_DATA)


class DatasetPaths(Section):
    """Where one dataset lies, and its dB range.

    A relative path that starts with ./ or ../ counts from this file's folder; other relative
    ones from `data.root`. ~ is the home folder.
    """

    root: DatasetPath = key(None, "Raw recordings; default: the dataset's name.", strict=False)
    kind: Literal["", "bids", "folder"] = key(
        "",
        "How a dataset of your own is laid out; a dataset that has code of its own by its name has none.",
        stage="index",
    )
    output: str | None = key(None, "Folder of the spectrograms.", refused=_OUTPUT)
    timeseries_output: str | None = key(None, "Folder of the time series.", refused=_OUTPUT)
    min_db: float | None = key(
        None, "Lower end of the dB range; unset: from the training split.", stage="dataset", unit="dB"
    )
    max_db: float | None = key(
        None, "Upper end of the dB range; goes with `min_db`.", stage="dataset", unit="dB"
    )

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        check_db_range(self.min_db, self.max_db)
        return self


class Settings(Section):
    """A settings file, its paths resolved; `path` is the file itself."""

    path: Path
    hf_models: HfModels = section(HfModels)
    data: Data
    datasets: dict[str, DatasetPaths] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self.data.fill(root=_absolute(self.data.root), output_root=_absolute(self.data.output_root))
        for name in HOW_TO_GET:
            self.datasets.setdefault(name, DatasetPaths())
        for name, dataset in self.datasets.items():
            dataset.fill(root=_absolute(self.data.root / (dataset.root or name)))
        return self


def load_settings(path: str | os.PathLike | None = None) -> Settings:
    """Return the settings of `path`, else of SIGNAL_DIFFUSION_CONFIG, else of config/default.toml."""
    chosen = path or os.environ.get(ENVIRONMENT_VARIABLE)
    file = find(chosen) if chosen else project_root() / "config" / "default.toml"
    return build(Settings, file, read_toml(file))


def missing_dataset_message(settings: Settings, name: str) -> str:
    """Return one line for an absent dataset: the path, the key that sets it, how to get the data."""
    known = settings.datasets.get(name)
    where = f"{shown(settings.path)} [datasets.{name}] root"
    if known is None:
        return f"{name}: no such dataset in {shown(settings.path)}; set {where}"
    how = HOW_TO_GET.get(name, "put its recordings there")
    return f"{name}: no recordings in {known.root} ({where}); {how}, or correct the key"


def check_db_range(min_db: float | None, max_db: float | None) -> None:
    """Refuse half a dB range, or an empty one."""
    if (min_db is None) != (max_db is None):
        given = "min_db" if max_db is None else "max_db"
        raise Contradiction(given, "is half a range; give both min_db and max_db, or neither")
    if min_db is not None and min_db >= max_db:
        raise Contradiction("max_db", f"{max_db:g} dB is not above min_db = {min_db:g} dB; raise it")


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))
