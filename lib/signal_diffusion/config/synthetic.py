"""Synthetic datasets: a file of config/synthetic/ makes results/synthetic/{name}/, which runs can name as a dataset."""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from signal_diffusion.config.balance import Export
from signal_diffusion.config.fields import Contradiction, Section, key, section


class SyntheticSettings(Section):
    """The global settings and the trainer."""

    config: str = key(
        "config/default.toml",
        "Settings file, from the project's folder; `--config settings=` and SIGNAL_DIFFUSION_CONFIG win.",
    )
    trainer: Literal["synthetic"] = key("synthetic", "The family that this file belongs to.")


class Conditions(Section):
    """What is asked for.

    `[[conditions.given]]`, or a line of the table, has the words of labels, an age, or a `text` of its own; a label
    that is left out is unknown. `share` says how often it is asked for, relative to the others.
    """

    distribution: Literal["reference", "balanced", "given"] = key(
        "reference",
        "Labels as the real windows of `split` have them, every combination of `labels` alike, or as given.",
        stage="synthetic",
    )
    split: Literal["train", "val", "test"] = key(
        "train",
        "Real windows whose labels are taken, or, of balanced sets, the labels that are not balanced.",
        stage="synthetic",
    )
    labels: list[str] = key(
        [], "Labels that are balanced; empty: the classes that the model is told.", stage="synthetic"
    )
    given: list[dict[str, str | int | float]] = key([], "The conditions, one table each.", stage="synthetic")
    table: str | None = key(
        None, "CSV with the conditions, one line each; from the project's folder.", stage="synthetic"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.labels and self.distribution != "balanced":
            raise Contradiction("labels", 'goes with distribution = "balanced"; set that, or remove the key')
        if (self.distribution == "given") != bool(self.given or self.table):
            message = (
                'goes with distribution = "given" and a table or [[conditions.given]]; give both or neither'
            )
            raise Contradiction("distribution" if self.distribution == "given" else "given", message)
        if self.given and self.table:
            raise Contradiction("table", "conditions.given is there too; keep one of them")
        return self


class SyntheticGeneration(Section):
    """How the windows are drawn; solver, steps and guidance are the run's own unless given."""

    num_samples: int = key(1000, "Synthetic windows.", stage="synthetic", ge=1)
    seed: int = key(0, "Seed of noise and labels.", stage="synthetic", ge=0)
    denoising_steps: int | None = key(None, "Solver steps; unset: the run's.", stage="synthetic", ge=1)
    cfg_scale: float | None = key(None, "Guidance, 1 is none; unset: the run's.", stage="synthetic", ge=0)


class SyntheticSet(Section):
    """A dataset drawn from a diffusion run; `name` and `path` are those of its file."""

    name: str
    path: Path
    run: str = key(
        ..., "The diffusion run, by its name in config/diffusion/.", stage="synthetic", min_length=1
    )
    real: Literal["none", "held-out", "all"] = key(
        "held-out",
        "Real windows beside the synthetic training windows: none, those of val and test, or training windows too.",
        stage="synthetic",
    )
    settings: SyntheticSettings = section(SyntheticSettings)
    conditions: Conditions = section(Conditions)
    generation: SyntheticGeneration = section(SyntheticGeneration)
    export: Export = section(Export)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.export.copies:
            raise Contradiction("export.copies", "synthetic windows have no weights; remove the key")
        return self
