"""Dataset recipes: which recordings, which channels, how a window becomes an image, which splits."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from signal_diffusion.config.balance import Export, Origin, Weights
from signal_diffusion.config.channels import BIPOLAR_SET, Channels
from signal_diffusion.config.datasets import SIMULATED, check_db_range
from signal_diffusion.config.fields import Contradiction, Section, key, section
from signal_diffusion.config.messages import located, nearest
from signal_diffusion.config.quality import Filter, Quality
from signal_diffusion.config.reading import build, named, read_toml
from signal_diffusion.config.settings import Settings
from signal_diffusion.config.simulation import Simulation

BIPOLAR_DATASET = "mit"


class RecipeTable(Section):
    """The datasets that are mixed."""

    datasets: list[str] = key(
        ..., "Datasets by their names in the settings, or demo.", stage="dataset", min_length=1
    )
    missing: Literal["refuse", "skip"] = key(
        "refuse",
        "What to do when a dataset's recordings are absent; a skip is said in the card.",
        stage="dataset",
    )
    description: str = key("", "One sentence for the dataset card.", stage="dataset")


class Signal(Section):
    """From a recording to windows."""

    fs: float = key(
        125.0,
        "Sampling rate after resampling; recordings of a lower one are refused.",
        stage="shards",
        unit="Hz",
        gt=0,
    )
    nsamps: int = key(2048, "Length of a window.", stage="shards", unit="samples", ge=16)
    ovr_perc: float = key(0.5, "Overlap of successive windows, as a fraction.", stage="shards", ge=0, lt=1)
    reference: str | list[str] = key(
        "average",
        "What is subtracted: average (of the good channels), none, or the channels of these names.",
        stage="shards",
    )


class Spectrogram(Section):
    """From a window to an image; the dB range is taken at the dataset stage."""

    aliases: ClassVar[dict[str, str]] = {"bin_spacing": "bins"}
    resolution: int = key(256, "Height and width of the image.", stage="shards", unit="pixels", ge=8)
    bins: Literal["log", "linear", "log-legacy"] = key(
        "log",
        "Spacing of the frequency rows; log-legacy: the images of the old system, in dB re 1 V.",
        stage="shards",
    )
    window: int = key(512, "Longest STFT window.", stage="shards", unit="samples", ge=8)
    fmin: float = key(0.5, "Lowest frequency.", stage="shards", unit="Hz", gt=0)
    hop_step: Literal[4, 8] = key(
        4,
        "What the hop of log-legacy is a multiple of; old images of SEED have 8.",
        stage="shards",
        unit="samples",
    )
    min_db: float | None = key(
        None,
        "Lower end of the dB range; unset: the settings' or `lower_percentile`.",
        stage="dataset",
        unit="dB",
    )
    max_db: float | None = key(
        None,
        "Upper end of the dB range; unset: the settings' or `upper_percentile`.",
        stage="dataset",
        unit="dB",
    )
    lower_percentile: float = key(
        0.5, "Percentile of the training split that becomes black.", stage="dataset", unit="%", ge=0, le=100
    )
    upper_percentile: float = key(
        99.5, "Percentile of the training split that becomes white.", stage="dataset", unit="%", ge=0, le=100
    )

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        check_db_range(self.min_db, self.max_db)
        if self.lower_percentile >= self.upper_percentile:
            raise Contradiction("upper_percentile", "is not above lower_percentile; raise it")
        legacy = self.bins == "log-legacy"
        for name in ("window", "fmin") if legacy else ("hop_step",):
            if name in self.model_fields_set:
                message = f'means nothing with bins = "{self.bins}"; remove the key'
                raise Contradiction(name, message)
        return self


class Splits(Section):
    """Subjects to train, val and test."""

    train: float = key(0.8, "Fraction of the subjects.", stage="dataset", gt=0, le=1)
    val: float = key(0.1, "Fraction of the subjects.", stage="dataset", ge=0, lt=1)
    test: float = key(0.1, "Fraction of the subjects.", stage="dataset", ge=0, lt=1)
    seed: int = key(42, "Seed of the assignment.", stage="dataset", ge=0)
    stratify: list[str] = key(["gender", "health"], "Labels whose values are spread evenly.", stage="dataset")
    splits_file: str | None = key(
        None,
        "CSV of an earlier assignment (dataset, subject, split) to keep; relative to the project's folder.",
        stage="dataset",
    )

    @model_validator(mode="after")
    def _check_sum(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise Contradiction("train", f"train + val + test = {total:g}; make the fractions sum to 1")
        return self


class Captions(Section):
    """The words of the one template."""

    modality: str | None = key(
        None,
        "What a window is called; unset: spectrogram image, or time-series segment.",
        stage="dataset",
    )
    subject: str = key("subject", "What a person is called.", stage="dataset", min_length=1)
    fields: list[Literal["age", "health", "gender", "activity"]] = key(
        ["age", "health", "gender"],
        "Labels that the caption tells; unknown ones are left out.",
        stage="dataset",
    )


class Recipe(Section):
    """A file of config/dataset/; it makes results/dataset/{name}-{representation}/."""

    name: str
    path: Path
    recipe: RecipeTable
    channels: Channels = section(Channels)
    signal: Signal = section(Signal)
    filter: Filter = section(Filter)
    quality: Quality = section(Quality)
    spectrogram: Spectrogram = section(Spectrogram)
    splits: Splits = section(Splits)
    captions: Captions = section(Captions)
    weights: Weights = section(Weights)
    export: Export = section(Export)
    origins: dict[str, Origin] = Field(default_factory=dict)
    simulation: Simulation = section(Simulation)

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_mixture(self)
        _check_spectrogram(self)
        self.filter.check_rate(self.signal.fs)
        for name in self.origins.keys() - set(self.recipe.datasets):
            raise Contradiction(f"origins.{name}", "is not among recipe.datasets; correct the name")
        if self.simulated:
            _check_simulation(self)
        elif "simulation" in self.model_fields_set:
            raise Contradiction(
                "simulation.subjects", "only recipes of the demo dataset simulate; remove the section"
            )
        return self

    @property
    def simulated(self) -> bool:
        """Whether the recordings are simulated."""
        return SIMULATED in self.recipe.datasets


def load_recipe(name_or_path: str | Path, settings: Settings | None = None) -> Recipe:
    """Return a recipe by its name in config/dataset/ or its path.

    With settings, `weights.max_sampling_weight` and the dB range are resolved from them where the
    recipe leaves them open, so that `stage_keys` holds the values in force.
    """
    path = named(name_or_path, "dataset")
    recipe = build(Recipe, path, read_toml(path))
    return recipe if settings is None else _resolved(recipe, settings, path)


def _check_mixture(recipe: Recipe) -> None:
    names = recipe.recipe.datasets
    if len(set(names)) < len(names):
        raise Contradiction("recipe.datasets", "names a dataset twice; keep one")
    for alone in (SIMULATED, BIPOLAR_DATASET):
        if alone in names and len(names) > 1:
            why = "is simulated" if alone == SIMULATED else "has bipolar channels"
            raise Contradiction(
                "recipe.datasets", f"{alone} {why} and cannot be mixed; give it its own recipe"
            )
    bipolar = recipe.channels.set == BIPOLAR_SET
    if BIPOLAR_DATASET in names and not bipolar and isinstance(recipe.channels.set, str):
        raise Contradiction("channels.set", f'mit is bipolar; set it to "{BIPOLAR_SET}"')
    if bipolar and BIPOLAR_DATASET not in names:
        raise Contradiction("channels.set", f'"{BIPOLAR_SET}" fits the mit dataset only; use "1020-19"')
    if BIPOLAR_DATASET in names and recipe.signal.reference != "none":
        raise Contradiction(
            "signal.reference", 'mit is bipolar, its channels have no common reference; set it to "none"'
        )
    if recipe.signal.reference in ("", []):
        raise Contradiction("signal.reference", 'names no channel; write "none" for no reference')


def _check_spectrogram(recipe: Recipe) -> None:
    nyquist = recipe.signal.fs / 2
    legacy = recipe.spectrogram.bins == "log-legacy"
    if recipe.spectrogram.fmin >= nyquist and not legacy:
        raise Contradiction("spectrogram.fmin", f"is not below signal.fs / 2 = {nyquist:g} Hz; lower it")
    if recipe.spectrogram.window > recipe.signal.nsamps and not legacy:
        raise Contradiction(
            "spectrogram.window", f"is longer than signal.nsamps = {recipe.signal.nsamps}; shorten it"
        )
    wanted = recipe.channels.set
    if isinstance(wanted, list) and not 0 < len(wanted) <= recipe.spectrogram.resolution // 2:
        raise Contradiction(
            "channels.set", "needs 1 channel or more, and two image columns for each; change the list"
        )


def _check_simulation(recipe: Recipe) -> None:
    window = recipe.signal.nsamps / recipe.signal.fs
    if recipe.simulation.seconds < window:
        raise Contradiction("simulation.seconds", f"is shorter than one window ({window:g} s); lengthen it")
    if recipe.simulation.rate < recipe.signal.fs:
        raise Contradiction("simulation.rate", f"is below signal.fs = {recipe.signal.fs:g} Hz; raise it")


def _resolved(recipe: Recipe, settings: Settings, path: Path) -> Recipe:
    _check_known(recipe, settings, path)
    spectrogram, weights = recipe.spectrogram, recipe.weights
    if spectrogram.min_db is None:
        low, high = _shared_range(recipe, settings, path)
        spectrogram = spectrogram.model_copy(update={"min_db": low, "max_db": high})
    if weights.max_sampling_weight is None:
        weights = weights.model_copy(update={"max_sampling_weight": settings.data.max_sampling_weight})
    return recipe.model_copy(update={"spectrogram": spectrogram, "weights": weights})


def _check_known(recipe: Recipe, settings: Settings, path: Path) -> None:
    known = [*settings.datasets, SIMULATED]
    for name in recipe.recipe.datasets:
        if name not in known:
            hint = (
                f"did you mean {guess}?" if (guess := nearest(name, known)) else f"known: {', '.join(known)}"
            )
            raise located(path, "recipe.datasets", f"{name} has no [datasets.{name}] in the settings; {hint}")


def _shared_range(recipe: Recipe, settings: Settings, path: Path) -> tuple[float | None, float | None]:
    # One recipe has one range (design.md, section 2), so the datasets' own ranges are joined.
    bounds = [settings.datasets[name] for name in recipe.recipe.datasets if name != SIMULATED]
    ranged = [each for each in bounds if each.min_db is not None]
    if not ranged:
        return None, None
    if len(ranged) < len(bounds):
        message = "the settings give a dB range for some of the datasets only; give it for all, or here"
        raise located(path, "spectrogram.min_db", message)
    return min(each.min_db for each in ranged), max(each.max_db for each in ranged)
